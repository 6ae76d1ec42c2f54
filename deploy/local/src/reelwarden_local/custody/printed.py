"""A history as a table, as JSON, and as PDF."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from reelwarden_common.pdf import render_pdf
from reelwarden_local.custody.asking import History
from reelwarden_local.custody.words import facts, kind
from reelwarden_local.words import Words, language

_TEMPLATE = Path(__file__).parent / "history.typ"


def as_json(history: History) -> str:
    """All of it: entries as hashed, proofs, checkpoints, keys."""
    document = history.newest.model_dump(mode="json") | {
        "school": history.school,
        "entries": [
            {"index": one.index, "entry": json.loads(one.entry), "text": one.entry, "proof": one.proof}
            for one in history.entries
        ],
        "more": history.more,
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def show(history: History) -> None:
    """The table, and below it what it stands under."""
    if not history.entries:
        print(Words("存证日志中没有", "the custody log has nothing of it"))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in _columns():
        table.add_column(column, overflow="fold")
    for row in rows(history):
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    for line in signed(history):
        print(line)


def rows(history: History) -> list[tuple[str, ...]]:
    """A line an entry: its number in the log, time, what happened, who wrote it, facts."""
    return [
        (str(one.index), _local(told["at"]), str(kind(told["type"])), told["by"], facts(told["facts"]))
        for one, told in zip(history.entries, history.told(), strict=True)
    ]


def signed(history: History) -> list[str]:
    """Under which checkpoint the entries stand, and who signed it."""
    log = history.newest.key.partition("+")[0]
    found = [Words(f"检查点 {history.checkpoint}（{log} 签名）", f"checkpoint {history.checkpoint} ({log})")]
    if history.countersigned:
        size, name, seconds = history.countersigned
        at = datetime.fromtimestamp(seconds, UTC).isoformat()
        found.append(Words(f"前 {size} 条由 {name} 于 {at} 会签", f"{size} countersigned by {name}, {at}"))
    else:
        found.append(Words("尚未会签：只有一方签名", "not countersigned yet: one side alone signed"))
    found.append(Words("每条的证明均已核对", "the proof of every entry was checked"))
    if history.more:
        found.append(Words("还有更早的条目（--limit）", "there are older entries (--limit)"))
    return [str(one) for one in found]


def as_pdf(history: History, title: str, moment: datetime) -> bytes:
    """The same on paper, with the whole checkpoint."""
    data: dict[str, Any] = {
        "language": language(),
        "title": title,
        "columns": _columns(),
        "rows": rows(history),
        "signed": signed(history),
        "checkpoint": history.newest.checkpoint,
        "empty": str(Words("存证日志中没有", "the custody log has nothing of it")),
        "footer": str(Words("存证日志", "custody log")),
    }
    return render_pdf(_TEMPLATE, data, moment=moment)


def _columns() -> Sequence[str]:
    names = (("序号", "leaf"), ("时间", "time"), ("事项", "what"), ("记录者", "by"), ("内容", "facts"))
    return [str(Words(zh, en)) for zh, en in names]


def _local(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")
