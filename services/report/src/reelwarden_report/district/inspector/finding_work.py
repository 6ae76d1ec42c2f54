"""Findings as work (R5.1): who sees to one, how far it is, what was said of it, and to whom it goes up."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reelwarden_common.district import PersonRole
from reelwarden_common.events.report import FindingAssigned, FindingClosed, FindingEscalated, Severity
from reelwarden_common.web import N_, Denied, Missing, Text, Wrong
from reelwarden_report.district.inspector.findings import Column, Findings
from reelwarden_report.district.inspector.letters import number_of

OPEN, ACKNOWLEDGED, IN_WORK = "open", "acknowledged", "in-work"
MENDED, CLOSED, FALSE_ALARM = "mended", "closed", "false-alarm"
STATES = (OPEN, ACKNOWLEDGED, IN_WORK, MENDED, CLOSED, FALSE_ALARM)
PROGRESS = (ACKNOWLEDGED, IN_WORK)
"""What an open finding may be said to be."""
ENDINGS = (MENDED, FALSE_ALARM)
LADDER = (
    (timedelta(hours=24), PersonRole.LEADER),
    (timedelta(hours=48), PersonRole.DISTRICT_OFFICER),
)
"""GB 55029: mended within 24 h. What stands for longer goes to the leader; a day later to the district."""
LONGEST_NOTE = 2000
SYSTEM_NOTES = ("escalated",)


def state_of(progress: str, close_reason: str | None) -> str:
    """One of `STATES`; findings that were accepted, or that the facts ended, are closed."""
    if close_reason is None:
        return progress
    return close_reason if close_reason in ENDINGS else CLOSED


def due_step(severity: str, age: timedelta, reached: str | None) -> PersonRole | None:
    """To whom a finding must go up now, if it must: one step at a time, notes never.

    Args:
        severity: Notes are for reading only.
        age: How long it has stood.
        reached: The role that it went up to already.
    """
    if severity == Severity.INFO:
        return None
    roles = [role for _, role in LADDER]
    done = roles.index(PersonRole(reached)) + 1 if reached else 0
    for after, role in LADDER[done:]:
        return role if age >= after else None
    return None


@dataclass(frozen=True)
class Step:
    """What somebody says or does about a finding."""

    kind: str
    """comment, owner, due, acknowledged, in-work, mended, false-alarm."""
    text: str
    """What was written; for `owner` a role, or `person:` and an account."""


def check_step(step: Step, *, is_open: bool) -> None:
    """A comment has words, a false alarm a reason, and what is over is not worked on.

    Raises:
        Wrong: it does not fit.
    """
    if len(step.text) > LONGEST_NOTE:
        raise Wrong("too_long", Text(N_("Please write at most 2000 characters.")), "R5.1")
    if step.kind in ("comment", FALSE_ALARM) and not step.text.strip():
        raise Wrong("no_text", Text(N_("Please write a few words: what was found, or why.")), "R5.1")
    if not is_open and step.kind != "comment":
        raise Wrong("is_over", Text(N_("This finding is closed already.")), "R5.1", status=409)


PERSON = "person:"
"""Before an account, where a role could stand too."""


def account_of(owner: str) -> str | None:
    """The account that sees to a finding; None: a role does."""
    return owner.removeprefix(PERSON) if owner.startswith(PERSON) else None


def check_owner(owner: str, roles: Sequence[str], accounts: Sequence[str]) -> None:
    """A role or a person of the school.

    Raises:
        Wrong: neither.
    """
    if owner not in (*roles, *(PERSON + one for one in accounts)):
        raise Wrong("no_such_owner", Text(N_("Please choose a role or a person of the school.")), "R5.1")


def may_comment(*, sees: bool, roles: bool) -> None:
    """Whoever works at the school's footage may speak of it; auditors and operators read.

    Raises:
        Missing: it is not theirs to see.
        Denied: only to read.
    """
    if not sees:
        raise Missing
    if not roles:
        raise Denied("no_right", Text(N_("Your account has no right to this.")), "R5.1")


class FindingWork(Findings):
    """The table of findings, as work; what is written stays here (PIPL art. 51)."""

    async def note(self, finding: str, kind: str, text: str, person: str | None) -> None:
        """Add to the conversation; `person` None: it happened by itself."""
        await self.conn.execute(
            "INSERT INTO finding_note VALUES ($1, $2, $3, $4, $5, $6)",
            uuid.uuid4().hex,
            finding,
            kind,
            person,
            text,
            self.clock(),
        )

    async def take_step(self, finding: str, school: str, step: Step, person: str) -> None:
        """Do it and say so; only codes and numbers leave."""
        if step.kind == "owner":
            await self._set(finding, owner=step.text)
            account = account_of(step.text)
            owner = number_of(account) if account else step.text
            self.publish(school, FindingAssigned(finding=finding, owner=owner))
        elif step.kind == "due":
            await self._set(finding, deadline=datetime.fromisoformat(step.text))
        elif step.kind in PROGRESS:
            await self._set(finding, progress=step.kind)
        elif step.kind in ENDINGS:
            await self._set(finding, closed_at=self.clock(), close_reason=step.kind, closed_by=person)
            self.publish(school, FindingClosed(finding=finding, reason=step.kind))
        await self.note(finding, step.kind, step.text.strip(), person)

    async def _set(self, finding: str, **columns: Column) -> None:
        settings = ", ".join(f"{name} = ${n}" for n, name in enumerate(columns, 2))
        await self.conn.execute(
            f"UPDATE finding SET {settings} WHERE finding = $1",  # noqa: S608 - names of ours
            finding,
            *columns.values(),
        )

    async def escalate(self, school: str) -> None:
        """Hand up what has stood for too long and is not planned (R5.1), each step once."""
        now = self.clock()
        rows = await self.conn.fetch(
            "SELECT finding, kind, severity, opened_at, escalated FROM finding WHERE school = $1"
            " AND closed_at IS NULL AND planned IS NULL AND opened_at <= $2"
            " AND escalated IS DISTINCT FROM $3 FOR UPDATE",
            school,
            now - LADDER[0][0],
            LADDER[-1][1].value,
        )
        for row in rows:
            role = due_step(row["severity"], now - row["opened_at"], row["escalated"])
            if role is None:
                continue
            await self._set(row["finding"], escalated=role.value)
            await self.note(row["finding"], "escalated", role.value, None)
            event = FindingEscalated(
                finding=row["finding"],
                kind=row["kind"],
                severity=row["severity"],
                to=role.value,
                opened_at=row["opened_at"],
            )
            self.publish(school, event)
