"""What a process is to die of, told to it in a file; see `dying`."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from signal import Signals


@dataclass(frozen=True)
class Step:
    """A moment in a role's life: before or after the n-th call of a function that has to do with `words`."""

    name: str
    when: str
    function: str
    words: str = ""
    nth: int = 1
    signal: Signals = Signals.SIGKILL
    """What the process does to itself then: it dies, or it stands still."""


def fates(file: Path) -> list[str]:
    """The deaths that are still to come."""
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def write_fates(file: Path, lines: Iterable[str]) -> None:
    """Whole or not at all."""
    draft = file.with_suffix(".new")
    draft.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    draft.replace(file)
