"""The process dies after every step of an erasure, and is started again: nothing is lost between the steps.

Either a file is whole and has no certificate, or it is gone and has exactly one; and what a hold covers is
whole whatever happened. After one more sweep all is as if nothing had happened.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reelwarden_common.events.retention import SegmentsErased
from reelwarden_retention.site.reaper.erasure import Eraser
from reelwarden_retention.site.reaper.journal import Entry
from tests.support.retention import NOW, TEN, Site, hold, plan

OLD = NOW - timedelta(days=33)
DIED = 9
STEPS = [
    "intended",
    "moved",
    "condemned",
    "unlinked",
    "certifying",
    "certified",
    "pardoned",
    "put-back",
    "spared",
]


def crashing(step: str, nth: int) -> Any:
    """Dies, as by `kill -9`, when this step is reached for the n-th time."""
    left = [nth]

    def reached(name: str) -> None:
        if name == step:
            left[0] -= 1
            if left[0] == 0:
                os._exit(DIED)

    return reached


async def sweep_and_die(folder: Path, step: str, nth: int) -> None:
    """What the subprocess does: one sweep, with a hold that arrives in the midst of it."""
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    die = crashing(step, nth)
    site = Site(folder / "storage", folder / "state", key=key)
    site.time.pass_(timedelta(seconds=2))
    late = plan(50, holds=(hold("late", OLD + 3.3 * TEN, OLD + 3.5 * TEN),))
    site.eraser = InTheMidst(site.units, site.disk, die)
    site.eraser.comes = lambda: site.hear(late)
    [*items] = (await site.sweeper._decide()).erase
    await site.eraser.erase(items)


class InTheMidst(Eraser):
    """An eraser to whose site a hold comes when all files lie in the trash."""

    comes: Callable[[], Awaitable[None]]

    async def _unlink(self, entries: Sequence[Entry]) -> list[Entry]:
        await self.comes()
        return await super()._unlink(entries)


async def prepared(folder: Path) -> Site:
    """A site that erased before and has five old files, one of them in the vault by a hold that ended."""
    site = Site(folder / "storage", folder / "state", key=Ed25519PrivateKey.from_private_bytes(b"k" * 32))
    await site.record(*(OLD + n * 3 * TEN for n in range(5)))
    ended = hold("ended", OLD, OLD + TEN, until=NOW + timedelta(seconds=1))
    await site.hear(plan(1, holds=(ended,)))
    await site.vault.turn()
    async with site.units.begin() as store:
        store.remember("erased", "yes")
    (site.root / "manifest.json").write_text(json.dumps([s.model_dump(mode="json") for s in site.recorded]))
    return site


def certified(site: Site) -> list[str]:
    return [c.segment for event in site.said(SegmentsErased) for c in event.certificates]


@pytest.mark.parametrize(("step", "nth"), [*((step, 1) for step in STEPS), ("moved", 3)])
async def test_every_file_is_either_whole_or_certified_once(tmp_path: Path, step: str, nth: int) -> None:
    site = await prepared(tmp_path)
    segments = list(site.recorded)
    bodies = {s.id: (site.root / s.locator).read_bytes() for s in segments}
    site.close()
    command = "import asyncio, sys; from pathlib import Path; from tests.retention.test_crashes import *; "
    command += f"asyncio.run(sweep_and_die(Path(sys.argv[1]), {step!r}, {nth}))"
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", command, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == DIED, ended.stderr.decode()[-2000:]

    again = Site(tmp_path / "storage", tmp_path / "state", key=site.key)
    again.time.pass_(timedelta(minutes=10))
    [held] = [one for one in segments if one.start == OLD + 3 * TEN]
    try:
        await again.eraser.resume()
        told = certified(again)
        assert len(told) == len(set(told))
        for one in segments:
            assert again.exists(one) != (one.id in told), f"{step}: {one.locator}"
            if again.exists(one):
                assert (again.root / one.locator).read_bytes() == bodies[one.id]
        if any(kept.hold.id == "late" for kept in await standing(again)):
            assert again.exists(held)
        await again.sweeper.turn()
        assert sorted(certified(again)) == sorted(s.id for s in segments if not again.exists(s))
        assert list((again.root / ".reelwarden/trash").iterdir()) == []
        assert not list((again.root / ".reelwarden/vault/gate").glob("*.mp4"))
        assert [s.id for s in segments if again.exists(s)] in ([], [held.id])
    finally:
        again.close()


async def standing(site: Site) -> Any:
    async with site.units.begin() as store:
        return store.standing()
