"""Faults of a school's storage and clocks, from the files to the finding, and back to good (R3.2, R4.1)."""

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from reelwarden_common.events import ingest
from reelwarden_ingest.site.scanner.storage import Unbound
from reelwarden_local.recorders.layouts import Layout, RecordedCamera
from tests.ingest.scanner_site import Site, days_ago, site
from tests.report.district import district_toml
from tests.report.test_inspector_store import Office

GATE = RecordedCamera("gate", "校门", Layout.FRIGATE, "frigate", "gate")
DRIFTED = timedelta(seconds=40)


@pytest_asyncio.fixture(loop_scope="session")
async def office(report_pool: asyncpg.Pool, tmp_path: Path) -> AsyncIterator[Office]:
    yield Office(report_pool, district_toml(tmp_path))


async def told(school: Site, office: Office) -> list[str]:
    """The inspector hears what the school said since; the findings that are open then."""
    kinds = (ingest.SegmentsRecorded, ingest.SegmentsLost, ingest.StorageMeasured, ingest.CameraClock)
    for kind in kinds:
        await office.hear(*school.said(kind))
    school.forget()
    return [kind for kind, _ in await office.open()]


async def test_an_unmounted_disk_is_one_alarm_and_no_loss_and_over_when_it_is_back(
    office: Office, tmp_path: Path
) -> None:
    async with site(tmp_path, [GATE]) as school:
        school.recorder.backfill("gate", days_ago(1), days_ago(1) + timedelta(minutes=2))
        await school.scan()
        await school.reports.measure_storage()
        assert await told(school, office) == []
        away = tmp_path / "unmounted"
        school.storage.rename(away)
        school.storage.mkdir()
        for written in school.good:
            school.scanner.missing[written.path] = 0
        for _ in range(3):
            with pytest.raises(Unbound):
                await school.scan()
            with pytest.raises(Unbound):
                await school.scanner.report_missing(after=0)
            await school.reports.measure_storage()
        assert await told(school, office) == ["storage-unbound"]
        school.storage.rmdir()
        away.rename(school.storage)
        await school.scan()
        await school.scanner.report_missing(after=0)
        await school.reports.measure_storage()
        assert await told(school, office) == []
        assert {school.state(written) for written in school.good} == {"present"}


async def record(school: Site, clock_is_off: timedelta, segments: int) -> None:
    """Live footage of a recorder whose clock is off: names say so, file times do not."""
    begin = school.time.now().replace(microsecond=0) - segments * GATE.length
    for number in range(segments):
        start = begin + number * GATE.length
        (written,) = school.recorder.backfill(
            "gate", start + clock_is_off, start + clock_is_off + GATE.length
        )
        end = (start + GATE.length).timestamp()
        os.utime(school.path(written), (end, end))
    await school.scan()
    school.time.offset += 2 * GATE.length.total_seconds() + 1
    await school.scan()
    await school.reports.look_at_cameras()


async def test_a_camera_whose_clock_drifts_or_jumps_is_a_finding_until_it_is_set_right(
    office: Office, tmp_path: Path
) -> None:
    async with site(tmp_path, [GATE]) as school:
        await record(school, timedelta(0), 5)
        assert await told(school, office) == []
        for step in range(1, 5):
            school.time.offset += 600
            await record(school, step * DRIFTED / 4, 9)
        assert await told(school, office) == ["camera-clock"]
        school.time.offset += 600
        await record(school, timedelta(0), 9)
        assert await told(school, office) == []
        school.time.offset += 600
        await record(school, -timedelta(hours=1), 9)
        assert await told(school, office) == ["camera-clock"]
