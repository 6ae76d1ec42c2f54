"""A disk fills up: people are told while there is time, from files at the school to the finding (R3.1)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from reelwarden_common.events import ingest
from reelwarden_local.recorders.layouts import Layout, RecordedCamera
from reelwarden_report.district.inspector.domain import FULL_SOON, Foretold, will_be_short
from tests.ingest.scanner_site import Site, days_ago, site
from tests.report.district import district_toml
from tests.report.test_inspector_store import Office

GATE = RecordedCamera("gate", "校门", Layout.FRIGATE, "frigate", "gate")
CAPACITY_DAYS = 8
DAY = timedelta(days=1)


@pytest_asyncio.fixture(loop_scope="session")
async def office(report_pool: asyncpg.Pool, tmp_path: Path) -> AsyncIterator[Office]:
    yield Office(report_pool, district_toml(tmp_path))


class Disk:
    """The storage folder as a disk of a size of its own: what the recorder wrote takes its room."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.total = folder, 10**12

    @property
    def used(self) -> int:
        return sum(file.stat().st_size for file in self.folder.rglob("*.mp4"))

    def space(self) -> tuple[int, int]:
        return self.total, max(0, self.total - self.used)


async def a_day_goes_by(school: Site, office: Office, day: int) -> None:
    """The recorder's footage of a day, the scanner's words about it, and what the inspector makes of them."""
    begin = days_ago(0) - (30 - day) * DAY
    for hour in range(0, 24, 12):
        at = begin + timedelta(hours=hour)
        school.recorder.backfill("gate", at, at + timedelta(seconds=20))
    school.time.offset = (begin + DAY - days_ago(0)).total_seconds()
    office.now = school.time.now()
    school.forget()
    await school.scan()
    await school.reports.measure_storage()
    for kind in (ingest.SegmentsRecorded, ingest.StorageMeasured, ingest.StorageForecast):
        await office.hear(*school.said(kind))


@pytest.mark.parametrize("managed", [True, False], ids=["managed", "recorder-managed"])
async def test_people_are_told_before_the_disk_is_full(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, managed: bool
) -> None:
    async with site(tmp_path, [GATE], managed=managed) as school:
        disk = Disk(school.storage)
        monkeypatch.setattr(school.scanner.storage, "space", disk.space)
        await a_day_goes_by(school, office, 0)
        assert await office.open() == []
        disk.total = CAPACITY_DAYS * disk.used
        told_on: dict[str, int] = {}
        for day in range(1, CAPACITY_DAYS):
            await a_day_goes_by(school, office, day)
            for kind, _ in await office.open():
                told_on.setdefault(kind, day)
        assert told_on.pop("days-will-be-short") == 1
        assert disk.space()[1] < disk.total / CAPACITY_DAYS
        if managed:
            assert CAPACITY_DAYS - told_on.pop("disk-short") >= FULL_SOON - 1
        assert told_on == {}
        (view,) = await office.views.schools(office.now, ["s001"])
        gate = view.cameras[0]
        assert gate.days_ahead == pytest.approx(CAPACITY_DAYS, abs=1)
        assert (gate.keep_days, view.full_in_days is not None) == (30, managed)
        disk.total *= 40
        await a_day_goes_by(school, office, CAPACITY_DAYS)
        assert await office.open() == []


async def test_an_older_forecast_does_not_take_the_place_of_a_newer_one(office: Office) -> None:
    def told(days: float) -> ingest.StorageForecast:
        camera = ingest.CameraForecast(camera="gate", held_days=3, days=days, keep_days=30, daily_bytes=9)
        return ingest.StorageForecast(full_in_days=None, cameras=(camera,))

    await office.hear(told(12.0))
    office.now -= DAY
    await office.hear(told(30.0))
    assert await office.open() == [("days-will-be-short", None)]


async def test_an_older_school_is_judged_by_its_free_space_until_it_foretells(office: Office) -> None:
    await office.hear(ingest.StorageMeasured(total=10, free=1, forecast_days=3.0))
    assert await office.open() == [("disk-short", None)]
    await office.hear(ingest.StorageForecast())
    await office.hear(ingest.StorageMeasured(total=10, free=1, forecast_days=3.0))
    assert await office.open() == []


def test_a_camera_at_the_border_does_not_come_and_go() -> None:
    border = [Foretold("gate", 29.8, 30), Foretold("hall", 12.0, 30), Foretold("yard", 30.0, 30)]
    assert [one.camera for one in will_be_short(border, already=[])] == ["hall"]
    assert [one.camera for one in will_be_short(border, already=["gate"])] == ["hall", "gate"]
