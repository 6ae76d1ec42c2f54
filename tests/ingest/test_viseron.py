"""Viseron's fragments: none can be decoded without `init.mp4`, which its recorder replaces when it likes."""

import io
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import av

from reelwarden_common.district import Layout
from reelwarden_common.events.ingest import (
    Segment,
    SegmentsQuery,
    SegmentsRecorded,
    SegmentsRejected,
    TimeSource,
)
from reelwarden_ingest.site.scanner import recorders as layouts
from reelwarden_ingest.site.scanner.handlers import answer_segments
from tests.ingest.scanner_site import Site, days_ago, site
from tests.support.viseron import FRAGMENT, RATE, Viseron

GATE = layouts.RecordedCamera("gate", Layout.VISERON, "", "gate", "", ZoneInfo("Asia/Shanghai"), FRAGMENT)
START = days_ago(1)
SMALL, LARGE = (320, 180), (640, 360)


def pictures(at: Site, segment: Segment) -> list[tuple[int, int]]:
    """What a player shows of a fragment with what travels with it."""
    assert segment.init is not None
    whole = segment.init.content() + (at.storage / segment.locator).read_bytes()
    with av.open(io.BytesIO(whole), "r") as container:
        return [(frame.width, frame.height) for frame in container.decode(video=0)]


def recorded(at: Site) -> list[Segment]:
    found = [segment for event in at.said(SegmentsRecorded) for segment in event.segments]
    return sorted(found, key=lambda one: one.start)


async def test_fragments_are_footage_and_what_begins_them_travels_with_each(tmp_path: Path) -> None:
    async with site(tmp_path, (), foreign=(GATE,)) as at:
        written = Viseron(at.storage).record(START, 3)
        await at.scan()
        found = recorded(at)
        assert at.said(SegmentsRejected) == []
        assert [one.start for one in found] == [START + n * FRAGMENT for n in range(3)]
        assert [one.digest for one in found] == [sha256(path.read_bytes()).hexdigest() for path in written]
        assert {(one.duration_ms, one.codec, one.width, one.time_source) for one in found} == {
            (5000, "h264", 320, TimeSource.NAME)
        }
        begins = (at.storage / "segments/gate/init.mp4").read_bytes()
        assert {one.init.digest for one in found if one.init} == {sha256(begins).hexdigest()}
        assert [len(pictures(at, one)) for one in found] == [FRAGMENT.seconds * RATE] * 3


async def test_the_last_fragment_before_a_change_is_read_with_its_own(tmp_path: Path) -> None:
    """It is closed by its successor: by then the file beside it is the successor's."""
    async with site(tmp_path, (), foreign=(GATE,)) as at:
        camera = Viseron(at.storage)
        camera.record(START, 1, SMALL)
        await at.scan()
        (last,) = camera.record(START + FRAGMENT, 1, SMALL)
        await at.scanner.notice([str(last.relative_to(at.storage))])
        camera.record(START + 2 * FRAGMENT, 2, LARGE)
        await at.scan()
        shown = [set(pictures(at, one)) for one in recorded(at)]
        assert shown == [{SMALL}, {SMALL}, {LARGE}, {LARGE}]


async def test_what_was_kept_outlives_its_file_and_goes_with_the_last_fragment(tmp_path: Path) -> None:
    async with site(tmp_path, (), foreign=(GATE,)) as at:
        camera = Viseron(at.storage)
        camera.record(START, 1, SMALL)
        await at.scan()
        camera.record(START + FRAGMENT, 1, LARGE)
        await at.scan()
        (camera.folder / "init.mp4").unlink()
        first, second = recorded(at)
        question = SegmentsQuery(camera="gate", start=START, end=START + 2 * FRAGMENT)
        answer = await answer_segments(question, at.scanner)
        assert [one.init for one in answer.segments] == [first.init, second.init]
        at.forget()
        async with at.scanner.units.begin() as catalogue:
            present, _, _ = catalogue.days.segments("gate", f"{START:%Y-%m-%d}")
            assert first.init in [one.init for one in present]
            catalogue.erase([first.id])
            catalogue.forget(at.time.now() - timedelta(days=1))
        assert at.conn.execute("SELECT count(*) FROM inits").fetchone()[0] == 2
        async with at.scanner.units.begin() as catalogue:
            catalogue.forget(at.time.now() + timedelta(days=1))
        left = [row["digest"] for row in at.conn.execute("SELECT digest FROM inits")]
        assert second.init is not None
        assert left == [second.init.digest]


async def test_a_fragment_that_nothing_can_decode_is_rejected_and_looked_at_again(tmp_path: Path) -> None:
    async with site(tmp_path, (), foreign=(GATE,)) as at:
        camera = Viseron(at.storage)
        (lonely,) = camera.record(START, 1)
        begins = camera.folder / "init.mp4"
        kept = begins.read_bytes()
        begins.unlink()
        await at.scan()
        (rejected,) = at.said(SegmentsRejected)
        assert "init.mp4 is not beside it" in rejected.files[0].detail
        begins.write_bytes(kept)
        at.time.offset += 3600
        await at.scan()
        assert [one.locator for one in recorded(at)] == [str(lonely.relative_to(at.storage))]


async def test_an_old_fragment_of_another_picture_is_not_begun_wrongly(
    tmp_path: Path,
) -> None:
    """A catalogue made anew finds one `init.mp4`; what was filmed before another is said to be unreadable."""
    async with site(tmp_path, (), foreign=(GATE,)) as at:
        camera = Viseron(at.storage)
        camera.record(START, 1, SMALL)
        camera.record(START + timedelta(hours=6), 1, LARGE)
        await at.scan()
        assert [set(pictures(at, one)) for one in recorded(at)] == [{LARGE}]
        (rejected,) = at.said(SegmentsRejected)
        assert "its recorder replaced that file" in rejected.files[0].detail
