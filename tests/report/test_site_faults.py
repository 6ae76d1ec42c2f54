"""Faults of a school's storage and clocks, from the files to the finding, and back to good (R3.2, R4.1)."""

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reelwarden_common.events import ingest
from reelwarden_common.events.retention import ClockJudged
from reelwarden_common.messaging.sqlite import SqliteUnits, open_database
from reelwarden_ingest.site.scanner.storage import Unbound
from reelwarden_local.recorders.layouts import Layout, RecordedCamera
from reelwarden_report.custody.notes import Signer
from reelwarden_report.district.inspector.words import sentence
from reelwarden_report.site.notary import domain
from reelwarden_report.site.notary.handlers import HANDLERS as NOTARY
from reelwarden_report.site.notary.schema import MIGRATIONS
from reelwarden_report.site.notary.store import NotaryStore
from tests.ingest.scanner_site import Site, days_ago, site
from tests.report.district import district_toml
from tests.report.test_inspector_store import ZONE, Office
from tests.support.retention import Site as Reaped
from tests.support.retention import envelope
from tests.support.small_disk import SmallDisk

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


async def test_a_storage_that_turned_read_only_is_an_alarm_until_it_can_be_written_to(
    office: Office, tmp_path: Path
) -> None:
    """Nothing can be vaulted or erased there: sweeps fail, and nobody would read their logs."""
    with SmallDisk(tmp_path / "disk", 8) as disk:
        (tmp_path / "storage").symlink_to(disk.path)
        async with site(tmp_path, [GATE]) as school:
            await school.scan()
            for mode, expected in (("rw", []), ("ro", ["storage-read-only"]), ("rw", [])):
                await disk.turn(mode)
                for _ in range(2):
                    await school.reports.measure_storage()
                assert await told(school, office) == expected


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


async def pulse(site: Reaped, notary: SqliteUnits[NotaryStore], office: Office) -> None:
    """A minute: the reaper judges its clock, the notary says the pulse, the inspector hears it and looks."""
    async with site.units.begin() as reaper:
        reaper.say_belief()
    for event in site.said(ClockJudged):
        async with notary.begin() as store:
            await NOTARY[ClockJudged](event, envelope(event, role="reaper"), store)
    async with notary.begin() as store:
        await office.hear(domain.pulse(store.measured(), "1", office.now))
    await office.look()


async def test_a_servers_clock_that_its_reaper_doubts_is_a_finding_until_it_is_believed(
    office: Office, tmp_path: Path
) -> None:
    """A minute without a word from NTP is none: a fresh plan vouches for the clock soon."""
    for folder in ("disk", "state"):
        (tmp_path / folder).mkdir()
    site = Reaped(tmp_path / "disk", tmp_path / "state")
    path = tmp_path / "notary.sqlite"
    signer = Signer("s001", Ed25519PrivateKey.generate())
    notary = SqliteUnits(
        open_database(path, MIGRATIONS), path, lambda conn: NotaryStore(conn, "s001", signer)
    )
    await pulse(site, notary, office)
    assert await office.open() == []
    site.time.trusted = False
    for _ in range(2):
        await pulse(site, notary, office)
        assert await office.open() == []
        office.now += timedelta(minutes=8)
    await pulse(site, notary, office)
    [found] = await office.views.findings(["s001"], office.now)
    assert (found.kind, found.facts["reason"]) == ("site-clock", "clock-unconfirmed")
    assert (
        "nothing is erased there: nobody confirmed the clock"
        in sentence(found.kind, found.facts, ZONE).plain()
    )
    site.time.trusted = True
    await pulse(site, notary, office)
    assert await office.open() == []
    assert [one.doubt for one in site.said(ClockJudged)] == [None, "clock-unconfirmed", None]
    site.close()


async def test_a_reaper_that_never_judged_the_clock_is_no_good_sign(office: Office) -> None:
    for _ in range(2):
        office.now += timedelta(minutes=16)
        await office.hear(domain.pulse(domain.Measured(), "1", office.now))
        await office.look()
    [found] = await office.views.findings(["s001"], office.now)
    assert (found.kind, found.facts["reason"]) == ("site-clock", "clock-unheard")
