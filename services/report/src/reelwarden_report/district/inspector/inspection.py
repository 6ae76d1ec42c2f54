"""One inspection of one school: ask, look, write the report, say so (R5.1)."""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.district import DistrictConfig
from reelwarden_common.errors import Transient
from reelwarden_common.events.report import InspectionCompleted, ReportPublished
from reelwarden_common.messaging.units import Units
from reelwarden_common.pdf import render_pdf
from reelwarden_common.telemetry import log
from reelwarden_common.web import Text, Web
from reelwarden_report.district.inspector.coverage import Coverage
from reelwarden_report.district.inspector.domain import (
    INSPECTION_DAYS,
    Cause,
    DayCoverage,
    Kind,
    days_back,
    falls_short,
)
from reelwarden_report.district.inspector.monthly import gather
from reelwarden_report.district.inspector.record import Record, camera_records, tables
from reelwarden_report.district.inspector.settings import Settings
from reelwarden_report.district.inspector.shapes import CameraRecord, ReportView
from reelwarden_report.district.inspector.signing import Signed
from reelwarden_report.district.inspector.store import InspectorStore
from reelwarden_report.district.inspector.tables.document import Document
from reelwarden_report.district.inspector.tables.writer import Writer
from reelwarden_report.district.inspector.views import Views

TEMPLATE = Path(__file__).parent / "print" / "inspection.typ"


@dataclass(frozen=True)
class Order:
    """An inspection to be made."""

    school: str
    kind: str
    by: str = ""
    """The person who asked; empty: the schedule."""
    slot: str | None = None
    """The schedule's place: made once, whoever comes first."""


class Inspections:
    """Makes inspections."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        units: Units[InspectorStore],
        views: Views,
        coverage: Coverage,
        web: Web,
        config: DistrictConfig,
        settings: Settings,
        clock: Clock = system_clock,
    ) -> None:
        self._pool = pool
        self._units = units
        self._views = views
        self._coverage = coverage
        self._web = web
        self._config = config
        self._settings = settings
        self._zone = ZoneInfo(config.time_zone)
        self._clock = clock

    async def make(self, order: Order) -> ReportView | None:
        """Inspect now; None when the schedule's place is already filled.

        Raises:
            Refused: there is no such school.
        """
        school = self._config.school(order.school)
        now = self._clock()
        keep = await self._views.keep_days(school, now)
        since = now - timedelta(days=INSPECTION_DAYS[order.kind])
        asked = await self._ask(school.id, now, max([*keep.values(), INSPECTION_DAYS[order.kind]]))
        record = await self._record(order, keep, now, since, asked=asked)
        await self._judge(record, order.kind)
        ids = [school.id]
        findings = await self._views.findings(ids, now, still_open=None, limit=500)
        month = None
        if order.kind == "monthly":
            covered = await self._covered(school.id, keep, now)
            period = (since, now, self._zone)
            month = await gather(self._pool, school.id, record.cameras, covered, period)
        record = record.model_copy(
            update={
                "month": month,
                "school": (await self._views.schools(now, ids))[0],
                "findings": tuple(f for f in findings if f.closed_at is None or f.closed_at > since),
            }
        )
        return await self._publish(order, record)

    async def _ask(self, school: str, now: datetime, days: int) -> bool:
        try:
            for day in days_back(now, days, self._zone):
                await self._coverage.refresh(school, day)
        except Transient as error:
            log("inspector").warning("coverage_unknown", school=school, error=str(error))
            return False
        return True

    async def _record(
        self, order: Order, keep: dict[str, int], now: datetime, since: datetime, *, asked: bool
    ) -> Record:
        ids = [order.school]
        view = (await self._views.schools(now, ids))[0]
        by_camera = await self._covered(order.school, keep, now)
        return Record(
            school=view,
            kind=order.kind,
            by=self._name(order.by),
            at=now,
            since=since,
            asked=asked,
            cameras=camera_records(view, by_camera, keep, since, self._settings.gap_seconds),
            findings=(),
            custody=await self._views.custody(order.school),
            **await tables(self._pool, order.school, since),
        )

    async def _covered(
        self, school: str, keep: dict[str, int], now: datetime
    ) -> dict[str, list[DayCoverage]]:
        """The days that must be held, camera by camera."""
        first_day = days_back(now, max([*keep.values(), 1]), self._zone)[0]
        days = await self._views.days([school], first_day)
        return {camera: found for (_, camera), found in days.items()}

    def _name(self, person: str) -> str:
        known = self._web.people.find(person)
        return known.name if known else person

    async def _judge(self, record: Record, kind: str) -> None:
        """Open findings for gaps and missing days; close those of gaps that were filled since."""
        school = self._config.school(record.school.school)
        await self._coverage.judge(school, record.since, complete=record.asked)
        if kind != "daily" and record.asked:
            async with self._units.begin() as store:
                for camera in record.cameras:
                    await self._days(store, school.id, camera, record.at)

    async def _days(self, store: InspectorStore, school: str, camera: CameraRecord, now: datetime) -> None:
        """Does a camera that is old enough really hold its days?"""
        first = await store.conn.fetchval(
            "SELECT first_start FROM camera_state WHERE school = $1 AND camera = $2", school, camera.camera
        )
        if first is not None and falls_short(camera.days_held, camera.keep_days, now - first):
            facts = {"held": camera.days_held, "wanted": camera.keep_days}
            await store.open(school, Cause(Kind.DAYS, camera.camera, camera.camera, facts))
        else:
            await store.over(school, Kind.DAYS, [camera.camera])

    def document(self, record: Record, number: str, language: str, state: Signed | None = None) -> Document:
        """A record in a language, with who signed and read it."""

        def say(text: Text | str) -> str:
            return self._web.say_in(language, text)

        return Writer(record, language, say, self._zone).document(number, self._config.name, state)

    async def _publish(self, order: Order, record: Record) -> ReportView | None:
        inspection, report = uuid.uuid4().hex, uuid.uuid4().hex
        year = record.at.astimezone(self._zone).year
        async with self._units.begin() as store:
            fresh = await store.conn.fetchval(
                "INSERT INTO inspection (inspection, school, kind, slot, at, by, record)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (slot) DO NOTHING RETURNING true",
                inspection,
                order.school,
                order.kind,
                order.slot,
                record.at,
                order.by,
                record.model_dump_json(),
            )
            if not fresh:
                return None
            count = await store.conn.fetchval(
                "INSERT INTO report_number VALUES ($1, $2, 1) ON CONFLICT (school, year)"
                " DO UPDATE SET last = report_number.last + 1 RETURNING last",
                order.school,
                year,
            )
            number = f"{order.school}-INS-{year}-{count:04}"
            pdfs = {
                language: await asyncio.to_thread(
                    render_pdf, TEMPLATE, self.document(record, number, language).data(), moment=record.at
                )
                for language in ("zh", "en")
            }
            digest = sha256(pdfs["zh"]).hexdigest()
            await store.conn.execute(
                "INSERT INTO report VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                report,
                inspection,
                order.school,
                number,
                order.kind,
                record.at,
                pdfs["zh"],
                pdfs["en"],
                digest,
            )
            store.publish(
                order.school,
                InspectionCompleted(
                    inspection=inspection,
                    kind=order.kind,
                    cameras=len(record.cameras),
                    findings=len(record.findings),
                    open=sum(f.closed_at is None for f in record.findings),
                ),
            )
            store.publish(
                order.school,
                ReportPublished(report=report, number=number, kind=order.kind, digest=digest),
            )
        return ReportView(
            report=report,
            inspection=inspection,
            school=order.school,
            number=number,
            kind=order.kind,
            at=record.at,
            digest=digest,
        )
