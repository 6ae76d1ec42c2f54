"""What is read for people: the dashboard, the API, the report. Nothing is changed here."""

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg

from reelwarden_common.district import DistrictConfig, School
from reelwarden_report.district.inspector.domain import DayCoverage, Kind, Span, rule_of
from reelwarden_report.district.inspector.shapes import (
    CameraView,
    CustodyView,
    DayView,
    FeedbackView,
    FindingView,
    LetterView,
    LogView,
    ReportView,
    RulesView,
    SchoolView,
    Settled,
    ViolationView,
)

DAYS_SHOWN = 7
Row = asyncpg.Record

_SCHOOLS = """
SELECT s.*, d.*,
  (SELECT count(*) FROM corrupt_object c WHERE c.school = s.school AND verified_at IS NULL) AS corrupt,
  (SELECT max(ended_at) FROM backup_run b WHERE b.school = s.school) AS last_backup,
  (SELECT count(*) FROM hold h WHERE h.school = s.school AND in_force_at IS NOT NULL
     AND (ended_at IS NULL OR ended_at > $2)) AS holds_in_force,
  (SELECT count(*) FROM hold h WHERE h.school = s.school AND in_force_at IS NOT NULL
     AND status = 'released' AND ended_at > $2) AS holds_released,
  (SELECT count(*) FROM hold h WHERE h.school = s.school
     AND status IN ('asked', 'decided', 'frozen')) AS holds_pending,
  (SELECT count(*) FROM lost_segment l WHERE l.school = s.school AND restored_at IS NULL) AS lost,
  (SELECT count(*) FROM finding f WHERE f.school = s.school AND closed_at IS NULL
     AND severity = 'serious' AND planned IS NULL) AS serious,
  (SELECT count(*) FROM finding f WHERE f.school = s.school AND closed_at IS NULL
     AND severity = 'warning' AND planned IS NULL) AS warnings
FROM school_state s LEFT JOIN LATERAL (
  SELECT at AS drill_at, sampled AS drill_sampled, restored AS drill_restored
  FROM drill d WHERE d.school = s.school ORDER BY at DESC LIMIT 1) d ON true
WHERE s.school = ANY($1)
"""
_CAMERAS = """
SELECT * FROM camera_state LEFT JOIN camera_forecast USING (school, camera) WHERE school = ANY($1)
"""


def coverage_of(row: Row) -> DayCoverage:
    """A row of `camera_day`."""
    spans = ((datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in json.loads(row["gaps"]))
    return DayCoverage(
        row["day"],
        row["recorded_ms"] or 0,
        row["segments"] or 0,
        row["first"],
        row["last"],
        tuple(Span(a, b) for a, b in spans),
    )


class Views:
    """Queries over the inspector's tables, for the schools of `district.toml`."""

    def __init__(self, pool: asyncpg.Pool, config: DistrictConfig, cut_off_seconds: float) -> None:
        self._pool = pool
        self._config = config
        self._cut_off = timedelta(seconds=cut_off_seconds)

    async def schools(self, now: datetime, ids: Iterable[str], *, cameras: bool = True) -> list[SchoolView]:
        """Schools with their cameras (or without), in the order of `district.toml`."""
        wanted = set(ids)
        schools = [s for s in self._config.schools if s.id in wanted]
        names = [s.id for s in schools]
        states = {r["school"]: r for r in await self._pool.fetch(_SCHOOLS, names, now)}
        if not cameras:
            bare = [s.model_copy(update={"cameras": ()}) for s in schools]
            return [self._school(s, states.get(s.id), {}, {}, now) for s in bare]
        known = {(r["school"], r["camera"]): r for r in await self._pool.fetch(_CAMERAS, names)}
        days = await self.days(names, now.date() - timedelta(days=DAYS_SHOWN + 1))
        return [self._school(s, states.get(s.id), known, days, now) for s in schools]

    async def days(self, schools: Sequence[str], since: date) -> dict[tuple[str, str], list[DayCoverage]]:
        """Per school and camera, the days that the index was asked about, oldest first."""
        rows = await self._pool.fetch(
            "SELECT * FROM camera_day WHERE school = ANY($1) AND day >= $2 AND recorded_ms IS NOT NULL"
            " ORDER BY day",
            list(schools),
            since,
        )
        found: dict[tuple[str, str], list[DayCoverage]] = {}
        for row in rows:
            found.setdefault((row["school"], row["camera"]), []).append(coverage_of(row))
        return found

    def state(self, row: Row | None, now: datetime) -> str:
        """How a school is shown: what is not heard of is unknown, never good."""
        if row is None or row["alive_at"] is None or now - row["alive_at"] > self._cut_off:
            return "unknown"
        if row["serious"]:
            return "serious"
        return "warning" if row["warnings"] else "good"

    def _school(
        self,
        school: School,
        row: Row | None,
        cameras: dict[tuple[str, str], Row],
        days: dict[tuple[str, str], list[DayCoverage]],
        now: datetime,
    ) -> SchoolView:
        def known(name: str, missing: Any = None) -> Any:  # noqa: ANN401 - a column
            return missing if row is None else row[name]

        def camera_view(camera_id: str, name: str, place: str) -> CameraView:
            state = cameras.get((school.id, camera_id))
            return CameraView(
                camera=camera_id,
                name=name,
                place=place,
                last_recorded=state["last_end"] if state else None,
                silent_since=state["silent_since"] if state else None,
                clock_offset_ms=state["clock_offset_ms"] if state else None,
                held_days=state["held_days"] if state else None,
                days_ahead=state["days"] if state else None,
                keep_days=state["keep_days"] if state else None,
                days=tuple(
                    DayView(
                        day=d.day,
                        recorded_seconds=d.recorded_ms / 1000,
                        segments=d.segments,
                        first=d.first,
                        last=d.last,
                        gaps=d.gaps,
                    )
                    for d in days.get((school.id, camera_id), [])
                ),
            )

        return SchoolView(
            school=school.id,
            name=school.name,
            state=self.state(row, now),
            alive_at=known("alive_at"),
            software=known("software"),
            plan_issued=known("plan_issued"),
            plan_applied=known("plan_applied"),
            plan_issued_at=known("plan_issued_at"),
            disk_total=known("disk_total"),
            disk_free=known("disk_free"),
            forecast_days=known("forecast_days"),
            full_in_days=known("full_in_days"),
            backlog_segments=known("backlog_segments"),
            backlog_bytes=known("backlog_bytes"),
            backlog_oldest=known("backlog_oldest"),
            backlog_failing=known("backlog_failing", ""),
            copies=max(0, known("stored", 0) - known("copies_erased", 0)),
            read_backs=known("read_back", 0),
            read_back_at=known("read_back_at"),
            drill_at=known("drill_at"),
            drill_sampled=known("drill_sampled"),
            drill_restored=known("drill_restored"),
            copies_corrupt=known("corrupt", 0),
            last_backup=known("last_backup"),
            holds_in_force=known("holds_in_force", 0),
            holds_released=known("holds_released", 0),
            holds_pending=known("holds_pending", 0),
            lost=known("lost", 0),
            serious=known("serious", 0),
            warnings=known("warnings", 0),
            cameras=tuple(camera_view(c.id, c.name, c.place) for c in school.cameras),
        )

    async def findings(
        self, ids: Iterable[str], now: datetime, *, still_open: bool | None = True, limit: int = 200
    ) -> list[FindingView]:
        """Findings, the worst and newest first; `text` is left to whoever knows the reader's language."""
        rows = await self._pool.fetch(
            "SELECT * FROM finding WHERE school = ANY($1)"
            " AND ($2::bool IS NULL OR (closed_at IS NULL) = $2)"
            " ORDER BY closed_at IS NOT NULL, planned IS NOT NULL, severity <> 'serious', opened_at DESC"
            " LIMIT $3",
            list(ids),
            still_open,
            limit,
        )
        return [
            FindingView(
                finding=r["finding"],
                school=r["school"],
                kind=r["kind"],
                severity=r["severity"],
                rule=rule_of(Kind(r["kind"]), json.loads(r["facts"])),
                camera=r["camera"],
                facts=json.loads(r["facts"]),
                text="",
                opened_at=r["opened_at"],
                deadline=r["deadline"],
                times=r["times"],
                overdue=r["closed_at"] is None and r["planned"] is None and now > r["deadline"],
                planned=r["planned"],
                closed_at=r["closed_at"],
                close_reason=r["close_reason"],
            )
            for r in rows
        ]

    async def letters(self, ids: Iterable[str], limit: int = 200) -> list[LetterView]:
        """Dead letters, those that wait for somebody first, the newest of them first."""
        rows = await self._pool.fetch(
            "SELECT * FROM dead_letter WHERE school = ANY($1)"
            " ORDER BY settled_at IS NOT NULL, at DESC LIMIT $2",
            list(ids),
            limit,
        )
        return [
            LetterView(
                **{name: r[name] for name in LetterView.model_fields if name != "settled"},
                settled=Settled(
                    at=r["settled_at"], outcome=r["outcome"], by=r["settled_by"], note=r["note"] or ""
                )
                if r["settled_at"]
                else None,
            )
            for r in rows
        ]

    async def violations(self, ids: Iterable[str], limit: int = 200) -> list[ViolationView]:
        """Violations, the open and newest first (R5.2)."""
        rows = await self._pool.fetch(
            "SELECT v.*, r.act, a.number FROM violation v"
            " LEFT JOIN refusal r ON (r.school, r.event) = (v.school, v.cause)"
            " LEFT JOIN application a ON (a.school, a.application) = (v.school, v.application)"
            " WHERE v.school = ANY($1) ORDER BY v.closed_at IS NOT NULL, v.at DESC LIMIT $2",
            list(ids),
            limit,
        )
        return [ViolationView.model_validate(dict(r)) for r in rows]

    async def reports(self, ids: Iterable[str], limit: int = 200) -> list[ReportView]:
        """Written reports, the newest first (R5.1)."""
        rows = await self._pool.fetch(
            "SELECT report, inspection, school, number, kind, at, digest FROM report"
            " WHERE school = ANY($1) ORDER BY at DESC LIMIT $2",
            list(ids),
            limit,
        )
        return [ReportView.model_validate(dict(r)) for r in rows]

    async def report_file(self, report: str, language: str) -> tuple[ReportView, bytes] | None:
        """A report and its PDF in a language."""
        column = "pdf_zh" if language == "zh" else "pdf_en"
        row = await self._pool.fetchrow(f"SELECT *, {column} AS pdf FROM report WHERE report = $1", report)  # noqa: S608 - one of two names
        return (ReportView.model_validate(dict(row)), row["pdf"]) if row else None

    async def record(self, inspection: str) -> dict[str, Any] | None:
        """What an inspection found."""
        text = await self._pool.fetchval("SELECT record FROM inspection WHERE inspection = $1", inspection)
        return json.loads(text) if text else None

    async def feedback(self, ids: Iterable[str], limit: int = 200) -> list[FeedbackView]:
        """Suggestions, the newest first, without who made them (R5.3)."""
        rows = await self._pool.fetch(
            "SELECT feedback, school, text, at, answered_at, answer, rules_version FROM feedback"
            " WHERE school = ANY($1)"
            " ORDER BY at DESC LIMIT $2",
            list(ids),
            limit,
        )
        return [FeedbackView.model_validate(dict(r)) for r in rows]

    async def rules(self) -> list[RulesView]:
        """Versions of the rule set, the newest first (R6)."""
        rows = await self._pool.fetch("SELECT * FROM rules ORDER BY version DESC")
        return [RulesView.model_validate({**r, "settings": json.loads(r["settings"])}) for r in rows]

    async def rules_in_force(self, now: datetime) -> RulesView | None:
        """The newest version that is in effect (R6)."""
        return next((one for one in await self.rules() if one.effective_from <= now), None)

    async def keep_days(self, school: School, now: datetime) -> dict[str, int]:
        """What each camera of a school must hold: as `district.toml` says, else the rules in force (R3.1)."""
        rules = await self.rules_in_force(now)
        general = rules.settings.keep_days if rules else None
        return {one.id: self._config.keep_days(school.id, one.id, general) for one in school.cameras}

    async def custody_log(self, school: str, start: int, limit: int) -> LogView:
        """Entries of the registrar's log from one on, and all its checkpoints: for an audit offline."""
        entries = await self._pool.fetch(
            "SELECT text FROM custody_entry WHERE school = $1 AND position >= $2 ORDER BY position LIMIT $3",
            school,
            start,
            limit,
        )
        notes = await self._pool.fetch(
            "SELECT note FROM custody_checkpoint WHERE school = $1 ORDER BY size", school
        )
        return LogView(
            school=school,
            start=start,
            entries=tuple(row["text"] for row in entries),
            checkpoints=tuple(row["note"] for row in notes),
        )

    async def custody(self, school: str) -> CustodyView:
        """The newest checkpoints; the registrar keeps them in this service's own schema."""
        ours = await self._pool.fetchrow(
            "SELECT note, key, cosigned_at FROM custody_checkpoint WHERE school = $1"
            " ORDER BY size DESC LIMIT 1",
            school,
        )
        site = await self._pool.fetchrow("SELECT note, key FROM custody_peer WHERE school = $1", school)
        return CustodyView(
            school=school,
            district=ours["note"] if ours else None,
            district_key=ours["key"] if ours else None,
            countersigned=bool(ours and ours["cosigned_at"]),
            site=site["note"] if site else None,
            site_key=site["key"] if site else None,
        )
