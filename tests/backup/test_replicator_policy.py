"""What is copied, in which order, and how much of the school's line it may take (R3.2)."""

import asyncio
import secrets
import time
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from reelwarden_backup.site.replicator.domain import Limits, Window
from reelwarden_backup.site.replicator.line import Line
from reelwarden_backup.site.replicator.store import ReplicatorStore
from reelwarden_common import s3 as s3_module
from reelwarden_common.events.access import Manner, RetrievalAuthorised
from reelwarden_common.events.backup import ObjectRestored, ObjectsStored, StoredObject
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import Segment, SegmentsRecorded
from tests.backup.test_replicator import hold, kept, lost, recorded, restore
from tests.support.backup import Site, Store, Turned, only

NOW = datetime.now(UTC).replace(microsecond=0)
ZONE = ZoneInfo("Asia/Shanghai")


def authorised(one: Segment, deadline: datetime | None = None) -> RetrievalAuthorised:
    return RetrievalAuthorised(
        application="a1",
        number="s001-2026-0001",
        manner=Manner.VIEW,
        native=False,
        spans=(CameraSpan(camera=one.camera, start=one.start, end=one.end),),
        deadline=deadline or NOW + timedelta(days=7),
    )


async def copied(site: Site, *segments: Segment) -> list[str]:
    async with site.replicator() as role:
        await role.hear(recorded(*segments))
        await role.turn("store")
        return [o.camera for e in only(await role.said(), ObjectsStored) for o in e.objects]


@pytest.mark.parametrize(
    ("district", "school", "yard", "expected"),
    [
        ("held", 'backup = "everything"', "", {"gate", "yard"}),
        ("everything", 'backup = "priority"', "", {"gate"}),
        ("everything", 'backup = "held"', 'backup = "everything"', {"yard"}),
        ("everything", "", 'backup = "held"', {"gate"}),
        ("everything", "", 'backup = "priority"', {"gate"}),
    ],
)
async def test_the_nearest_policy_counts(
    store: Store, tmp_path: Path, district: str, school: str, yard: str, expected: set[str]
) -> None:
    site = Site(
        tmp_path / "site", await store.school(), store, policy=district, school_line=school, yard_line=yard
    )
    assert set(await copied(site, site.record("gate")[0], site.record("yard")[0])) == expected


async def test_a_narrower_policy_leaves_what_waits_but_not_what_is_needed(
    store: Store, tmp_path: Path
) -> None:
    site = Site(tmp_path / "site", await store.school(), store)
    needed, _ = site.record(start=NOW - timedelta(hours=1))
    other, _ = site.record(start=NOW - timedelta(hours=2))
    async with site.replicator() as role:
        await role.hear(recorded(needed, other))
        await role.hear(kept(hold(needed)))
    site.toml.write_text(site.toml.read_text().replace('"everything"', '"held"'))
    async with site.replicator() as role:
        await role.turn("store")
        assert await stored_now(role) == [needed.id]


async def test_what_is_exported_is_copied_whatever_the_policy(store: Store, tmp_path: Path) -> None:
    site = Site(tmp_path / "site", await store.school(), store, policy="held")
    before, after, other, late = (site.record(start=NOW - timedelta(hours=n))[0] for n in (3, 2, 1, 4))
    async with site.replicator() as role:
        await role.hear(recorded(before, other))
        await role.hear(authorised(before))
        await role.hear(authorised(after))
        await role.hear(recorded(after))
        await role.hear(authorised(late, deadline=NOW))
        await role.hear(recorded(late))  # nothing is exported any more when it is heard of
        await role.turn("store")
        assert set(await stored_now(role)) == {before.id, after.id}


async def test_held_goes_before_exported_before_priority_before_the_rest(site: Site) -> None:
    rest, exported, held = (site.record("yard", NOW - timedelta(hours=n))[0] for n in (9, 8, 7))
    gate, older = (site.record("gate", NOW - timedelta(hours=n))[0] for n in (1, 2))
    async with site.replicator() as role:
        await role.hear(recorded(rest, exported, held, gate, older))
        await role.hear(authorised(exported))
        await role.hear(kept(hold(held)))
        async with role.role.units.begin() as unit:
            order = [one.footage.segment for one in unit.copies.to_store(10)]
    assert order == [held.id, exported.id, older.id, gate.id, rest.id]


def test_windows_are_of_local_time_and_the_least_counts() -> None:
    day = Window(clock_time(7), clock_time(18), 10)
    night = Window(clock_time(22), clock_time(6, 30), 100)
    lesson = Window(clock_time(8), clock_time(9), 5)
    limits = Limits((day, night, lesson), "Asia/Shanghai")

    def at(hour: int, minute: int = 0) -> float | None:
        return limits.at(datetime(2026, 3, 2, hour, minute, tzinfo=ZONE).astimezone(UTC))

    assert [at(7), at(8), at(9), at(17, 59), at(18), at(21, 59)] == [10, 5, 10, 10, None, None]
    assert [at(22), at(0), at(6, 29), at(6, 30)] == [100, 100, 100, None]
    assert Limits((), "Asia/Shanghai").at(NOW) is None
    whole = Limits((Window(clock_time(7), clock_time(7), 3),), "Asia/Shanghai")
    assert {whole.at(NOW + timedelta(hours=n)) for n in range(24)} == {3}


def window_around_now(mbit: int) -> str:
    local = datetime.now(ZONE)
    begin, end = local - timedelta(hours=1), local + timedelta(hours=1)
    return f'backup_windows = [{{ from = "{begin:%H:%M}", to = "{end:%H:%M}", mbit = {mbit} }}]'


async def test_copies_and_restores_keep_to_the_window_and_are_free_outside(
    store: Store, tmp_path: Path
) -> None:
    """8 Mbit/s is a megabyte a second: measured over four files at once, and back."""
    site = Site(tmp_path / "site", await store.school(), store, school_line=window_around_now(8))

    def record(minutes: int) -> Segment:
        return site.record(start=NOW - timedelta(minutes=minutes), body=secrets.token_bytes(750_000))[0]

    files = [record(minutes) for minutes in range(4)]
    async with site.replicator() as role:
        seconds, stored = await timed_copy(role, files)
        for first in (10, 20):  # where the machine is too slow for the line, it is given another chance
            assert 3_000_000 / seconds < 1_150_000
            if 3_000_000 / seconds > 850_000:
                break
            seconds, _ = await timed_copy(role, [record(first + minutes) for minutes in range(4)])
        assert 3_000_000 / seconds == pytest.approx(1_000_000, rel=0.15)
        one = next(o for o in stored if o.segment == files[0].id)
        (site.storage / files[0].locator).unlink()
        await role.hear(lost(files[0]))
        await role.hear(restore(one))
        began = time.monotonic()
        await role.turn("restore")
        assert 750_000 / (time.monotonic() - began) < 1_600_000  # a quarter of a second may be made up for
        assert len(only(await role.said(), ObjectRestored)) == 1
        site.clock.ahead = timedelta(hours=3)
        assert (await timed_copy(role, [record(minutes) for minutes in range(5, 9)]))[0] < seconds / 2


async def timed_copy(role: Turned[ReplicatorStore], files: list[Segment]) -> tuple[float, list[StoredObject]]:
    await role.hear(SegmentsRecorded(segments=tuple(files)))
    began = time.monotonic()
    await role.turn("store")
    seconds = time.monotonic() - began
    told = [o for e in only(await role.said(), ObjectsStored) for o in e.objects]
    assert len(told) == len(files)
    return seconds, told


async def test_the_end_of_a_window_counts_in_the_middle_of_a_file(store: Store, tmp_path: Path) -> None:
    """At 1 Mbit/s a file of 6 MB would take 48 s."""
    site = Site(tmp_path / "site", await store.school(), store, school_line=window_around_now(1))
    large, _ = site.record(body=secrets.token_bytes(6_000_000))
    async with site.replicator() as role:
        copying = asyncio.create_task(timed_copy(role, [large]))
        await asyncio.sleep(1)
        assert not copying.done()
        site.clock.ahead = timedelta(hours=3)
        seconds, _ = await copying
    assert seconds < 24


async def test_a_hold_in_the_middle_of_a_slow_backlog_goes_next(store: Store, tmp_path: Path) -> None:
    site = Site(tmp_path / "site", await store.school(), store, school_line=window_around_now(4))
    files = [site.record(start=NOW - timedelta(minutes=n))[0] for n in range(40, 0, -1)]
    async with site.replicator() as role:
        await role.hear(recorded(*files))
        copying = asyncio.create_task(role.turn("store"))
        told: list[str] = []
        while not told:
            await asyncio.sleep(0.01)
            told = await stored_now(role)
        await role.hear(kept(hold(files[-1])))
        await copying
        told += await stored_now(role)
    assert len(told) == 40
    assert told.index(files[-1].id) < 20


async def stored_now(role: Turned[ReplicatorStore]) -> list[str]:
    return [o.segment for e in only(await role.said(), ObjectsStored) for o in e.objects]


async def test_a_large_file_that_breaks_off_goes_on_where_it_ended(
    site: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the school's own rights; its line breaks once, after the second part of three."""
    monkeypatch.setattr(s3_module, "WHOLE", 6_000_000)
    monkeypatch.setattr(s3_module, "PART", 5 * 1024 * 1024)
    large, _ = site.record(body=secrets.token_bytes(14_000_000))
    sent: list[int] = []

    def pace(_: Line, size: int) -> None:
        before = sum(sent)
        sent.append(size)
        if before <= 11_000_000 < sum(sent):
            raise ConnectionResetError

    monkeypatch.setattr(Line, "pace", pace)
    async with site.replicator() as role:
        await role.hear(recorded(large))
        await role.turn("store")
        assert await stored_now(role) == []
    async with site.replicator() as role:
        site.clock.ahead = timedelta(minutes=1)
        await role.turn("store")
        assert await stored_now(role) == [large.id]
    assert sum(sent) < 14_000_000 + s3_module.PART
    assert len(store.versions(site.school)) == 1
