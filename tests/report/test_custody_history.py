"""The history of footage, holds, applications and people, out of the custody log; ingest by the hour."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwarden_common.envelope import Envelope
from reelwarden_common.events import access, ingest, report, retention
from reelwarden_common.events.base import CameraSpan, Event
from reelwarden_common.identity import digest_of
from reelwarden_common.messaging.sqlite import SqliteUnits, open_database
from reelwarden_report.custody import hours, proofs
from reelwarden_report.custody.hours import Waiting
from reelwarden_report.custody.leaves import leaf, spans_of
from reelwarden_report.custody.merkle import wanted
from reelwarden_report.custody.notes import Signer, VerifierKey
from reelwarden_report.district.registrar import domain, handlers
from reelwarden_report.district.registrar.domain import MOST_CHARACTERS, Covered
from reelwarden_report.site.notary import handlers as notary_handlers
from reelwarden_report.site.notary.schema import MIGRATIONS
from reelwarden_report.site.notary.store import NotaryStore
from tests.report.test_registrar import KEY, envelope, units_of

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
QUIET = timedelta(minutes=15)


def segment(camera: str, start: datetime, seconds: float = 60) -> ingest.Segment:
    name = f"{camera}-{start:%d%H%M%S}"
    return ingest.Segment(
        id=name,
        camera=camera,
        start=start,
        end=start + timedelta(seconds=seconds),
        duration_ms=int(seconds * 1000),
        size=1,
        digest=digest_of([name]),
        codec="h264",
        width=1,
        height=1,
        time_source=ingest.TimeSource.NAME,
        uncertainty_ms=0,
        locator=f"{name}.mp4",
        file_time=start,
    )


def recorded(*segments: ingest.Segment) -> ingest.SegmentsRecorded:
    return ingest.SegmentsRecorded(segments=segments)


# ingest by the hour


def test_a_message_is_parted_by_the_hours_in_which_footage_begins() -> None:
    found = hours.told(
        recorded(segment("gate", AT - MINUTE), segment("gate", AT), segment("yard", AT + 59 * MINUTE))
    )
    assert {hour: len(lines) for hour, lines in found.items()} == {AT - HOUR: 1, AT: 2}


def test_no_clock_is_too_wild_to_be_written_down() -> None:
    """One school's scanner may say any time: no other school's log waits for it."""
    last = datetime.max.replace(tzinfo=UTC)
    (hour,) = hours.told(recorded(segment("gate", last, 0)))
    waiting = Waiting("s001", hour, AT)
    assert not waiting.is_closed(AT, QUIET)
    assert waiting.is_closed(AT + 2 * HOUR, QUIET)
    assert hours.hour_leaf(waiting, hours.told(recorded(segment("gate", last, 0)))[hour], "notary").spans
    altered = ingest.SegmentAltered(
        segment="x", camera="gate", start=last, locator="x.mp4", digest="ab" * 32, found="ac" * 32
    )
    assert spans_of(altered)


@pytest.mark.parametrize(
    ("heard", "now", "closed"),
    [
        (AT + HOUR, AT + HOUR + 14 * MINUTE, False),
        (AT + HOUR, AT + HOUR + QUIET, True),
        (AT + 30 * MINUTE, AT + 50 * MINUTE, False),
        (AT + 30 * MINUTE, AT + HOUR + QUIET, True),
        (AT + 2 * HOUR, AT + 2 * HOUR + MINUTE, False),
        (AT - 9 * HOUR, AT - 8 * HOUR, False),
        (AT - 9 * HOUR, AT - 7 * HOUR, True),
    ],
)
def test_an_hour_is_written_once_nothing_more_is_to_be_expected(
    heard: datetime, now: datetime, *, closed: bool
) -> None:
    """The last ones: footage of the future, by a wrong clock, does not wait for it."""
    assert Waiting("s001", AT, heard).is_closed(now, QUIET) is closed


@given(st.permutations(range(12)), st.integers(1, 5))
def test_an_hour_says_the_same_in_whatever_order_it_was_told(order: Sequence[int], twice: int) -> None:
    waiting = Waiting("s001", AT, AT + HOUR)
    lines = [
        line
        for n in range(12)
        for line in hours.told(recorded(segment("gate" if n % 3 else "yard", AT + n * MINUTE)))[AT]
    ]
    whole = hours.hour_leaf(waiting, lines, "registrar")
    again = hours.hour_leaf(waiting, [lines[n] for n in [*order, *order[:twice]]], "registrar")
    assert again == whole
    entry = json.loads(whole.text)
    assert entry["facts"]["count"] == 12
    assert [(one["camera"], one["count"]) for one in entry["facts"]["cameras"]] == [("gate", 8), ("yard", 4)]
    assert entry["body"] == digest_of(lines), "what `LC_ALL=C sort | sha256sum` says of the lines"
    changed = [line.replace(digest_of(["gate-02080100"])[:8], "0" * 8) for line in lines]
    assert changed != lines
    assert json.loads(hours.hour_leaf(waiting, changed, "registrar").text)["body"] != entry["body"]


async def test_both_notaries_write_an_hour_once_and_what_comes_late_once_more(
    report_pool: asyncpg.Pool, tmp_path: Path
) -> None:
    district = units_of(report_pool)
    signer = Signer("reelwarden/s001/notary", KEY)
    now = [AT + HOUR]
    path = tmp_path / "notary.sqlite"
    conn = open_database(path, MIGRATIONS)
    site = SqliteUnits(conn, path, lambda c: NotaryStore(c, "s001", signer, clock=lambda: now[0]))

    async def tell(*events: Event) -> None:
        heard: list[tuple[Event, Envelope]] = [
            (one, envelope(digest_of([str(one)])[:9], one)) for one in events
        ]
        for _ in range(2):
            async with district.begin() as store:
                store.clock = lambda: now[0]
                await handlers.on_segments(heard, store)
            async with site.begin() as custody:
                await notary_handlers.on_segments(heard, custody)

    async def close() -> tuple[list[str], list[str]]:
        async with district.begin() as store:
            for one in await store.hours.waiting():
                if one.is_closed(now[0], QUIET):
                    await store.close_hour(one)
                    await store.close_hour(one)
        async with site.begin() as custody:
            custody.close_hours(QUIET)
            ours = custody.entries()
        rows = await report_pool.fetch(
            "SELECT text FROM custody_entry WHERE school = 's001' ORDER BY position"
        )
        return [row["text"] for row in rows], ours

    await tell(
        *(recorded(segment("gate", AT + n * MINUTE), segment("yard", AT + n * MINUTE)) for n in range(60)),
        recorded(segment("gate", AT + HOUR)),
    )
    assert await close() == ([], [])
    now[0] = AT + HOUR + QUIET
    texts, ours = await close()
    assert (len(texts), len(ours)) == (1, 1)
    entry, same = json.loads(texts[0]), json.loads(ours[0])
    assert (entry["type"], entry["by"], same["by"]) == (hours.TYPE, "registrar", "notary")
    assert entry["facts"] == same["facts"]
    assert entry["body"] == same["body"], "two who heard the same say the same"
    assert entry["facts"]["count"] == 120
    await tell(recorded(segment("hall", AT + MINUTE)))
    now[0] = AT + 3 * HOUR
    texts, ours = await close()
    assert [json.loads(one)["facts"]["hour"][11:13] for one in texts] == ["08", "08", "09"]
    assert [json.loads(one)["facts"]["count"] for one in texts] == [120, 1, 1]
    assert len(ours) == 3
    assert await close() == (texts, ours)
    conn.close()


# what is found


def hold(name: str, cause: str, camera: str, start: datetime) -> retention.Hold:
    return retention.Hold(
        id=name,
        source=retention.HoldSource.APPLICATION,
        cause=cause,
        span=CameraSpan(camera=camera, start=start, end=start + HOUR),
        purpose="loss",
        until=AT + timedelta(days=30),
    )


def erased(camera: str, start: datetime) -> retention.SegmentsErased:
    one = retention.Certificate(
        segment="x",
        camera=camera,
        start=start,
        end=start + MINUTE,
        digest="ab" * 32,
        size=1,
        locator="x.mp4",
        due=AT,
        erased_at=AT,
        plan="ab" * 32,
    )
    return retention.SegmentsErased(certificates=(one,))


def filed(name: str, camera: str, start: datetime) -> access.ApplicationFiled:
    return access.ApplicationFiled(
        application=name,
        version=1,
        number=f"s001-{name}",
        manner=access.Manner.VIEW,
        spans=(CameraSpan(camera=camera, start=start, end=start + MINUTE),),
        purpose="loss",
        applicant="a-filer",
        hold_until=AT + timedelta(days=30),
    )


STORY: tuple[Event, ...] = (
    filed("app1", "gate", AT + MINUTE),
    retention.HoldAsked(hold=hold("h1", "app1", "gate", AT)),
    access.ApplicationApproved(
        application="app1",
        version=2,
        approvers=("a-leader", "a-safety"),
        approver_roles=("leader", "safety"),
        form_digest="ab" * 32,
        valid_until=AT,
        hold_until=AT,
    ),
    filed("app2", "yard", AT),
    erased("gate", AT + 5 * HOUR),
    erased("gate", AT + 2 * MINUTE),
    access.ViewingStarted(application="app1", viewing="v1", retriever="a-operator", supervisor="a-safety"),
    access.AccessDenied(actor="a-filer", act="approve", rule="R4.2", application="app2"),
)


ASKED: Sequence[tuple[dict[str, object], tuple[int, ...]]] = [
    ({"camera": "gate", "start": AT, "end": AT + 2 * MINUTE}, (0, 1, 2, 6)),
    ({"camera": "gate", "start": AT, "end": AT + 3 * MINUTE}, (0, 1, 2, 5, 6)),
    ({"camera": "gate", "start": AT + 5 * HOUR, "end": AT + 6 * HOUR}, (4,)),
    ({"camera": "yard", "start": AT, "end": AT + HOUR}, (3, 7)),
    ({"camera": "hall", "start": AT, "end": AT + HOUR}, ()),
    ({"about": "app1"}, (0, 1, 2, 6)),
    ({"about": "h1"}, (1,)),
    ({"about": "a-filer"}, ()),
    ({"person": "a-filer"}, (0, 3, 7)),
    ({"person": "a-safety"}, (2, 6)),
    ({"person": "app1"}, ()),
    ({}, tuple(range(8))),
    ({"before": 3}, (0, 1, 2)),
]


async def test_what_is_asked_is_found_and_proven(report_pool: asyncpg.Pool) -> None:
    """Of footage also what happened to the applications and holds that it is under."""
    units = units_of(report_pool)
    async with units.begin() as store:
        for number, event in enumerate(STORY):
            await handlers.on_fact(event, envelope(number, event), store)
            await handlers.on_fact(event, envelope(number, event, "s002"), store)
    for asked, found in ASKED:
        query = report.HistoryQuery.model_validate({"school": "s001", **asked})
        async with units.begin() as store:
            covered = await store.covered(query)
            answer = domain.answer(covered, await store.nodes("s001", wanted(covered.ranges)))
        assert tuple(one.index for one in answer.entries) == found, asked
        for one in answer.entries:
            assert proofs.check(one.entry, one.proof, VerifierKey.parse(answer.key)).size == len(STORY)
            assert json.loads(one.entry)["type"] == STORY[one.index].ce_type()
        assert not answer.more


async def test_footage_of_many_cameras_is_found_by_each(report_pool: asyncpg.Pool) -> None:
    """An hour of a school with more cameras than have a row of their own, and an erasure among them."""
    units = units_of(report_pool)
    cameras = [f"camera-{number:03}" for number in range(40)]
    heard = recorded(*(segment(one, AT + MINUTE) for one in cameras))
    gone = erased(cameras[7], AT + MINUTE)
    async with units.begin() as store:
        await handlers.on_segments([(heard, envelope("h", heard))], store)
        (waiting,) = await store.hours.waiting()
        await store.close_hour(waiting)
        await handlers.on_fact(gone, envelope("g", gone), store)
    for camera, start, found in (
        (cameras[7], AT, [hours.TYPE, gone.ce_type()]),
        (cameras[8], AT, [hours.TYPE]),
        (cameras[7], AT + 3 * MINUTE, []),
        ("other", AT, []),
    ):
        query = report.HistoryQuery(school="s001", camera=camera, start=start, end=start + 2 * MINUTE)
        async with units.begin() as store:
            covered = await store.covered(query)
        entries = [json.loads(text) for _, text in covered.entries]
        assert [one["type"] for one in entries] == found, (camera, start)
    facts = json.loads(leaf(gone, envelope("g", gone)).text)["facts"]
    assert (facts["from"], facts["to"]) == ("2026-03-02T08:01:00.000000Z", "2026-03-02T08:02:00.000000Z")


async def test_long_histories_are_told_in_parts_that_fit_the_bus(report_pool: asyncpg.Pool) -> None:
    units = units_of(report_pool)
    many = [access.AccessDenied(actor="a-1", act="view", rule="R3.3") for _ in range(650)]
    async with units.begin() as store:
        for number, event in enumerate(many):
            await handlers.on_fact(event, envelope(number, event), store)
    seen: list[int] = []
    before = None
    for _ in range(20):
        async with units.begin() as store:
            covered = await store.covered(report.HistoryQuery(school="s001", person="a-1", before=before))
            answer = domain.answer(covered, await store.nodes("s001", wanted(covered.ranges)))
        assert len(answer.model_dump_json()) < 1_000_000
        seen = [*(one.index for one in answer.entries), *seen]
        before = seen[0]
        if not answer.more:
            break
    assert seen == list(range(650))


def test_one_entry_is_told_however_long_it_is() -> None:
    long = Covered([(0, "x"), (1, "y" * MOST_CHARACTERS)], 2, "", "")
    assert [place for place, _ in long.told] == [1]
    assert Covered((), 0, "", "").told == []
