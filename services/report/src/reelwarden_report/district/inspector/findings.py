"""The table of findings: opened once per cause, closed when facts show that it is over, or by a person."""

import json
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.errors import Refused
from reelwarden_common.events.report import FindingClosed, FindingOpened, Severity, ViolationRecorded
from reelwarden_common.messaging.postgres import Connection
from reelwarden_common.messaging.units import Store
from reelwarden_report.district.inspector import words
from reelwarden_report.district.inspector.domain import Cause, Kind
from reelwarden_report.district.inspector.planned import PLANNABLE, REMEMBERED, planned_by, windows_of
from reelwarden_report.district.inspector.violation_rules import GRADE_OF, SEVERITY_OF

Column = str | int | float | bool | datetime | None
BY_ITSELF = "by-itself"


class NoSuchFinding(Refused):
    """There is no open finding of this id."""


class Findings(Store):
    """One transaction on findings and violations."""

    def __init__(self, conn: Connection, zone: ZoneInfo, clock: Clock = system_clock) -> None:
        super().__init__("inspector", clock)
        self.conn = conn
        self.zone = zone

    async def open(self, school: str, cause: Cause) -> bool:
        """Open a finding, or note that its cause was seen again; tells whether it is new."""
        now = self.clock()
        row = await self.conn.fetchrow(
            "INSERT INTO finding (finding, school, kind, cause, camera, severity, facts, opened_at, deadline,"
            " seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $8)"
            " ON CONFLICT (school, kind, cause) WHERE closed_at IS NULL DO UPDATE"
            " SET seen_at = excluded.seen_at, times = finding.times + 1, facts = excluded.facts"
            " RETURNING finding, kind, camera, severity, deadline, facts, times",
            uuid.uuid4().hex,
            school,
            cause.kind.value,
            cause.key,
            cause.camera,
            cause.severity.value,
            json.dumps(cause.facts),
            now,
            cause.deadline(now),
        )
        if row is None or row["times"] > 1:
            return False
        planned = await self._planned(school, cause)
        if planned is not None:
            await self.conn.execute(
                "UPDATE finding SET planned = $2 WHERE finding = $1", row["finding"], planned
            )
        self.say_opened(school, row, planned)
        return True

    async def _planned(self, school: str, cause: Cause) -> str | None:
        if cause.kind not in PLANNABLE:
            return None
        now = self.clock()
        windows = await windows_of(self.conn, school, now - REMEMBERED)
        return planned_by(cause.kind, cause.camera, cause.facts, windows, now)

    def say_opened(self, school: str, row: asyncpg.Record, planned: str | None) -> None:
        """Tell of an open finding, and which maintenance window covers it, if one does (R5.1)."""
        kind = Kind(row["kind"])
        event = FindingOpened(
            finding=row["finding"],
            kind=kind.value,
            severity=Severity(row["severity"]),
            camera=row["camera"],
            deadline=row["deadline"],
            detail=words.sentence(kind, json.loads(row["facts"]), self.zone).plain()[:500],
            planned=planned,
        )
        self.publish(school, event)

    async def restate(self, school: str, cause: Cause) -> None:
        """What an open finding tells has changed; it is not seen once more."""
        await self.conn.execute(
            "UPDATE finding SET seen_at = $4, facts = $5 WHERE school = $1 AND kind = $2 AND cause = $3"
            " AND closed_at IS NULL",
            school,
            cause.kind.value,
            cause.key,
            self.clock(),
            json.dumps(cause.facts),
        )

    async def over(self, school: str, kind: Kind, keys: Sequence[str] = ("",)) -> None:
        """Close the findings of these causes: facts show that they are over."""
        rows = await self.conn.fetch(
            "UPDATE finding SET closed_at = $4, close_reason = $5 WHERE school = $1 AND kind = $2"
            " AND cause = ANY($3) AND closed_at IS NULL RETURNING finding",
            school,
            kind.value,
            list(keys),
            self.clock(),
            BY_ITSELF,
        )
        for row in rows:
            self.publish(school, FindingClosed(finding=row["finding"], reason=BY_ITSELF))

    async def close(self, finding: str, reason: str, person: str) -> None:
        """A person closes a finding.

        Raises:
            NoSuchFinding: it does not exist, or is closed.
        """
        school = await self.conn.fetchval(
            "UPDATE finding SET closed_at = $2, close_reason = $3, closed_by = $4"
            " WHERE finding = $1 AND closed_at IS NULL RETURNING school",
            finding,
            self.clock(),
            reason,
            person,
        )
        if school is None:
            raise NoSuchFinding(f"没有这条未关闭的问题 · there is no open finding {finding}")
        self.publish(school, FindingClosed(finding=finding, reason=reason))

    async def open_causes(self, school: str, kind: Kind) -> dict[str, dict[str, Any]]:
        """The causes of a kind that are open, with their facts."""
        rows = await self.conn.fetch(
            "SELECT cause, facts FROM finding WHERE school = $1 AND kind = $2 AND closed_at IS NULL",
            school,
            kind.value,
        )
        return {row["cause"]: json.loads(row["facts"]) for row in rows}

    async def settled_causes(self, school: str, kind: Kind) -> dict[str, dict[str, Any]]:
        """The causes of a kind whose last finding a person closed, with the facts that it told."""
        rows = await self.conn.fetch(
            "SELECT DISTINCT ON (cause) cause, facts, closed_by FROM finding WHERE school = $1 AND kind = $2"
            " ORDER BY cause, opened_at DESC",
            school,
            kind.value,
        )
        return {row["cause"]: json.loads(row["facts"]) for row in rows if row["closed_by"] is not None}

    async def violate(self, school: str, kind: str, cause: str, rule: str, **about: Column) -> None:
        """Record that someone acted against the rules, once per cause, graded by the table (R5.2)."""
        violation, grade = uuid.uuid4().hex, GRADE_OF[kind]
        severity = SEVERITY_OF[grade]
        fresh = await self.conn.fetchval(
            "INSERT INTO violation (violation, school, kind, cause, severity, rule, actor, application, at,"
            " grade) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
            " ON CONFLICT (school, kind, cause) DO NOTHING RETURNING true",
            violation,
            school,
            kind,
            cause,
            severity.value,
            rule,
            about.get("actor"),
            about.get("application"),
            self.clock(),
            grade,
        )
        if fresh:
            event = ViolationRecorded(
                violation=violation, kind=kind, severity=severity, rule=rule, grade=grade
            )
            self.publish(school, event)
