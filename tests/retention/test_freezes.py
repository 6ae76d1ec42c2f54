"""A school officer freezes footage on the spot; what cannot be read is set aside, not lost."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from reelwarden_common.events.retention import HoldFrozen, HoldInForce, HoldsKept, HoldSource
from reelwarden_retention.site.reaper import freeze
from reelwarden_retention.site.reaper.freezes import Freezes
from tests.support.retention import NOW, TEN, Site, plan

WORDS = ["--camera", "gate", "--purpose", "accident", "--actor", "officer-1"]


def times(start: datetime, end: datetime) -> list[str]:
    return ["--from", start.isoformat(), "--to", end.isoformat()]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def put(folder: Path, name: str, content: bytes) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)


@pytest.fixture
def folder(site: Site, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RW_STATE_DIR", str(site.state))
    return site.state / "freezes"


async def test_a_freeze_holds_at_once_and_is_told_once(site: Site, folder: Path) -> None:
    start = NOW - timedelta(hours=1)
    [segment] = await site.record(start)
    await site.hear(plan(1))
    freezes = Freezes(site.units, folder)
    await freezes.turn()
    assert freeze.main([*WORDS, *times(start, start + TEN)]) == 0
    await freezes.turn()
    await freezes.turn()
    [frozen] = site.said(HoldFrozen)
    assert frozen.hold.source is HoldSource.FREEZE
    assert site.said(HoldsKept)[-1].holds == (frozen.hold,)
    await site.vault.turn()
    assert site.said(HoldInForce)[-1].segments == 1
    assert site.exists(segment)
    assert names(folder) == []
    await site.hear(plan(2, holds=(frozen.hold,)))
    assert len(site.said(HoldsKept)[-1].holds) == 1


async def test_what_cannot_be_read_is_set_aside(site: Site, folder: Path) -> None:
    for name, content in {"a": b"{", "b": b'{"hold": {}}', "c": b"\xff\xfe"}.items():
        put(folder, f"{name}.json", content)
    await Freezes(site.units, folder).turn()
    assert names(folder) == ["a.refused", "b.refused", "c.refused"]
    assert site.said(HoldFrozen) == []


@pytest.mark.parametrize(
    "wrong",
    [
        times(NOW, NOW),
        ["--from", "2026-03-02T08:00:00", "--to", "2026-03-02T09:00:00+08:00"],
        [*times(NOW, NOW + TEN), "--days", "31"],
    ],
)
def test_nonsense_is_refused_at_the_command(wrong: list[str], folder: Path) -> None:
    with pytest.raises(SystemExit) as refused:
        freeze.main([*WORDS, *wrong])
    assert refused.value.code == 2
    assert not folder.exists()
