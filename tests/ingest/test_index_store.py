"""The index's tables on a real database: states, certificates, days that leave, counts, conflicts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from random import Random
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from reelwarden_common.db import drift
from reelwarden_common.envelope import Envelope
from reelwarden_common.errors import Early
from reelwarden_common.events.backup import ObjectRestored
from reelwarden_common.events.base import Event
from reelwarden_common.events.ingest import (
    CoverageQuery,
    DayCounted,
    LostSegment,
    RejectedFile,
    Segment,
    SegmentAltered,
    SegmentMoved,
    SegmentsAnswer,
    SegmentsLost,
    SegmentsQuery,
    SegmentsRecorded,
    SegmentsRejected,
)
from reelwarden_common.events.retention import Certificate, SegmentsErased
from reelwarden_common.identity import digest_of
from reelwarden_common.messaging.postgres import PgUnits, open_pool
from reelwarden_ingest.district.index import handlers, queries
from reelwarden_ingest.district.index.footage import KnownDays
from reelwarden_ingest.district.index.store import IndexStore
from reelwarden_ingest.district.index.upkeep import Upkeep
from tests.support.ingest import DAY, TEN, migrated, segment, segments

NOW = DAY + timedelta(days=1)


@dataclass
class Index:
    """The index's handlers on a database, at a time that the test sets."""

    pool: asyncpg.Pool
    admin_url: str
    now: datetime = NOW
    known: KnownDays = field(default_factory=KnownDays)

    @property
    def units(self) -> PgUnits[IndexStore]:
        return PgUnits(
            self.pool, "index", lambda conn: IndexStore(conn, self.known, timedelta(0), lambda: self.now)
        )

    @property
    def upkeep(self) -> Upkeep:
        return Upkeep(self.units, timedelta(seconds=60))

    async def hear(self, event: Event, at: datetime = NOW) -> None:
        async with self.units.begin() as store:
            await handlers.HANDLERS[type(event)](event, _envelope(event, at), store)

    async def record(self, *found: Segment, at: datetime = NOW) -> None:
        events = [SegmentsRecorded(segments=found[n : n + 200]) for n in range(0, len(found), 200)]
        heard = [(e, _envelope(e, at)) for e in events]
        async with self.units.begin() as store:
            await handlers.on_segments_recorded(
                [(handlers.sorted_out(e, envelope, self.now), envelope) for e, envelope in heard], store
            )

    async def status(self, one: Segment) -> str | None:
        row = await self.pool.fetchval("SELECT status FROM segments WHERE id = $1", bytes.fromhex(one.id))
        return None if row is None else str(row)

    async def said(self) -> list[asyncpg.Record]:
        return list(await self.pool.fetch("DELETE FROM outbox RETURNING subject, body, seq"))


def _envelope(event: Event, at: datetime) -> Envelope:
    return Envelope("x", event.ce_type(), "s001", event.role(), at)


@pytest_asyncio.fixture(loop_scope="session")
async def index(fresh_database: str) -> AsyncIterator[Index]:
    pool = await open_pool(await migrated(fresh_database), "ingest")
    try:
        yield Index(pool, fresh_database)
    finally:
        await pool.close()


def lost(*found: Segment, at: datetime) -> SegmentsLost:
    return SegmentsLost(
        segments=tuple(
            LostSegment(
                id=s.id, camera=s.camera, start=s.start, end=s.end, digest=s.digest, locator=s.locator
            )
            for s in found
        ),
        noticed_at=at,
    )


def erased(*found: Segment, at: datetime = NOW) -> SegmentsErased:
    return SegmentsErased(
        certificates=tuple(
            Certificate(
                segment=s.id,
                camera=s.camera,
                start=s.start,
                end=s.end,
                digest=s.digest,
                size=s.size,
                locator=s.locator,
                due=at,
                erased_at=at,
                plan="ab" * 32,
            )
            for s in found
        )
    )


async def test_migrations_equal_the_schema(fresh_database: str) -> None:
    admin = await asyncpg.connect(fresh_database)
    assert await drift(admin, "ingest") == []
    await admin.close()


async def test_what_is_said_twice_is_there_once(index: Index) -> None:
    found = segments("s001", "gate", DAY, 5)
    await index.record(*found[:3])
    await index.record(*found[:3], *found)
    assert await index.pool.fetchval("SELECT count(*) FROM segments") == 5


async def test_a_segment_is_lost_and_comes_back(index: Index) -> None:
    one = segment("s001", "gate", DAY)
    later = [NOW + timedelta(minutes=n) for n in range(6)]
    await index.record(one, at=later[0])
    await index.hear(lost(one, at=later[1]))
    assert await index.status(one) == "lost"
    await index.record(one, at=later[0])
    assert await index.status(one) == "lost", "an old message brought it back"
    restored = ObjectRestored(
        segment=one.id, camera="gate", start=one.start, digest=one.digest, locator="b.mp4"
    )
    await index.hear(restored, at=later[3])
    assert await index.status(one) == "recorded"
    await index.hear(lost(one, at=later[2]))
    assert await index.status(one) == "recorded", "a loss from before the restoring took it away"
    await index.hear(lost(one, at=later[4]))
    await index.record(one, at=later[5])
    assert await index.status(one) == "recorded"
    rows = await index.pool.fetch("SELECT status FROM changes ORDER BY at")
    assert [r["status"] for r in rows] == ["lost", "recorded", "lost", "recorded"]


async def test_a_loss_of_what_was_never_heard_of_is_kept_and_completed_later(index: Index) -> None:
    one = segment("s001", "gate", DAY)
    await index.hear(lost(one, at=NOW))
    assert await index.status(one) == "lost"
    await index.record(one, at=NOW + timedelta(minutes=1))
    row = await index.pool.fetchrow("SELECT status, size, codec FROM segments")
    assert row is not None
    assert tuple(row) == ("recorded", one.size, "h264")


async def test_altered_and_moved(index: Index) -> None:
    one = segment("s001", "gate", DAY)
    altered = SegmentAltered(
        segment=one.id,
        camera="gate",
        start=one.start,
        locator=one.locator,
        digest=one.digest,
        found="cd" * 32,
    )
    moved = SegmentMoved(segment=one.id, camera="gate", locator="new.mp4", was=one.locator, start=one.start)
    for early in (altered, moved):
        with pytest.raises(Early):
            await index.hear(early)
    await index.record(one)
    for event in (altered, moved, altered):
        await index.hear(event, at=NOW + timedelta(minutes=1))
    row = await index.pool.fetchrow("SELECT status, locator, digest, found FROM segments")
    assert row is not None
    assert tuple(row) == ("altered", "new.mp4", bytes.fromhex(one.digest), bytes.fromhex("cd" * 32))
    await index.record(one, at=NOW + timedelta(minutes=2))
    await index.hear(altered, at=NOW + timedelta(minutes=2))  # a school says all of a day again at once
    assert await index.status(one) == "altered"


def moves(one: Segment, *places: str) -> list[SegmentMoved]:
    """From place to place."""
    steps = pairwise([one.locator, *places])
    return [
        SegmentMoved(segment=one.id, camera="gate", locator=to, was=was, start=one.start) for was, to in steps
    ]


async def test_of_two_moves_the_later_one_counts_in_whatever_order_they_are_heard(index: Index) -> None:
    """Two replicas share the school's messages; what was recorded again before is no newer either."""
    one = segment("s001", "gate", DAY)
    await index.record(one)
    timed = [(move, NOW + timedelta(minutes=n)) for n, move in enumerate(moves(one, "b.mp4", "c.mp4"), 1)]
    for move, at in (*reversed(timed), *timed):
        await index.hear(move, at=at)
    locator = "SELECT locator FROM segments"
    assert await index.pool.fetchval(locator) == "c.mp4"
    await index.hear(lost(one, at=NOW + timedelta(seconds=30)))
    await index.record(one, at=NOW + timedelta(seconds=40))
    assert (await index.status(one), await index.pool.fetchval(locator)) == ("recorded", "c.mp4")
    await index.hear(lost(one, at=NOW + timedelta(minutes=3)))
    await index.record(one, at=NOW + timedelta(minutes=4))
    assert await index.pool.fetchval(locator) == one.locator


async def test_two_replicas_that_hear_two_moves_at_once_agree_on_the_later(index: Index) -> None:
    one = segment("s001", "gate", DAY)
    await index.record(one)
    places = [f"{n}.mp4" for n in range(1, 21)]
    timed = [(move, NOW + timedelta(minutes=n)) for n, move in enumerate(moves(one, *places), 1)]
    await asyncio.gather(*(index.hear(move, at=at) for move, at in reversed(timed)))
    assert await index.pool.fetchval("SELECT locator FROM segments") == places[-1]


async def test_certificates_reach_segments_in_whatever_order(index: Index) -> None:
    before, behind = segments("s001", "gate", DAY, 2)
    await index.record(before)
    await index.hear(erased(before, behind))
    await index.record(behind, before, at=NOW + timedelta(minutes=1))
    assert [await index.status(s) for s in (before, behind)] == ["erased", "erased"]
    assert await index.pool.fetchval("SELECT bool_and(matched) FROM erasures")


async def test_an_erased_rejected_file_is_marked(index: Index) -> None:
    file = RejectedFile(
        id="ab" * 16,
        camera="gate",
        locator="x.mp4",
        size=0,
        file_time=DAY,
        reason="empty",
        detail="no bytes",
    )
    await index.hear(SegmentsRejected(files=(file,)))
    await index.hear(erased(segment("s001", "gate", DAY, id=file.id)))
    assert await index.pool.fetchval("SELECT erased_at FROM rejected") == NOW


async def test_a_day_leaves_when_all_of_it_is_erased_and_stays_erased(index: Index) -> None:
    old = DAY - timedelta(days=33)
    first, second = segments("s001", "gate", old, 2)
    young = segment("s001", "gate", DAY)
    for _ in range(2):
        await index.record(first, second, young)
    await index.hear(erased(first))
    await index.upkeep.drop_erased_days()
    assert await index.status(second) == "recorded"
    await index.hear(erased(second))
    await index.upkeep.drop_erased_days()
    assert await index.status(second) is None
    assert await index.status(young) == "recorded"
    assert await index.pool.fetchval("SELECT count(*) FROM erasures") == 2
    # A replay after the day left must not bring the footage back; the process still believes in the day.
    with pytest.raises(Exception, match="no partition"):
        await index.record(first)
    await index.record(first)
    assert await index.status(first) == "erased"


def a_day(count: int) -> list[Segment]:
    """Of one camera, long ago; all on one UTC day."""
    return segments("s001", "gate", DAY - timedelta(days=33), count)


async def test_what_is_held_stays_when_its_day_leaves(index: Index) -> None:
    *going, held = a_day(12)
    await index.record(*going, held)
    await index.hear(erased(*going[:-2]))
    await index.upkeep.drop_erased_days()
    assert await index.pool.fetchval("SELECT count(*) FROM segments") == 12, "too much of it must stay"
    await index.hear(erased(*going[-2:]))
    await index.upkeep.drop_erased_days()
    assert await index.pool.fetchval("SELECT count(*) FROM segments") == 1
    assert await index.status(held) == "recorded"
    question = SegmentsQuery(school="s001", camera="gate", start=going[0].start, end=held.end)
    async with index.units.begin() as store:
        answer = await queries.segments(store.conn, question)
    assert [one.id for one in answer.segments] == [held.id]
    await index.hear(erased(held))
    await index.upkeep.drop_erased_days()
    assert await index.status(held) is None
    assert await index.pool.fetchval("SELECT segments FROM dropped_days") == 12


async def test_what_is_said_again_of_a_day_that_has_mostly_left_stays_erased(index: Index) -> None:
    *going, held = a_day(12)
    await index.record(*going, held)
    await index.hear(erased(*going))
    await index.upkeep.drop_erased_days()
    await index.record(*going, held)
    assert {await index.status(one) for one in going} == {"erased"}
    assert await index.status(held) == "recorded"
    late = segment("s001", "hall", going[0].start)
    await index.record(late)
    assert await index.status(late) == "recorded"


async def test_what_is_said_late_of_footage_that_has_left_changes_nothing(index: Index) -> None:
    *going, held = a_day(12)
    await index.record(*going, held)
    await index.hear(erased(*going))
    await index.upkeep.drop_erased_days()
    one = going[0]
    await index.hear(lost(one, at=NOW + timedelta(hours=1)))
    await index.hear(SegmentMoved(segment=one.id, camera="gate", locator="b.mp4", was=one.locator))
    altered = SegmentAltered(
        segment=one.id,
        camera="gate",
        start=one.start,
        locator=one.locator,
        digest=one.digest,
        found="ab" * 32,
    )
    await index.hear(altered)
    assert await index.status(one) is None
    assert await index.pool.fetchval("SELECT count(*) FROM segments") == 1


async def test_a_day_that_somebody_holds_on_to_keeps_no_other_waiting(index: Index) -> None:
    first, second = a_day(1), segments("s001", "gate", DAY - timedelta(days=32), 1)
    await index.record(*first, *second)
    await index.hear(erased(*first, *second))
    async with index.pool.acquire() as conn, conn.transaction():
        await conn.execute("UPDATE segments SET codec = codec WHERE start_at = $1", first[0].start)
        await index.upkeep.drop_erased_days()
        await conn.execute("SELECT 1")
    left = await index.pool.fetch("SELECT DISTINCT start_at::date AS day FROM segments")
    assert [row["day"] for row in left] == [first[0].start.date()]


async def test_what_arrives_while_a_day_leaves_is_not_lost(index: Index) -> None:
    going = a_day(200)
    late = segments("s001", "hall", going[0].start, 100)
    await index.record(*going)
    await index.hear(erased(*going))

    async def arrive() -> None:
        for one in late:
            await again(partial(index.record, one), "deadlock", "no partition", "lock timeout")

    async def leave() -> None:
        for _ in range(10):
            await again(index.upkeep.drop_erased_days, "deadlock", "lock timeout")
            await asyncio.sleep(0.02)

    await asyncio.gather(arrive(), leave())
    assert {await index.status(one) for one in late} == {"recorded"}
    assert not {await index.status(one) for one in going} - {None, "erased"}


async def test_a_shrinking_that_is_broken_off_changes_nothing(index: Index) -> None:
    *going, held = a_day(20)
    await index.record(*going, held)
    await index.hear(erased(*going))
    day = going[0].start.date()
    connection = await index.pool.acquire()
    await connection.execute("BEGIN")
    assert await connection.fetchval("SELECT shrink_day($1)", day) == 19
    connection.terminate()
    await index.pool.release(connection)
    assert await index.pool.fetchval("SELECT count(*) FROM segments") == 20
    assert await index.status(held) == "recorded"


async def test_a_large_day_is_judged_by_its_statistics(index: Index) -> None:
    """Nobody counts ten million rows each ten minutes to learn that they are all still there."""
    first = a_day(1)[0]
    await index.record(first)
    day, admin = first.start.date(), await asyncpg.connect(index.admin_url)
    try:
        await admin.execute("SET search_path TO ingest")
        await admin.execute(
            "INSERT INTO segments SELECT school, camera, start_at + n * interval '100 milliseconds', end_at,"
            " digest, id, duration_ms, size, codec, width, height, time_source, uncertainty_ms, locator,"
            " file_time, said_at, 'erased', changed_at, found FROM segments, generate_series(1, 150000) n"
        )
        assert await index.pool.fetchval("SELECT shrink_day($1)", day) is None
        await admin.execute("ANALYZE segments")
        assert await index.pool.fetchval("SELECT shrink_day($1)", day) == 150_000
    finally:
        await admin.close()
    assert await index.status(first) == "recorded"


async def test_a_long_segment_is_found_from_its_end(index: Index) -> None:
    """Lookups go back only as far as a camera's longest segment; it may come last, or only as lost."""
    short = segments("s001", "gate", DAY, 3)
    long = segment("s001", "gate", DAY - timedelta(hours=5), end=DAY - timedelta(minutes=1))
    gone = segment("s001", "hall", DAY - timedelta(hours=3), end=DAY - timedelta(minutes=1))
    await index.record(*short)
    await index.record(long)
    await index.hear(lost(gone, at=NOW))

    async def found(camera: str, before: timedelta) -> SegmentsAnswer:
        span = {"start": DAY - before, "end": DAY - before + TEN}
        async with index.units.begin() as store:
            return await queries.segments(store.conn, SegmentsQuery(school="s001", camera=camera, **span))

    assert [one.id for one in (await found("gate", timedelta(minutes=2))).segments] == [long.id]
    assert (await found("gate", timedelta(seconds=59))).segments == ()
    assert [one.id for one in (await found("hall", timedelta(minutes=2))).away] == [gone.id]
    question = CoverageQuery(school="s001", start=DAY - timedelta(minutes=2), end=DAY)
    async with index.units.begin() as store:
        answer = await queries.coverage(store.conn, question)
    assert {one.camera: one.recorded_ms for one in answer.cameras} == {"gate": 60_000, "hall": 0}


async def test_an_answer_says_how_many_gaps_it_leaves_out(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = segments("s001", "gate", DAY, 4)
    await index.record(found[0], found[2])
    question = CoverageQuery(school="s001", start=DAY, end=DAY + timedelta(minutes=1))
    for most, left_out in ((200, 0), (1, 1)):
        monkeypatch.setattr(queries, "GAPS_A_CAMERA", most)
        async with index.units.begin() as store:
            (gate,) = (await queries.coverage(store.conn, question)).cameras
        assert (len(gate.gaps), gate.gaps_left_out) == (2 - left_out, left_out)


async def test_asks_for_what_it_lacks_and_not_for_what_was_erased(index: Index) -> None:
    found = segments("s001", "gate", DAY, 4)
    await index.record(*found[:2])

    def counted(present: Sequence[Segment]) -> DayCounted:
        ids = [s.id for s in present]
        return DayCounted(
            camera="gate", day="2026-03-02", count=len(ids), digest=digest_of(ids), complete_to=NOW
        )

    await index.hear(counted(found), at=NOW)
    await index.upkeep.compare_days()
    (asked,) = await index.said()
    assert asked["subject"] == "rw.s001.index.day.differs"
    await index.upkeep.compare_days()
    assert not await index.said(), "asked again before there was time to answer"
    index.now += timedelta(seconds=61)
    await index.upkeep.compare_days()
    assert len(await index.said()) == 1
    await index.record(*found)
    index.now += timedelta(seconds=500)
    await index.upkeep.compare_days()
    assert not await index.said()
    await index.hear(erased(found[0]))
    await index.hear(counted(found[1:]), at=NOW + timedelta(minutes=1))
    await index.upkeep.compare_days()
    assert not await index.said()


async def test_asks_where_something_else_was_told_of_a_segment(index: Index) -> None:
    """A word that an older clock said, or that a restored database forgot, shows in the count of the day."""
    found = segments("s001", "gate", DAY, 2)
    await index.record(*found)

    def counted(*states: str | None) -> DayCounted:
        lines = [f"{one.id} {state}" for one, state in zip(found, states, strict=True)]
        return DayCounted(
            camera="gate",
            day="2026-03-02",
            count=2,
            digest=digest_of(one.id for one in found),
            complete_to=NOW,
            states=None if None in states else digest_of(lines),
        )

    one = found[1]
    altered = SegmentAltered(
        segment=one.id,
        camera="gate",
        start=one.start,
        locator=one.locator,
        digest=one.digest,
        found="cd" * 32,
    )
    asked = []
    told = [(None, None), ("recorded", "recorded"), ("recorded", "altered"), ("recorded", "altered")]
    for minute, states in enumerate(told):
        await index.hear(counted(*states), at=NOW + timedelta(minutes=minute))
        await index.upkeep.compare_days()
        asked.append(len(await index.said()))
        if "altered" in states:
            await index.hear(altered, at=NOW + timedelta(minutes=minute))
    assert asked == [0, 0, 1, 0]


async def test_gives_up_asking_after_a_while(index: Index) -> None:
    told = DayCounted(camera="gate", day="2026-03-02", count=3, digest="ab" * 32, complete_to=NOW)
    await index.hear(told)
    for _ in range(10):
        await index.upkeep.compare_days()
        index.now += timedelta(hours=1)
    assert len(await index.said()) == 3


async def test_two_contents_at_one_start_stay_and_are_told_once(index: Index) -> None:
    one, other = segment("s001", "gate", DAY), segment("s001", "gate", DAY, digest="ef" * 32)
    await index.record(one, other)
    for _ in range(2):
        await index.upkeep.find_conflicts()
        await index.record(one)
    (told,) = await index.said()
    assert told["subject"] == "rw.s001.index.segment.conflict"
    assert one.digest in told["body"].decode()
    async with index.units.begin() as store:
        question = SegmentsQuery(school="s001", camera="gate", start=DAY, end=DAY + TEN)
        answer = await queries.segments(store.conn, question)
    assert {s.digest for s in answer.segments} == {one.digest, other.digest}


async def test_coverage_is_counted_once_an_hour_is_complete_and_again_when_it_changes(index: Index) -> None:
    half = segments("s001", "gate", DAY, 180)
    await index.record(*half)
    await index.upkeep.count_coverage()
    assert not await index.said()
    told = DayCounted(
        camera="gate", day="2026-03-02", count=180, digest="ab" * 32, complete_to=DAY + timedelta(hours=2)
    )
    await index.hear(told)
    index.now = DAY + timedelta(hours=2)
    await index.upkeep.count_coverage()
    hours = [m["body"].decode() for m in sorted(await index.said(), key=lambda m: int(m["seq"]))]
    assert ['"recorded_ms":1800000' in h for h in hours] == [True, False]
    assert '"recorded_ms":0' in hours[1]
    await index.hear(lost(half[0], at=NOW))
    await index.upkeep.count_coverage()
    (again,) = await index.said()
    assert b'"recorded_ms":1790000' in again["body"]


async def test_hours_that_were_counted_add_up_to_what_their_segments_say(index: Index) -> None:
    """Gaps, overlaps and uncertainty over the borders of hours and days; late, lost and erased segments."""
    chance = Random(11)
    start = DAY.replace(hour=21)
    at, made = start - timedelta(minutes=7), []
    while at < start + timedelta(hours=6):
        ends = at + chance.choice((TEN, TEN, 40 * TEN, timedelta(0), timedelta(minutes=59)))
        made.append(segment("s001", "gate", at, end=ends, uncertainty_ms=chance.choice((0, 1000, 4000))))
        steps = (timedelta(0), timedelta(seconds=-2.4), timedelta(seconds=1), timedelta(seconds=3))
        at = max(at, ends) + chance.choice((*steps, *steps, timedelta(minutes=50)))
    index.now = start + timedelta(days=2)
    told = DayCounted(camera="gate", day="2026-03-02", count=1, digest="ab" * 32, complete_to=index.now)

    async def ways_agree() -> None:
        for _ in range(40):
            begin = start + timedelta(seconds=chance.choice((0, 3600, 7200, chance.randrange(9000))))
            end = begin + timedelta(seconds=chance.choice((0, 3600, 4 * 3600, chance.randrange(18_000))))
            question = CoverageQuery(school="s001", start=begin, end=end)
            async with index.units.begin() as store:
                added_up = await queries.coverage(store.conn, question)
            with suppress(_Undone):
                async with index.units.begin() as store:
                    await store.conn.execute("UPDATE hours SET cover = NULL")
                    assert added_up == await queries.coverage(store.conn, question)
                    raise _Undone

    some = made[::5]
    await index.record(*(one for one in made if one not in some))
    await index.hear(told)
    await index.upkeep.count_coverage()
    assert await index.pool.fetchval("SELECT count(*) FROM hours WHERE cover IS NOT NULL") >= 6
    await ways_agree()
    await index.record(*some)
    await ways_agree()
    await index.upkeep.count_coverage()
    await ways_agree()
    await index.hear(lost(made[3], at=index.now))
    await index.hear(erased(made[7]))
    assert await index.status(made[7]) == "erased"
    await ways_agree()
    await index.upkeep.count_coverage()
    await ways_agree()


class _Undone(Exception):
    pass


async def test_uncertain_neighbours_leave_no_gap(index: Index) -> None:
    sure = {"uncertainty_ms": 0}
    await index.record(
        segment("s001", "gate", DAY),
        segment("s001", "gate", DAY + TEN + timedelta(seconds=2)),
        segment("s001", "yard", DAY, **sure),
        segment("s001", "yard", DAY + TEN + timedelta(seconds=2), **sure),
    )
    missing = {}
    async with index.units.begin() as store:
        for camera in ("gate", "yard"):
            question = SegmentsQuery(
                school="s001", camera=camera, start=DAY, end=DAY + 2 * TEN + timedelta(seconds=2)
            )
            missing[camera] = (await queries.segments(store.conn, question)).missing
    assert missing["gate"] == ()
    (gap,) = missing["yard"]
    assert (gap.start, gap.end) == (DAY + TEN, DAY + TEN + timedelta(seconds=2))


async def test_long_answers_break_off_where_they_say(index: Index) -> None:
    found = segments("s001", "gate", DAY, queries.SEGMENTS_AN_ANSWER + 5)
    await index.record(*found)
    async with index.units.begin() as store:
        question = SegmentsQuery(school="s001", camera="gate", start=DAY, end=found[-1].end)
        answer = await queries.segments(store.conn, question)
    assert list(answer.segments) == found[:-5]
    assert answer.complete_to == found[-5].start
    assert answer.missing == ()


async def test_replicas_inserting_the_same_at_once_agree(index: Index) -> None:
    found = segments("s001", "gate", DAY, 400)

    async def insert() -> None:
        for _ in range(3):
            await again(lambda: index.record(*found))

    await asyncio.gather(*(insert() for _ in range(4)))
    assert await index.pool.fetchval("SELECT count(*) FROM segments") == 400


async def again(work: Callable[[], Awaitable[Any]], *transient: str) -> None:
    """Do as delivery does with what is transient."""
    for _ in range(20):
        try:
            await work()
        except Exception as error:
            if not any(reason in str(error) for reason in transient or ("deadlock",)):
                raise
        else:
            return


async def test_the_services_role_makes_days_but_no_tables(index: Index) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await index.pool.execute("CREATE TABLE mine (x int)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await index.pool.execute("DROP TABLE segments")
    for wild in ("1999-12-31", "2199-01-01"):
        with pytest.raises(asyncpg.RaiseError):
            await index.pool.execute("SELECT make_day($1)", datetime.fromisoformat(wild).date())
    today = datetime.now(UTC).date()
    await index.pool.execute("SELECT make_day($1)", today)
    assert await index.pool.fetchval("SELECT drop_day($1)", today) is None
