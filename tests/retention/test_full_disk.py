"""No room left: holds and sweeps wait, nothing is half done, and all goes on once there is room."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest

from reelwarden_common.errors import StorageFull
from reelwarden_common.events.retention import HoldInForce, SegmentsErased
from reelwarden_retention.site.reaper import rows
from tests.support.retention import NOW, TEN, Site, hold, plan

MEGABYTE = 1 << 20


@contextmanager
def no_room_beyond(size: int) -> Iterator[None]:
    """Writing more than so many bytes into one file fails half-way, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_copy_that_finds_no_room_leaves_nothing_and_is_made_later(site: Site) -> None:
    site.vault = site.make_vault(site.answer, write_once=False)
    segment = site.write(NOW - timedelta(hours=1), body=b"x" * 3 * MEGABYTE)
    async with site.units.begin() as store:
        store.catalogue.record([rows.of_segment(segment)])
    await site.hear(plan(1, holds=(hold("h1", segment.start, segment.end),)))
    with no_room_beyond(2 * MEGABYTE):
        await site.vault.turn()
        assert site.said(HoldInForce) == []
    kept = site.root / ".reelwarden/vault/gate"
    assert list(kept.glob("*.mp4")) == []
    await site.vault.turn()
    [event] = site.said(HoldInForce)
    assert event.complete
    assert event.bytes == 3 * MEGABYTE
    assert [path.name for path in kept.iterdir()] == [f"{segment.digest}.mp4"]


async def test_a_sweep_that_cannot_write_its_journal_erases_nothing(site: Site) -> None:
    segments = await site.record(*(NOW - timedelta(days=33) + n * TEN for n in range(15)))
    async with site.units.begin() as store:
        store.remember("erased", "yes")
    await site.hear(plan(1))
    pages = site.conn.execute("PRAGMA page_count").fetchone()[0]
    site.conn.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageFull):
        await fill(site)
    for _ in range(3):
        with suppress(StorageFull):
            await site.sweeper.turn()
        assert certified(site).isdisjoint(s.id for s in segments if site.exists(s))
    site.conn.execute("PRAGMA max_page_count = 1000000")
    await site.sweeper.turn()
    assert certified(site) == {s.id for s in segments}
    assert not any(map(site.exists, segments))
    assert list((site.root / ".reelwarden/trash").iterdir()) == []


async def fill(site: Site) -> None:
    """Record until nothing fits any more."""
    for number in range(1000):
        await site.record(NOW + number * TEN)


def certified(site: Site) -> set[str]:
    return {c.segment for event in site.said(SegmentsErased) for c in event.certificates}
