"""The process dies between any two acts of laying footage into the vault; nothing stays unnoted (R3.1)."""

from collections.abc import Iterator
from datetime import timedelta
from errno import EIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reelwarden_common.events.retention import HoldInForce, SegmentsErased
from reelwarden_retention.site.reaper.disk import Content, Disk
from tests.support.retention import NOW, TEN, Site, hold, plan

OLD = NOW - timedelta(days=33)
ACTS = ("link", "copy", "rename", "unlink")


class Died(BaseException):
    """As by `kill -9`: what is not committed is lost, no handler runs."""


def dying(countdown: Iterator[int]) -> type[Disk]:
    """A disk whose process dies before or after one of its acts."""

    def before_and_after(act: str) -> Any:
        def acts(self: Disk, *given: Any) -> Any:
            if next(countdown) == 0:
                raise Died
            result = getattr(Disk, act)(self, *given)
            if next(countdown) == 0:
                raise Died
            return result

        return acts

    return type("DyingDisk", (Disk,), {act: before_and_after(act) for act in ACTS})


def kept(site: Site) -> list[Path]:
    return [path for path in (site.root / ".reelwarden/vault").rglob("*") if path.is_file()]


def made(folder: Path, *, write_once: bool) -> Site:
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    return Site(folder / "storage", folder / "state", key=key, write_once=write_once)


async def dies_while_laying(folder: Path, nth: int, *, write_once: bool) -> bool:
    """A hold on two old segments is brought into force; tells whether the process died of it."""
    site = made(folder, write_once=write_once)
    await site.record(OLD, OLD + TEN)
    async with site.units.begin() as store:
        store.remember("erased", "yes")
    await site.hear(plan(1, holds=(hold("h1", OLD, OLD + 2 * TEN, until=NOW + timedelta(hours=1)),)))
    site.vault._laying._disk.__class__ = dying(iter(range(nth, -1000, -1)))
    try:
        await site.vault.turn()
    except Died:
        return True
    finally:
        site.disk.__class__ = Disk
        site.close()
    return False


@pytest.mark.parametrize("write_once", [True, False])
@pytest.mark.parametrize("then", ["the originals vanish", "the hold is over", "the sweep comes first"])
async def test_what_was_begun_is_ended_or_goes(tmp_path: Path, *, write_once: bool, then: str) -> None:
    """Whatever was laid is noted by the next turn; once nothing needs it, nothing of it is left."""
    nth, died = 0, True
    while died:
        folder = tmp_path / f"{nth}"
        died = await dies_while_laying(folder, nth, write_once=write_once)
        site = made(folder, write_once=write_once)
        try:
            await goes_on(site, then)
        finally:
            site.close()
        nth += 1
    assert nth > 8


class BadSector(Disk):
    """Cannot read one file, under whatever name."""

    inode = 0

    def read(self, place: str) -> Content:
        status = self.look(place)
        if status is not None and status.st_ino == self.inode:
            raise OSError(EIO, "Input/output error", place)
        return super().read(place)


@pytest.mark.parametrize("original_there", [True, False])
async def test_a_file_that_cannot_be_read_holds_up_nothing_else(
    tmp_path: Path, *, original_there: bool
) -> None:
    """The other files of the hold are laid, what is due goes, and the bad one is tried again."""
    site = made(tmp_path, write_once=True)
    try:
        bad, good = await site.record(NOW - 2 * TEN, NOW - TEN)
        [due] = await site.record(OLD)
        async with site.units.begin() as store:
            store.remember("erased", "yes")
        site.disk.__class__ = BadSector
        site.disk.inode = (site.root / bad.locator).stat().st_ino  # type: ignore[attr-defined]
        await site.hear(plan(1, holds=(hold("h1", bad.start, good.end),)))
        await site.vault.turn()
        if not original_there:
            (site.root / bad.locator).unlink()
            async with site.units.begin() as store:
                store.catalogue.gone(bad.id)
        await site.sweeper.turn()
        certified = [c.segment for event in site.said(SegmentsErased) for c in event.certificates]
        assert certified == [due.id]
        assert f"{good.digest}.mp4" in {path.name for path in kept(site)}
        assert not [one for one in site.said(HoldInForce) if one.segments == 2]
        assert (site.root / f".reelwarden/vault/gate/.{bad.id}").exists(), "its original may go"
        site.disk.__class__ = Disk
        site.time.pass_(timedelta(minutes=1))
        await site.vault.turn()
        whole = [one.segments for one in site.said(HoldInForce)]
        assert whole[-1:] == [2]
    finally:
        site.close()


async def goes_on(site: Site, then: str) -> None:
    segments = [site.write(OLD), site.write(OLD + TEN)]
    laid = {path.name for path in kept(site) if not path.name.startswith("..")}
    if then == "the originals vanish":
        for one in segments:
            (site.root / one.locator).unlink()
            async with site.units.begin() as store:
                store.catalogue.gone(one.id)
        await site.vault.turn()
        assert len(kept(site)) == len(laid)
        in_force = site.said(HoldInForce)[-1]
        assert (in_force.segments, bool(in_force.gone)) == (len(laid), len(laid) < 2)
    site.time.pass_(timedelta(hours=2))
    if then != "the sweep comes first":
        await site.vault.turn()
    for _ in range(3):
        await site.sweeper.turn()
    certified = [c.segment for event in site.said(SegmentsErased) for c in event.certificates]
    assert len(certified) == len(set(certified)) >= len(laid)
    await site.vault.turn()
    assert not kept(site)
    assert not any((site.root / one.locator).exists() for one in segments)
