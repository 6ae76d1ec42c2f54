"""Names that a recorder takes again without a pause: content, camera and start make footage."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reelwarden_common.events.ingest import SegmentAltered, SegmentMoved, SegmentsLost, SegmentsRecorded
from reelwarden_ingest.site.scanner.domain import State
from reelwarden_local.recorders.layouts import Layout, RecordedCamera
from reelwarden_local.recorders.manifest import WrittenFile
from tests.ingest.scanner_site import YARD, Site, days_ago, site

START = days_ago(2).replace(hour=6, minute=30)
LENGTH = YARD.length
DEEP = 7 * 3600
"""Seconds after which a pass looks at every file again."""


async def look_again(at: Site) -> None:
    """Passes over all files, until nothing follows any more."""
    for _ in range(2):
        at.time.offset += DEEP
        await at.scan()
        await at.scanner.report_missing(after=20)


def write(at: Site, start: datetime, camera: str = YARD.id) -> WrittenFile:
    (written,) = at.recorder.backfill(camera, start, start + LENGTH)
    return written


def told(at: Site) -> dict[str, list[tuple[str, str]]]:
    """What was said of segments: digest or id, and place."""
    recorded = [(s.digest, s.locator) for event in at.said(SegmentsRecorded) for s in event.segments]
    lost = [(s.digest, s.locator) for event in at.said(SegmentsLost) for s in event.segments]
    moved = [(event.was, event.locator) for event in at.said(SegmentMoved)]
    altered = [(event.digest, event.locator) for event in at.said(SegmentAltered)]
    return {"recorded": recorded, "lost": lost, "moved": moved, "altered": altered}


def states(at: Site) -> dict[str, str]:
    """State by digest, of all that the catalogue has."""
    return {row["digest"]: row["state"] for row in at.conn.execute("SELECT digest, state FROM segments")}


async def test_a_name_taken_by_other_footage_makes_the_old_one_lost_and_the_new_one_known(
    tmp_path: Path,
) -> None:
    """The container's clock tells that it is another recording: no edit of the one that was there."""
    async with site(tmp_path) as at:
        old = write(at, START)
        await at.scan()
        at.forget()
        new = write(at, START + timedelta(hours=1))
        at.path(new).replace(at.path(old))
        await look_again(at)
        assert told(at) == {
            "recorded": [(new.sha256, old.path)],
            "lost": [(old.sha256, old.path)],
            "moved": [],
            "altered": [],
        }
        assert states(at) == {old.sha256: "lost", new.sha256: "present"}
        at.forget()
        await look_again(at)
        assert not any(told(at).values())


async def test_an_hour_that_is_overwritten_when_clocks_are_set_back_is_not_called_altered(
    tmp_path: Path,
) -> None:
    camera = RecordedCamera(
        "hall", "走廊", Layout.TEMPLATE, "a", "", "%d.%m.%Y %H-%M-%S.mp4", "Europe/Berlin"
    )
    summer = datetime(2025, 10, 26, 0, 30, tzinfo=UTC)
    async with site(tmp_path, [camera]) as at:
        first = write(at, summer, "hall")
        await at.scan()
        winter = summer + timedelta(hours=1)
        (second,) = at.recorder.backfill("hall", winter, winter + LENGTH / 2)
        assert first.path == second.path
        await look_again(at)
        starts = {s.digest: s.start for e in at.said(SegmentsRecorded) for s in e.segments}
        assert starts == {first.sha256: first.start, second.sha256: second.start}
        assert told(at)["lost"] == [(first.sha256, first.path)]
        assert told(at)["altered"] == []


@pytest.mark.parametrize("name", ["2001-01-01_00-00-00-000000.mp4", "2999-01-01_00-00-00-000000.mp4"])
async def test_footage_that_gave_its_name_away_and_lies_elsewhere_has_moved(
    tmp_path: Path, name: str
) -> None:
    """Whichever of the two files is read first."""
    async with site(tmp_path) as at:
        old = write(at, START)
        await at.scan()
        at.forget()
        at.path(old).rename(at.path(old).with_name(name))
        new = write(at, START + timedelta(hours=1))
        at.path(new).replace(at.path(old))
        await look_again(at)
        place = str(Path(old.path).with_name(name))
        assert told(at) == {
            "recorded": [(new.sha256, old.path)],
            "lost": [],
            "moved": [(old.path, place)],
            "altered": [],
        }
        assert states(at) == {old.sha256: "present", new.sha256: "present"}


async def test_what_was_erased_before_its_name_was_taken_is_not_lost(tmp_path: Path) -> None:
    """The certificate may be heard only after the new file was read, and after a start anew."""
    async with site(tmp_path) as at:
        old = write(at, START)
        await at.scan()
        new = write(at, START + timedelta(hours=1))
        at.path(new).replace(at.path(old))
        at.hears = False
        await look_again(at)
        assert told(at)["lost"] == []
    async with site(tmp_path) as at:
        assert states(at) == {old.sha256: "displaced", new.sha256: "present"}
        query = "SELECT id FROM segments WHERE digest = ?"
        (identifier,) = at.conn.execute(query, (old.sha256,)).fetchone()
        async with at.scanner.units.begin() as catalogue:
            catalogue.erase([identifier])
        await look_again(at)
        assert told(at)["lost"] == []
        assert states(at) == {old.sha256: State.ERASED, new.sha256: "present"}


@pytest.mark.parametrize(("days", "state"), [(40, "overwritten"), (3, "lost")])
async def test_a_recorder_that_takes_its_own_name_again_may_do_so_when_the_period_is_over(
    tmp_path: Path, days: int, state: str
) -> None:
    async with site(tmp_path, managed=False) as at:
        old = write(at, days_ago(days))
        await at.scan()
        new = write(at, START)
        at.path(new).replace(at.path(old))
        await look_again(at)
        assert states(at) == {old.sha256: state, new.sha256: "present"}
        assert bool(told(at)["lost"]) is (state == "lost")
