"""What a recorder really wrote, one JSON line a file: what every "nothing missing" is checked against."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from threading import Lock
from typing import Any


class FileKind(StrEnum):
    """Whether a file is footage, or which fault it shows."""

    GOOD = "good"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    UNREADABLE_TIME = "unreadable-time"


@dataclass(frozen=True)
class WrittenFile:
    """One file as it lay on the disk when the recorder was done with it. Times are UTC.

    `path` is below the school's storage; `start` and `end` are what was really filmed, whatever the name
    says; `closed_at` is when it was closed by the machine's clock, for past footage too.
    """

    camera: str
    layout: str
    path: str
    start: datetime
    end: datetime
    duration_ms: int
    size: int
    sha256: str
    kind: FileKind
    closed_at: datetime


class Manifest:
    """An append-only file of JSON lines, shared by all cameras of a recorder."""

    def __init__(self, path: Path) -> None:
        self.path, self._lock = path, Lock()
        path.parent.mkdir(parents=True, exist_ok=True)

    def append(self, written: WrittenFile) -> None:
        """Adds one file; the line is in the file when this returns."""
        line = json.dumps(asdict(written), default=datetime.isoformat, ensure_ascii=False)
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def __iter__(self) -> Iterator[WrittenFile]:
        """All files written so far, oldest first."""
        if self.path.exists():
            with self.path.open(encoding="utf-8") as file:
                yield from (_from_json(json.loads(line)) for line in file)


def _from_json(fields: dict[str, Any]) -> WrittenFile:
    times = {name: datetime.fromisoformat(fields[name]) for name in ("start", "end", "closed_at")}
    return WrittenFile(**{**fields, **times, "kind": FileKind(fields["kind"])})
