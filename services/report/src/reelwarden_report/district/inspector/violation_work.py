"""The table of violations, as work (R5.2): reported by somebody, graded, handled, referred, closed."""

import uuid
from dataclasses import dataclass

from reelwarden_common.events.report import ViolationClosed, ViolationRecorded
from reelwarden_common.web import Missing
from reelwarden_report.district.inspector.findings import Findings
from reelwarden_report.district.inspector.violation_rules import GRADE_OF, SEVERITY_OF, check_step


@dataclass(frozen=True)
class Told:
    """What somebody reports; `reporter` None: they want to stay unknown."""

    school: str
    text: str
    reporter: str | None


class ViolationWork(Findings):
    """Steps about violations; what is written stays here, events carry codes."""

    async def report_violation(self, told: Told) -> str:
        """Somebody saw something."""
        violation, grade = uuid.uuid4().hex, GRADE_OF["reported"]
        await self.conn.execute(
            "INSERT INTO violation (violation, school, kind, cause, severity, rule, at, grade, reported,"
            " reporter, text) VALUES ($1, $2, 'reported', $1, $3, 'R5.2', $4, $5, true, $6, $7)",
            violation,
            told.school,
            SEVERITY_OF[grade].value,
            self.clock(),
            grade,
            told.reporter,
            told.text,
        )
        event = ViolationRecorded(
            violation=violation, kind="reported", severity=SEVERITY_OF[grade], rule="R5.2", grade=grade
        )
        self.publish(told.school, event)
        return violation

    async def violation_step(self, violation: str, kind: str, text: str, person: str) -> None:
        """Grade, handle, refer or close one; `text` is the grade, the measure, or the outcome.

        Raises:
            Missing: there is none.
            Wrong: it does not fit.
        """
        query = "SELECT school, state FROM violation WHERE violation = $1 FOR UPDATE"
        row = await self.conn.fetchrow(query, violation)
        if row is None:
            raise Missing
        check_step(kind, text, row["state"])
        if kind == "graded":
            await self.conn.execute(
                "UPDATE violation SET grade = $2, severity = $3, state = 'graded' WHERE violation = $1",
                violation,
                text,
                SEVERITY_OF[text].value,
            )
        elif kind == "closed":
            await self.conn.execute(
                "UPDATE violation SET state = 'closed', closed_at = $2, outcome = $3 WHERE violation = $1",
                violation,
                self.clock(),
                text,
            )
            self.publish(row["school"], ViolationClosed(violation=violation, outcome=text))
        else:
            await self.conn.execute("UPDATE violation SET state = $2 WHERE violation = $1", violation, kind)
        await self.conn.execute(
            "INSERT INTO violation_step VALUES ($1, $2, $3, $4, $5, $6)",
            uuid.uuid4().hex,
            violation,
            kind,
            person,
            text.strip(),
            self.clock(),
        )
