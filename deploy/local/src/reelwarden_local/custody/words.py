"""What each kind of entry of the custody log is called, for people."""

from collections.abc import Mapping
from typing import Any

from reelwarden_local.words import Words

_KINDS: Mapping[str, tuple[str, str]] = {
    "custody.hour": ("一小时的录像已入库", "an hour of footage was recorded"),
    "scanner.segment.rejected": ("文件不能作为录像", "files were refused as footage"),
    "scanner.segment.altered": ("录像内容被改动", "footage was altered"),
    "scanner.segment.lost": ("录像在到期前消失", "footage vanished before its day"),
    "reaper.plan.applied": ("学校执行保存计划", "the school goes by a plan"),
    "reaper.plan.refused": ("学校拒绝保存计划", "the school refused a plan"),
    "reaper.hold.inforce": ("保全生效情况", "how far a hold is in force"),
    "reaper.hold.frozen": ("学校就地保全", "the school froze footage"),
    "reaper.segment.erased": ("录像到期销毁", "footage was erased on its day"),
    "reaper.sweep.stopped": ("清理中止，等待确认", "a sweep stopped and asks"),
    "exporter.export.ready": ("录像已导出", "footage was exported"),
    "exporter.export.failed": ("导出失败", "an export failed"),
    "replicator.object.erased": ("备份随原件销毁", "copies were erased with the originals"),
    "replicator.object.restored": ("录像由备份恢复", "footage was restored from its copy"),
    "replicator.restore.failed": ("恢复失败", "a restore failed"),
    "replicator.run.recorded": ("备份记录", "a backup was made"),
    "keeper.hold.asked": ("申请保全", "a hold was asked for"),
    "keeper.hold.decided": ("决定保全", "a hold was decided"),
    "keeper.hold.released": ("解除保全（延时生效）", "a hold is released, after a delay"),
    "keeper.hold.lapsed": ("保全到期", "a hold reached its end"),
    "keeper.plan.issued": ("下达保存计划", "a plan was issued"),
    "desk.application.filed": ("提出调取申请", "an application was filed"),
    "desk.application.approved": ("批准调取", "an application was approved"),
    "desk.application.rejected": ("驳回申请", "an application was rejected"),
    "desk.application.withdrawn": ("撤回申请", "an application was withdrawn"),
    "desk.application.lapsed": ("申请逾期失效", "an application lapsed"),
    "desk.application.closed": ("申请结案", "an application was closed"),
    "desk.extension.filed": ("申请延期保存", "keeping for longer was asked for"),
    "desk.extension.granted": ("批准延期保存", "keeping for longer was approved"),
    "desk.extension.ended": ("延期保存结束", "keeping for longer ended"),
    "desk.release.stopped": ("中止解除保全", "a release was stopped"),
    "desk.retrieval.authorised": ("准予导出", "the export was authorised"),
    "desk.viewing.started": ("开始查看", "a viewing began"),
    "desk.viewing.stopped": ("结束查看", "a viewing ended"),
    "desk.still.taken": ("截图", "a still was taken"),
    "desk.parts.combined": ("一人兼任两责", "one person held two parts"),
    "desk.parts.reviewed": ("兼任已复核", "the two parts were reviewed"),
    "desk.copy.released": ("拷贝放行", "a copy was released"),
    "desk.record.signed": ("签署调取记录", "the record was signed"),
    "desk.use.declared": ("申报使用情况", "the use was declared"),
    "desk.access.denied": ("被拒绝的尝试", "an attempt was refused"),
    "desk.access.changed": ("停止或恢复某人的权限", "somebody's access ended or came back"),
    "desk.training.acknowledged": ("确认制度与培训", "the rules were acknowledged"),
    "desk.sweep.confirmed": ("确认继续清理", "a sweep was let go on"),
    "desk.restore.asked": ("要求恢复录像", "a restore was asked for"),
    "ledger.restore.requested": ("下达恢复", "a restore was ordered"),
    "ledger.object.verified": ("备份回读无误", "copies were read back and are right"),
    "ledger.object.corrupt": ("备份损坏", "a copy is corrupt"),
    "ledger.drill.completed": ("恢复演练", "a restore drill was done"),
    "inspector.report.published": ("发布书面报告", "a report was published"),
    "inspector.report.signed": ("签署书面报告", "a report was signed"),
    "inspector.rules.published": ("发布制度", "a rule set was published"),
    "any.key.changed": ("密钥更换", "a key was changed"),
    "any.letter.settled": ("处理搁置的消息", "a message that was given up was settled"),
}
_LONGEST = 400


def kind(ce_type: str) -> Words:
    """What an entry tells, by the type that stands in it; an unknown one by its own name."""
    known = _KINDS.get(plain(ce_type))
    return Words(*known) if known else Words(ce_type, ce_type)


def plain(ce_type: str) -> str:
    """A CloudEvents type without name and version, as the table has it."""
    return ce_type.removeprefix("reelwarden.").rpartition(".v")[0]


def facts(found: Mapping[str, Any]) -> str:
    """An entry's facts in one line; all of them stand in the JSON."""
    given = {name: value for name, value in found.items() if value not in (None, "", [])}
    told = "; ".join(f"{name}={_short(value)}" for name, value in given.items())
    return told if len(told) <= _LONGEST else told[:_LONGEST] + "…"


def _short(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, list):
        return "[" + ", ".join(_short(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={_short(one)}" for name, one in value.items()) + "}"
    text = str(value).replace(".000000Z", "Z")
    digest = len(text) == 64 and not set(text) - set("0123456789abcdef")  # noqa: PLR2004 - SHA-256
    return text[:12] + "…" if digest else text
