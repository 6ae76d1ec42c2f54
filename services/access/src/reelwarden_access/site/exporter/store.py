"""Jobs: one per application, each change together with the event that tells it."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.events.access import ExportFailed, ExportReady, RetrievalAuthorised
from reelwarden_common.messaging.units import Store

_LONGEST_DETAIL = 500


@dataclass(frozen=True)
class Job:
    """An export to be made."""

    request: RetrievalAuthorised
    serial: int
    asked_at: datetime
    attempts: int
    faults: int
    problem: str
    built: str | None
    """What a finished build left to be uploaded; None while there is none."""


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _job(row: sqlite3.Row) -> Job:
    return Job(
        request=RetrievalAuthorised.model_validate_json(row["request"]),
        serial=row["serial"],
        asked_at=datetime.fromisoformat(row["asked_at"]),
        attempts=row["attempts"],
        faults=row["faults"],
        problem=row["problem"],
        built=row["built"],
    )


class ExporterStore(Store):
    """One transaction on the exporter's jobs."""

    def __init__(self, conn: sqlite3.Connection, school: str, clock: Clock = system_clock) -> None:
        super().__init__("exporter", clock)
        self._conn, self._school = conn, school

    def ask(self, request: RetrievalAuthorised) -> None:
        """Take a job; asked again, it is made anew."""
        now = _text(self.clock())
        self._conn.execute(
            "INSERT INTO jobs (application, request, deadline, serial, state, asked_at, next_try)"
            " VALUES (?, ?, ?, 1, 'asked', ?, ?) ON CONFLICT (application) DO UPDATE SET"
            " request = excluded.request, deadline = excluded.deadline, serial = serial + 1,"
            " state = 'asked', asked_at = excluded.asked_at, next_try = excluded.next_try,"
            " attempts = 0, faults = 0, problem = '', built = NULL",
            (request.application, request.model_dump_json(), _text(request.deadline), now, now),
        )

    def next_job(self) -> Job | None:
        """The job that has waited longest and is due for a try."""
        row = self._conn.execute(
            "SELECT * FROM jobs WHERE state IN ('asked', 'built') AND next_try <= ?"
            " ORDER BY next_try LIMIT 1",
            (_text(self.clock()),),
        ).fetchone()
        return None if row is None else _job(row)

    def past_deadline(self) -> list[Job]:
        """Jobs whose files may be in the store although nobody may retrieve them any more."""
        rows = self._conn.execute(
            "SELECT * FROM jobs WHERE state IN ('ready', 'failed') AND built IS NOT NULL AND deadline < ?",
            (_text(self.clock()),),
        )
        return [_job(row) for row in rows]

    def erased(self, job: Job) -> None:
        """Its files are gone from the store."""
        self._change(job, "state = 'erased', built = NULL")

    def waiting(self) -> int:
        """How many jobs are not done."""
        query = "SELECT count(*) FROM jobs WHERE state IN ('asked', 'built')"
        return int(self._conn.execute(query).fetchone()[0])

    def built(self, job: Job, built: str) -> None:
        """The build is complete: from now on it is only uploaded."""
        self._change(job, "state = 'built', built = ?", built)

    def rebuild(self, job: Job) -> None:
        """What was built is not there any more, or not right: build again."""
        self._change(job, "state = 'asked', built = NULL")

    def fault(self, job: Job) -> None:
        """Count a try that failed for a reason not foreseen."""
        self._change(job, "faults = faults + 1")

    def later(self, job: Job, problem: str, next_try: datetime) -> None:
        """It failed now; try again then."""
        self._change(job, "attempts = attempts + 1, problem = ?, next_try = ?", problem, _text(next_try))

    def ready(self, job: Job, event: ExportReady) -> None:
        """The footage part is in the store."""
        if self._change(job, "state = 'ready', problem = ''"):
            self.publish(self._school, event)

    def fail(self, job: Job, reason: str, detail: str) -> None:
        """It cannot be made."""
        if self._change(job, "state = 'failed', problem = ?", detail):
            application = job.request.application
            event = ExportFailed(application=application, reason=reason, detail=detail[:_LONGEST_DETAIL])
            self.publish(self._school, event)

    def refuse(self, request: RetrievalAuthorised, detail: str) -> None:
        """Say that a request makes no sense; there is no job."""
        event = ExportFailed(application=request.application, reason="bad-request", detail=detail)
        self.publish(self._school, event)

    def _change(self, job: Job, change: str, *values: str) -> bool:
        """Change a job unless it was asked for anew meanwhile; tells whether."""
        query = f"UPDATE jobs SET {change} WHERE application = ? AND serial = ?"  # noqa: S608 - constants of this class
        found = self._conn.execute(query, (*values, job.request.application, job.serial))
        return found.rowcount == 1
