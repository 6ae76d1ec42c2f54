"""The catalogue and what leaves with it."""

from datetime import timedelta
from pathlib import Path

import pytest

from reelwarden_common.envelope import MAX_BODY, Envelope
from reelwarden_common.events.ingest import (
    DayCounted,
    DayDiffers,
    Segment,
    SegmentAltered,
    SegmentsLost,
    SegmentsRecorded,
    SegmentsRejected,
)
from reelwarden_common.identity import digest_of
from reelwarden_ingest.site.scanner.domain import Found, Reason, Rejection, Signature
from reelwarden_ingest.site.scanner.handlers import on_day_differs
from reelwarden_ingest.site.scanner.store import Catalogue
from tests.ingest.scanner_site import GATE, SCHOOL, Site, days_ago, site

START = days_ago(2).replace(hour=6)


def rejected(number: int, length: int = 10, letter: str = "长") -> Found:
    return Found(f"{number:06d}{letter * length}.mp4", Signature(1, 1, number), None, None, rejection=BAD)


BAD = Rejection(Reason.EMPTY, "the file has no content")


async def test_events_never_outgrow_the_bus(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        async with at.scanner.units.begin() as catalogue:
            catalogue.enter([rejected(n, 1300) for n in range(60)], lambda _: True)
            catalogue.enter([rejected(n, 4000, "\x01") for n in range(60, 120)], lambda _: True)
        sizes = [row[0] for row in at.conn.execute("SELECT length(body) FROM outbox")]
        assert len(sizes) > 3
        assert max(sizes) < MAX_BODY
        assert sum(len(event.files) for event in at.said(SegmentsRejected)) == 120


async def test_one_file_that_cannot_be_entered_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site(tmp_path) as at:
        bad, *rest = at.recorder.backfill(GATE.id, START, START + 6 * GATE.length)
        record = Catalogue._record

        def fail(self: Catalogue, found: Found, segment: Segment) -> Segment:
            if found.digest == bad.sha256:
                raise ValueError
            return record(self, found, segment)

        monkeypatch.setattr(Catalogue, "_record", fail)
        await at.scan()
        said = [s.digest for event in at.said(SegmentsRecorded) for s in event.segments]
        assert sorted(said) == sorted(w.sha256 for w in rest)


async def test_a_rejection_is_told_once(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        for _ in range(3):
            async with at.scanner.units.begin() as catalogue:
                catalogue.enter([rejected(1)], lambda _: True)
        assert len(at.said(SegmentsRejected)) == 1


async def test_a_camera_day_is_counted_and_said_again_when_the_index_lacks_part_of_it(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        one, *rest = at.recorder.backfill(GATE.id, START, START + 6 * GATE.length)
        await at.scan()
        at.path(one).unlink()
        await at.scan()
        await at.scanner.report_missing(after=0)
        yesterday = f"{at.time.now() - timedelta(days=1):%Y-%m-%d}"
        await at.reports.count_days()
        (counted,) = (one for one in at.said(DayCounted) if one.day < yesterday)
        ids = [s.id for event in at.said(SegmentsRecorded) for s in event.segments]
        assert (counted.camera, counted.day) == ("gate", f"{START:%Y-%m-%d}")
        assert (counted.count, counted.digest) == (6, digest_of(ids))
        at.forget()
        await at.reports.count_days()
        assert {one.day >= yesterday for one in at.said(DayCounted)} == {True}
        envelope = Envelope("e1", DayDiffers.ce_type(), SCHOOL, "index", START)
        async with at.scanner.units.begin() as catalogue:
            await on_day_differs(DayDiffers(camera="gate", day=counted.day), envelope, catalogue)
        again = [s.digest for event in at.said(SegmentsRecorded) for s in event.segments]
        assert sorted(again) == sorted(w.sha256 for w in rest)
        assert [s.digest for event in at.said(SegmentsLost) for s in event.segments] == [one.sha256]


async def test_an_altered_segment_is_said_again_as_what_it_is(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        at.recorder.backfill(GATE.id, START, START + 2 * GATE.length)
        await at.scan()
        [[segment, _]] = [event.segments for event in at.said(SegmentsRecorded)]
        found = Found(segment.locator, Signature(1, 1, 1), "gate", "cd" * 32, rejection=BAD)
        async with at.scanner.units.begin() as catalogue:
            catalogue.enter([found], lambda _: True)
        at.forget()
        envelope = Envelope("e1", DayDiffers.ce_type(), SCHOOL, "index", START)
        async with at.scanner.units.begin() as catalogue:
            await on_day_differs(DayDiffers(camera="gate", day=f"{START:%Y-%m-%d}"), envelope, catalogue)
        assert segment in [s for event in at.said(SegmentsRecorded) for s in event.segments]
        assert [(e.segment, e.found) for e in at.said(SegmentAltered)] == [(segment.id, "cd" * 32)]


async def test_row_and_event_fail_together(tmp_path: Path) -> None:
    async def fail(at: Site) -> None:
        async with at.scanner.units.begin() as catalogue:
            catalogue.enter([rejected(1)], lambda _: True)
            raise RuntimeError

    async with site(tmp_path) as at:
        with pytest.raises(RuntimeError):
            await fail(at)
        assert at.said(SegmentsRejected) == []
        assert at.conn.execute("SELECT count(*) FROM rejected").fetchone()[0] == 0


async def test_the_erased_is_forgotten_in_the_end_but_never_the_lost(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        one, two, three = at.recorder.backfill(GATE.id, START, START + 3 * GATE.length)
        await at.scan()
        ids = {s.digest: s.id for event in at.said(SegmentsRecorded) for s in event.segments}
        at.path(one).unlink()
        at.path(two).unlink()
        async with at.scanner.units.begin() as catalogue:
            catalogue.erase([ids[one.sha256]])
        await at.scan()
        await at.scanner.report_missing(after=0)
        at.time.offset += 31 * 86400
        await at.reports.measure_storage()
        assert [at.state(w) for w in (one, two, three)] == [None, "lost", "present"]
