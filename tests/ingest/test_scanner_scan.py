"""The scanner on real files and a real SQLite catalogue, without the bus."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

import pytest

from reelwarden_common.district import Layout as ConfigLayout
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import (
    SegmentAltered,
    SegmentMoved,
    SegmentsLost,
    SegmentsQuery,
    SegmentsRecorded,
    SegmentsRejected,
    TimeSource,
)
from reelwarden_ingest.site.scanner import handlers, probe, rows
from reelwarden_ingest.site.scanner import recorders as layouts
from reelwarden_ingest.site.scanner.domain import Signature, State
from reelwarden_ingest.site.scanner.handlers import answer_segments
from reelwarden_ingest.site.scanner.storage import Unbound
from reelwarden_local.recorders.layouts import Layout, RecordedCamera
from reelwarden_local.recorders.manifest import FileKind, WrittenFile
from tests.ingest.scanner_site import CAMERAS, GATE, HALL, YARD, Site, days_ago, site

START = days_ago(2).replace(hour=6, minute=30)
"""Far from the midnights and full hours at which recorders begin a new folder."""
MINUTE = timedelta(minutes=1)
SHANGHAI = ZoneInfo("Asia/Shanghai")
DEEP = 7 * 3600
"""Seconds after which a pass looks at every file again."""


def recorded(at: Site) -> dict[str, str]:
    """Locator by digest of everything said to be recorded."""
    return {s.digest: s.locator for event in at.said(SegmentsRecorded) for s in event.segments}


def rejected(at: Site) -> dict[str, str]:
    """Reason by locator."""
    return {f.locator: f.reason for event in at.said(SegmentsRejected) for f in event.files}


async def test_everything_written_is_recorded_or_rejected_with_its_reason(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        for camera in CAMERAS:
            gap = (START + MINUTE / 3, START + MINUTE / 2)
            at.recorder.backfill(camera.id, START, START + MINUTE, gaps=[gap])
            at.recorder.truncated(camera.id, START + 10 * MINUTE)
            at.recorder.empty(camera.id, START + 11 * MINUTE)
            at.recorder.unreadable_time(camera.id, START + 12 * MINUTE)
        await at.scan()
        written = list(at.recorder.manifest)
        assert recorded(at) == {w.sha256: w.path for w in written if w.kind is FileKind.GOOD}
        assert rejected(at) == {w.path: w.kind for w in written if w.kind is not FileKind.GOOD}
        segments = {s.digest: s for event in at.said(SegmentsRecorded) for s in event.segments}
        for one in at.good:
            segment = segments[one.sha256]
            assert (segment.camera, segment.start, segment.end) == (one.camera, one.start, one.end)
            assert (segment.size, segment.duration_ms, segment.codec) == (one.size, one.duration_ms, "h264")
            inside = one.camera == YARD.id
            assert segment.time_source is (TimeSource.CONTAINER if inside else TimeSource.NAME)


async def test_a_second_pass_reads_no_file_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with site(tmp_path) as at:
        at.recorder.backfill(GATE.id, START, START + MINUTE)
        at.recorder.empty(GATE.id, START + 2 * MINUTE)
        await at.scan()
    async with site(tmp_path) as at:
        monkeypatch.setattr(probe, "_digest", lambda _: pytest.fail("a known file was read"))
        at.forget()
        await at.scan()
        assert not at.said(SegmentsRecorded)
        assert not at.said(SegmentsRejected)


async def test_the_newest_file_waits_until_it_is_closed(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        now = datetime.now(UTC) - timedelta(seconds=25)
        first, second = at.recorder.backfill(YARD.id, now, now + timedelta(seconds=20))
        await at.scan()
        assert list(recorded(at)) == [first.sha256]
        at.time.offset += 2 * YARD.segment_seconds + 1
        await at.scanner.settle()
        assert set(recorded(at)) == {first.sha256, second.sha256}


async def test_a_file_that_is_copied_back_is_not_closed_by_its_old_successor(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        first, _ = at.recorder.backfill(GATE.id, START, START + timedelta(seconds=20))
        content = at.path(first).read_bytes()
        at.path(first).write_bytes(content[:1000])
        await at.scan()
        assert first.sha256 not in recorded(at)
        assert rejected(at) == {}
        at.path(first).write_bytes(content)
        await at.scan()
        at.time.offset += 2 * GATE.segment_seconds + 1
        await at.scanner.settle()
        assert first.sha256 in recorded(at)


async def test_a_hook_closes_a_file_at_once(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        now = datetime.now(UTC) - timedelta(seconds=10)
        (newest,) = at.recorder.backfill(HALL.id, now, now + timedelta(seconds=10))
        await at.scan()
        assert recorded(at) == {}
        spool = at.storage / ".reelwarden" / "closed"
        spool.mkdir()
        (spool / "1").write_text(f"{at.path(newest)}\n", encoding="utf-8")
        (spool / "2").write_text("/etc/passwd", encoding="utf-8")
        (spool / "3").touch()
        await at.scanner.settle()
        assert list(recorded(at)) == [newest.sha256]
        assert list(spool.iterdir()) == [spool / "3"]


async def test_what_vanished_is_lost_after_a_while_and_back_when_it_is_back(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        one, two, *_ = at.recorder.backfill(GATE.id, START, START + MINUTE)
        await at.scan()
        at.forget()
        content = at.path(one).read_bytes()
        at.path(one).unlink()
        await at.scan()
        await at.scanner.report_missing(after=20)
        assert at.said(SegmentsLost) == []
        at.time.offset += 21
        await at.scanner.report_missing(after=20)
        (lost,) = (s for event in at.said(SegmentsLost) for s in event.segments)
        assert (lost.digest, lost.locator) == (one.sha256, one.path)
        assert (at.state(one), at.state(two)) == ("lost", "present")
        at.path(one).write_bytes(content)
        os.utime(at.path(one), (one.end.timestamp(), one.end.timestamp()))
        await at.scan()
        assert recorded(at) == {one.sha256: one.path}
        assert at.state(one) == "present"


async def test_a_whole_folder_that_vanished_is_noticed(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        written = at.recorder.backfill(HALL.id, START, START + MINUTE)
        await at.scan()
        shutil.rmtree(at.path(written[0]).parent)
        await at.scan()
        await at.scanner.report_missing(after=0)
        assert len([s for event in at.said(SegmentsLost) for s in event.segments]) == len(written)


async def test_what_was_erased_with_a_certificate_is_not_lost(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        one, *_ = at.recorder.backfill(GATE.id, START, START + MINUTE)
        await at.scan()
        (identifier,) = (
            s.id for e in at.said(SegmentsRecorded) for s in e.segments if s.digest == one.sha256
        )
        at.path(one).unlink()
        await at.scan()
        async with at.scanner.units.begin() as catalogue:
            catalogue.erase([identifier])
        await at.scanner.report_missing(after=0)
        assert at.said(SegmentsLost) == []
        assert at.state(one) == "erased"


async def test_nothing_is_lost_before_all_certificates_were_heard(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        one, *_ = at.recorder.backfill(GATE.id, START, START + MINUTE)
        await at.scan()
        at.path(one).unlink()
        await at.scan()
        at.hears = False
        at.time.offset += 3600
        await at.scanner.report_missing(after=20)
        at.hears = True
        at.time.offset += 10
        await at.scanner.report_missing(after=20)
        assert at.said(SegmentsLost) == []
        at.time.offset += 11
        await at.scanner.report_missing(after=20)
        assert len(at.said(SegmentsLost)) == 1


@pytest.mark.parametrize(("days", "state"), [(40, "overwritten"), (20, "lost")])
async def test_a_recorder_may_overwrite_its_own_footage_but_not_too_early(
    tmp_path: Path, days: int, state: str
) -> None:
    async with site(tmp_path, managed=False) as at:
        one, *_ = at.recorder.backfill(GATE.id, days_ago(days), days_ago(days) + MINUTE)
        await at.scan()
        at.path(one).unlink()
        await at.scan()
        await at.scanner.report_missing(after=0)
        assert at.state(one) == state
        assert bool(at.said(SegmentsLost)) is (state == "lost")


async def test_altered_content_is_told_once_and_forgiven_when_the_original_is_back(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        one, *_ = at.recorder.backfill(GATE.id, START, START + MINUTE)
        await at.scan()
        original = at.path(one).read_bytes()
        at.path(one).write_bytes(original[:-1] + b"\0")
        at.time.offset += DEEP
        await at.scan()
        await at.scan()
        (told,) = at.said(SegmentAltered)
        assert (told.digest, told.locator) == (one.sha256, one.path)
        assert at.state(one) == "altered"
        at.path(one).write_bytes(original)
        at.time.offset += DEEP
        await at.scan()
        assert at.state(one) == "present"


async def test_a_touched_file_is_the_same_file(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        one, *_ = at.recorder.backfill(GATE.id, START, START + MINUTE)
        await at.scan()
        at.forget()
        os.utime(at.path(one))
        at.time.offset += DEEP
        await at.scan()
        assert (at.said(SegmentAltered), recorded(at)) == ([], {})


async def test_a_file_with_a_clock_inside_is_followed_to_another_name(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        one, *_ = at.recorder.backfill(YARD.id, START, START + MINUTE)
        await at.scan()
        new = at.path(one).with_name("2001-01-01_00-00-00-000000.mp4")
        at.path(one).rename(new)
        await at.scan()
        (moved,) = at.said(SegmentMoved)
        assert (moved.was, moved.locator) == (one.path, str(new.relative_to(at.storage)))
        assert moved.start == one.start
        await at.scanner.report_missing(after=0)
        assert at.said(SegmentsLost) == []


async def test_a_copy_beside_the_original_is_a_duplicate(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        one, *_ = at.recorder.backfill(YARD.id, START, START + MINUTE)
        copy = at.path(one).with_name("copy.mp4")
        shutil.copy2(at.path(one), copy)
        await at.scan()
        assert list(rejected(at).values()) == ["duplicate"]
        assert len(recorded(at)) == len(at.good)


async def test_two_segments_with_one_start_are_both_recorded(tmp_path: Path) -> None:
    zone = "Europe/Berlin"
    camera = RecordedCamera("hall", "走廊", Layout.TEMPLATE, "a", "", "%H-%M-%S %d.%m.%Y.mp4", zone)
    other = RecordedCamera("other", "走廊", Layout.TEMPLATE, "b", "", "%H-%M-%S %d.%m.%Y.mp4", zone)
    before = datetime(2025, 10, 26, 0, 30, tzinfo=UTC)
    after, length = before + timedelta(hours=1), camera.length
    async with site(tmp_path, [camera, other]) as at:
        (first,) = at.recorder.backfill("hall", before, before + length)
        (second,) = at.recorder.backfill("other", after, after + length)
        assert Path(first.path).name == Path(second.path).name
        await at.scan()
        starts = {s.digest: s.start for e in at.said(SegmentsRecorded) for s in e.segments}
        assert starts == {first.sha256: first.start, second.sha256: second.start}


async def test_implausible_clocks_are_quarantined(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        unset, ahead, claimed, fine = at.recorder.backfill(GATE.id, START, START + timedelta(seconds=40))
        os.utime(at.path(unset), (0, 0))
        future = datetime(2099, 1, 1, tzinfo=UTC).timestamp()
        os.utime(at.path(ahead), (future, future))
        old = at.storage / "frigate/recordings/1970-01-01/00/gate_cam/00.00.mp4"
        old.parent.mkdir(parents=True)
        at.path(claimed).rename(old)
        await at.scan()
        at.time.offset += 121
        await at.scanner.settle()
        assert set(rejected(at).values()) == {"clock-implausible"}
        assert len(rejected(at)) == 3
        assert list(recorded(at)) == [fine.sha256]


async def test_a_claim_from_2099_gives_way_to_the_file_time(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        (one,) = at.recorder.backfill(GATE.id, START, START + timedelta(seconds=10))
        strange = at.storage / "frigate/recordings/2099-01-01/00/gate_cam/00.00.mp4"
        strange.parent.mkdir(parents=True)
        at.path(one).rename(strange)
        await at.scan()
        (segment,) = (s for e in at.said(SegmentsRecorded) for s in e.segments)
        assert (segment.time_source, segment.start) == (TimeSource.FILE_TIME, one.start)


async def test_odd_names_links_and_pipes(tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    async with site(tmp_path) as at:
        one, two, three, four = at.recorder.backfill(HALL.id, START, START + timedelta(seconds=40))
        folder = at.path(one).parent
        shutil.copy2(at.path(one), secret)
        (folder / "link.mp4").symlink_to(secret)
        (folder / "inside.mp4").symlink_to(at.path(two))
        (folder / "away").symlink_to(tmp_path)
        os.mkfifo(folder / "pipe.mp4")
        at.path(two).rename(folder / "操场 周一.mp4")
        at.path(three).rename(folder / "new\nline.mp4")
        at.path(four).rename(folder / os.fsdecode(b"\xff\xfe.mp4"))
        (folder / "notes.txt").write_text("not video", encoding="utf-8")
        await at.scan()
        assert list(recorded(at)) == [one.sha256]
        reasons = {Path(locator).name: reason for locator, reason in rejected(at).items()}
        assert reasons == {
            "link.mp4": "symlink-outside",
            "away": "symlink-outside",
            "pipe.mp4": "unreadable",
            "操场 周一.mp4": "unreadable-time",
            "new\nline.mp4": "unreadable-time",
            "\\xff\\xfe.mp4": "unreadable-name",
        }


async def test_a_camera_that_nobody_registered_is_reported(tmp_path: Path) -> None:
    stranger = RecordedCamera("stranger", "?", Layout.FRIGATE, "frigate", "toilet_cam")
    async with site(tmp_path, [GATE, stranger]) as at:
        at.recorder.backfill(stranger.id, START, START + timedelta(seconds=10))
    async with site(tmp_path, [GATE]) as at:
        await at.scan()
        (file,) = (f for e in at.said(SegmentsRejected) for f in e.files)
        assert (file.reason, file.camera) == ("unknown-camera", None)


async def test_another_storage_is_never_scanned_and_nothing_is_lost(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        at.recorder.backfill(GATE.id, START, START + MINUTE)
        await at.scan()
        at.forget()
        away = tmp_path / "unmounted"
        at.storage.rename(away)
        for there in (False, True):
            if there:
                at.storage.mkdir()
            with pytest.raises(Unbound):
                await at.walker.walk()
            await at.reports.measure_storage()
        await at.scanner.settle()
        at.scanner.missing["frigate/x.mp4"] = 0
        with pytest.raises(Unbound):
            await at.scanner.report_missing(after=0)
        assert at.said(SegmentsLost) == []
        at.storage.rmdir()
        away.rename(at.storage)
        at.scanner.missing.clear()
        await at.scan()
        assert (at.scanner.unbound, at.said(SegmentsLost), recorded(at)) == (None, [], {})


async def test_a_full_disk_under_the_catalogue_stops_nothing_for_good(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        at.recorder.backfill(GATE.id, START, START + 5 * MINUTE)
        await at.walker.walk()
        pages = at.conn.execute("PRAGMA page_count").fetchone()[0]
        at.conn.execute(f"PRAGMA max_page_count = {pages}")
        await at.scanner.settle()
        assert at.scanner.problem is not None
        assert "full" in at.scanner.problem
        assert recorded(at) == {}
        at.conn.execute("PRAGMA max_page_count = 1000000")
        await at.scanner.settle()
        assert at.scanner.problem is None
        assert set(recorded(at)) == {w.sha256 for w in at.good}


async def test_a_segment_is_recorded_within_a_second_of_being_closed(tmp_path: Path) -> None:
    quick = RecordedCamera("yard", "操场", Layout.MEDIAMTX, "mediamtx", "yard", segment_seconds=2)
    async with site(tmp_path, [quick]) as at:
        (at.storage / "mediamtx").mkdir()
        await at.scan()
        tasks = [
            asyncio.create_task(_forever(turn))
            for turn in (at.watcher.watch, at.scanner.settle, lambda: at.walker.turn(300))
        ]
        recording = asyncio.create_task(at.recorder.run("yard"))
        waits = []
        known: set[str] = set()
        for _ in range(80):
            await asyncio.sleep(0.1)
            for one in at.good:
                if one.sha256 in recorded(at) and one.sha256 not in known:
                    known.add(one.sha256)
                    waits.append((datetime.now(UTC) - one.closed_at).total_seconds())
        for task in (recording, *tasks):
            task.cancel()
        await asyncio.gather(recording, *tasks, return_exceptions=True)
        assert len(waits) >= 3
        assert median(waits) < 1
        assert max(waits) < 3


async def _forever(turn: Callable[[], Awaitable[None]]) -> None:
    while True:
        await turn()
        await asyncio.sleep(0.05)


async def test_the_question_is_answered_with_what_is_known_and_how_far(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        gap = (START + timedelta(seconds=20), START + timedelta(seconds=40))
        written = at.recorder.backfill(GATE.id, START, START + MINUTE, gaps=[gap])
        question = SegmentsQuery(
            camera="gate", start=START + timedelta(seconds=5), end=START + timedelta(seconds=45)
        )
        before = await answer_segments(question, at.scanner)
        assert (before.segments, before.complete_to) == ((), None)
        await at.scan()
        answer = await answer_segments(question, at.scanner)
        assert [s.digest for s in answer.segments] == [w.sha256 for w in written[:3]]
        assert answer.complete_to is not None
        assert answer.complete_to > datetime.now(UTC) - timedelta(seconds=60)
        assert [(span.start, span.end) for span in answer.missing] == [gap]


async def test_what_is_lost_is_away(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        one, two, three = at.recorder.backfill(GATE.id, START, START + 3 * GATE.length)
        await at.scan()
        at.path(two).unlink()
        await at.scan()
        await at.scanner.report_missing(after=0)
        question = SegmentsQuery(camera="gate", start=START, end=three.end)
        answer = await answer_segments(question, at.scanner)
        assert [s.digest for s in answer.segments] == [one.sha256, three.sha256]
        assert [s.digest for s in answer.away] == [two.sha256]
        assert [(span.start, span.end) for span in answer.missing] == [(two.start, two.end)]


async def test_a_long_answer_breaks_off_where_it_can_be_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "SEGMENTS_AN_ANSWER", 4)
    async with site(tmp_path) as at:
        written = at.recorder.backfill(GATE.id, START, START + 6 * GATE.length)
        await at.scan()
        question = SegmentsQuery(camera="gate", start=START, end=written[-1].end)
        first = await answer_segments(question, at.scanner)
        assert first.complete_to == written[4].start
        rest = await answer_segments(question.model_copy(update={"after": first.next}), at.scanner)
        assert rest.next is None
        assert [s.digest for s in (*first.segments, *rest.segments)] == [w.sha256 for w in written]
        assert (first.missing, rest.missing) == ((), ())


async def test_however_many_begin_at_once_an_answer_goes_on_behind_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More contents of one start than an answer holds: a hold over them must get into force."""
    monkeypatch.setattr(handlers, "SEGMENTS_AN_ANSWER", 2)
    async with site(tmp_path) as at:
        (one,) = at.recorder.backfill(GATE.id, START, START + GATE.length)
        (after,) = at.recorder.backfill(GATE.id, one.end, one.end + GATE.length)
        await at.scan()
        (known,) = (s for e in at.said(SegmentsRecorded) for s in e.segments if s.digest == one.sha256)
        async with at.scanner.units.begin() as catalogue:
            for number in range(5):
                twin = known.model_copy(
                    update={"id": f"{number:032}", "digest": f"{number:064}", "locator": f"x/{number}.mp4"}
                )
                values = rows.values(twin, Signature(1, 1, number), State.PRESENT, at.time.now())
                catalogue.conn.execute(rows.INSERT, values)
        question = SegmentsQuery(camera="gate", start=START, end=after.end)
        found, missing, pages = list[str](), list[CameraSpan](), 0
        while True:
            answer = await answer_segments(question, at.scanner)
            found += [s.digest for s in answer.segments]
            missing += answer.missing
            pages += 1
            if answer.next is None:
                break
            assert answer.complete_to is not None
            assert answer.complete_to < after.end
            question = question.model_copy(update={"after": answer.next})
        assert pages == 4
        assert sorted(found) == sorted([one.sha256, after.sha256, *(f"{n:064}" for n in range(5))])
        assert missing == []


def as_zoneminder(at: Site, written: Sequence[WrittenFile]) -> list[Path]:
    """Events of a ZoneMinder monitor, its days named in Shanghai's time."""
    placed = []
    for number, one in enumerate(written):
        day = one.start.astimezone(SHANGHAI).date()
        place = at.storage / "zm" / "3" / str(day) / str(number) / f"{number}-video.mp4"
        place.parent.mkdir(parents=True)
        at.path(one).rename(place)
        placed.append(place)
    return placed


async def test_zoneminders_events_are_dated_by_their_file_times(tmp_path: Path) -> None:
    foreign = layouts.RecordedCamera(
        "monitor", ConfigLayout.ZONEMINDER, "zm", "3", "", SHANGHAI, timedelta(seconds=10)
    )
    async with site(tmp_path, foreign=[foreign]) as at:
        now = datetime.now(UTC) - timedelta(seconds=120)
        *past, live = at.recorder.backfill(GATE.id, now, now + timedelta(seconds=110))
        forgotten, *_ = at.recorder.backfill(GATE.id, START, START + GATE.length)
        *_, still_open, copied = as_zoneminder(at, [*past, live, forgotten])
        os.utime(copied)
        await at.scan()
        at.time.offset = 2 * GATE.segment_seconds + 1
        os.utime(still_open)
        await at.scan()
        segments = {s.digest: s for e in at.said(SegmentsRecorded) for s in e.segments}
        assert segments.keys() == {one.sha256 for one in past}
        for one in past:
            assert abs(segments[one.sha256].start - one.start) < timedelta(seconds=1)
            assert segments[one.sha256].time_source is TimeSource.FILE_TIME
        answer = await answer_segments(
            SegmentsQuery(camera="monitor", start=now, end=now + MINUTE), at.scanner
        )
        assert answer.complete_to is not None
        assert past[-1].start - MINUTE < answer.complete_to <= live.start
        assert rejected(at) == {copied.relative_to(at.storage).as_posix(): "unreadable-time"}


async def test_an_open_file_holds_back_completeness(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        now = datetime.now(UTC) - timedelta(seconds=120)
        *_, newest = at.recorder.backfill(YARD.id, now, now + timedelta(seconds=110))
        os.utime(at.path(newest))
        await at.scan()
        question = SegmentsQuery(camera="yard", start=now, end=now + MINUTE)
        answer = await answer_segments(question, at.scanner)
        assert answer.complete_to is not None
        assert abs(answer.complete_to - newest.start) < timedelta(milliseconds=2)
