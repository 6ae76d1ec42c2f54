"""What each kind of difference is and what to do about it, for people."""

from reelwarden_local.words import Words

RESTORE = (
    "可在备份页恢复；无完好备份则按丢失处理",
    "restore it on the backup page; without a good copy it is a loss",
)
REPAIR = ("可用 --repair 修复", "--repair mends it")
LOOK = ("请人工查看，不会自动处理", "look at it; nothing is done by itself")
KEEP = ("留存原文件并查明原因；可从备份恢复", "keep the file, find out why; the backup may have it whole")

_KINDS: dict[str, tuple[str, str, tuple[str, str]]] = {
    "missing": ("目录中有，磁盘上没有", "catalogued, not on the disk", RESTORE),
    "lost": ("已知丢失，未到期", "known to be lost before its day", RESTORE),
    "unreadable": (
        "磁盘上读不出",
        "cannot be read from the disk",
        ("检查磁盘和权限", "check the disk and its rights"),
    ),
    "altered": ("已知内容已变", "known to be altered", KEEP),
    "size-differs": ("文件大小与登记不符", "the file's size is not as recorded", KEEP),
    "digest-differs": ("内容与登记的摘要不符", "the content is not what was recorded", KEEP),
    "unknown-file": ("磁盘上有，目录中没有", "on the disk, not catalogued", REPAIR),
    "not-vaulted": ("被保全而不在保管库", "held, and not in the vault", REPAIR),
    "vault-missing": ("保管库中的文件不在了", "gone from the vault", REPAIR),
    "vault-altered": ("保全前内容已变", "was altered before it was held", KEEP),
    "vault-size-differs": ("保管库中大小不符", "another size in the vault", KEEP),
    "vault-digest-differs": ("保管库中内容不符", "another content in the vault", KEEP),
    "vault-unreadable": ("保管库中读不出", "cannot be read in the vault", ("检查磁盘", "check the disk")),
    "vault-unknown": ("保管库中不明的文件", "unknown file in the vault", LOOK),
    "erasure-unfinished": (
        "删除未完成",
        "an erasure is not finished",
        ("下次清理时完成", "the next sweep ends it"),
    ),
    "trash-unknown": ("待删区中不明的文件", "unknown file in the trash", LOOK),
    "copy-missing": ("备份对象不在了", "a copy is gone from the store", REPAIR),
    "copy-size-differs": ("备份对象大小不符", "a copy has another size", REPAIR),
    "copy-digest-differs": (
        "备份内容不符",
        "a copy has another content",
        ("台账回读后会另存一份", "the ledger reads it back and asks for another"),
    ),
    "copy-unreadable": ("备份对象读不出", "a copy cannot be read", ("检查存储", "check the store")),
    "copy-corrupt": ("台账已知损坏", "known to be corrupt", ("等待另存的备份", "another is on its way")),
    "copy-unknown": (
        "桶中不明的对象",
        "in the bucket, and unknown",
        ("台账可用 --repair 收录", "--repair has the ledger take it in"),
    ),
    "lock-short": ("锁定期不足", "locked for too short a time", REPAIR),
    "hold-missing": ("缺少法律保留", "lacks its legal hold", REPAIR),
    "not-copied": ("记为已备份而没有备份", "counts as copied and is not", REPAIR),
    "not-read-back": ("超过一天未回读", "not read back for more than a day", REPAIR),
    "record-missing": ("备份记录对象不在了", "a backup record is gone from the bucket", LOOK),
    "record-damaged": ("备份记录读不懂", "a backup record cannot be understood", LOOK),
    "record-differs": ("备份记录与台账不符", "a backup record says something else", LOOK),
    "record-names-unknown": ("备份记录中有台账不知的备份", "a backup record names unknown copies", LOOK),
    "day-differs": ("索引与学校的计数不符", "the index has not what the school counts", REPAIR),
    "copies-differ": (
        "台账与学校的备份计数不符",
        "the ledger has not the copies that the school counts",
        ("线路积压传完后再查；桶中不明的对象可收录", "check again once the line has caught up"),
    ),
    "erased-but-listed": ("有删除证明而仍在索引中", "certified as erased, and still listed", REPAIR),
    "erased-without-certificate": ("标为删除而无证明", "marked as erased without a certificate", LOOK),
    "identity-differs": ("行内容与其编号不符", "a row is not what its id says", LOOK),
}
_RESULTS = {
    "is-read": ("已读入", "is being read"),
    "put-into-the-vault": ("已放入保管库", "put into the vault"),
    "is-copied-again": ("将再次备份", "is copied again"),
    "is-protected-again": ("将重设锁定和保留", "lock and hold are set again"),
    "is-read-back": ("将回读", "is read back"),
    "is-taken-in": ("已收录", "taken in"),
    "is-said-again": ("学校将再报一次", "the school says it again"),
    "is-marked-erased": ("已标为删除", "marked as erased"),
    "not-repairable": ("不能自动修复", "is not mended by itself"),
    "as-it-should-be": ("已正常", "is well by now"),
    "not-at-its-place": ("原文件不在", "its file is not there"),
    "altered-at-its-place": ("原文件内容已变，未动", "its file was altered; nothing was touched"),
    "nothing-is-written-with-it": ("对象上没有说明，不能收录", "nothing is written with it"),
}


def what(kind: str) -> Words:
    """What a kind is; of one that a newer role tells, its code."""
    zh, en, _ = _KINDS.get(kind, (kind, kind, LOOK))
    return Words(zh, en)


def to_do(kind: str, *, repairable: bool) -> Words:
    """What to do about it, where the role says that it can mend it and where not."""
    own = _KINDS.get(kind, (kind, kind, LOOK))[2]
    return Words(*(REPAIR if repairable else LOOK if own == REPAIR else own))


def result(code: str) -> Words:
    """What became of a repair."""
    return Words(*_RESULTS.get(code, (code, code)))
