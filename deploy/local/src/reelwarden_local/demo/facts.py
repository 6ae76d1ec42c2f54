"""What was measured, told to people; a fact without words here is for the JSON only."""

from collections.abc import Mapping

from reelwarden_local.words import Words

LABELS = {
    "again": Words("再次交付的答复", "second release answered"),
    "bad": Words("坏文件", "bad"),
    "bad_files": Words("坏文件", "bad files"),
    "bytes": Words("字节", "bytes"),
    "days_held": Words("实际保存天数", "days held"),
    "double": Words("重复", "double"),
    "erased": Words("已销毁", "erased"),
    "file": Words("文件", "file"),
    "files": Words("文件", "files"),
    "gap": Words("缺口", "gap"),
    "gaps": Words("缺口", "gaps"),
    "good": Words("可读", "good"),
    "held": Words("保全", "held"),
    "kind": Words("写入时", "written as"),
    "layouts": Words("布局", "layouts"),
    "loss": Words("丢失", "loss"),
    "missing": Words("缺少", "missing"),
    "pages": Words("页", "pages"),
    "pdf_bytes": Words("PDF 字节", "bytes of PDF"),
    "problems": Words("发现的问题", "problems found"),
    "range": Words("区间", "range"),
    "reason": Words("报告为", "reported as"),
    "recorded": Words("已记录", "recorded"),
    "refused": Words("拒绝的原因", "refused as"),
    "refused_attempts": Words("被拒绝的尝试", "refused attempts"),
    "rejected": Words("不能用", "rejected"),
    "rule": Words("依据", "by rule"),
    "runs": Words("备份次数", "runs"),
    "segment": Words("录像段", "segment"),
    "segments": Words("录像段", "segments"),
    "signatures": Words("签字", "signatures"),
    "sources": Words("来源", "sources"),
    "status": Words("答复", "answered"),
    "sweeps": Words("清理", "sweeps"),
    "verified": Words("已核对", "verified"),
    "waiting": Words("待核对", "waiting"),
    "without_footage": Words("没有录像的时段", "spans without footage"),
    "written_while_cut": Words("断网期间写入", "written while cut"),
}
VALUES = {
    "True": Words("有", "yes"),
    "False": Words("没有", "no"),
    "backup": Words("备份", "backup"),
    "disk": Words("磁盘", "disk"),
    "empty": Words("空文件", "empty"),
    "forged": Words("伪造", "forged"),
    "outdated": Words("过时", "outdated"),
    "truncated": Words("写到一半", "truncated"),
    "unreadable-time": Words("时间读不出", "unreadable time"),
    "vault": Words("保全库", "vault"),
}


def told(facts: Mapping[str, object]) -> str:
    """One line of what was measured, in the language of the story."""
    shown = [f"{LABELS[name]} {_value(value)}" for name, value in facts.items() if name in LABELS]
    return " · ".join(shown)


def _value(value: object) -> str:
    words = str(value).split(",")
    return ", ".join(str(VALUES.get(word, word)) for word in words)
