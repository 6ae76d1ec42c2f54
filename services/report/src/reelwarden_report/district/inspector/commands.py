"""What people do here: inspect, close findings and violations, make suggestions; rights are checked first."""

import uuid
from typing import Annotated, Literal, get_args

from fastapi import Depends

from reelwarden_common.district import PersonRole
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.events.letters import Outcome
from reelwarden_common.events.report import FeedbackReceived
from reelwarden_common.web import N_, Denied, Missing, Person, Text, Wrong
from reelwarden_report.district.inspector.inspection import Order
from reelwarden_report.district.inspector.letters import GONE, LetterKey, have_settled, task_of
from reelwarden_report.district.inspector.room import InRoom, Room
from reelwarden_report.district.inspector.shapes import ReportView, Settled

InspectionKind = Literal["daily", "weekly", "monthly"]
LONGEST_SUGGESTION = 4000


class Commands:
    """The changes that people make."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def inspect(self, person: Person, school: str, kind: str) -> ReportView:
        """Inspect a school now.

        Raises:
            Denied: the person is not of its safety department.
            Wrong: no such kind.
        """
        room = self._room
        room.must_inspect(person, school)
        if kind not in get_args(InspectionKind):
            raise Wrong("unknown_kind", Text(N_("There is no such kind of inspection.")), "R5.1")
        if school == DISTRICT_SCHOOL:
            raise Missing
        made = await room.inspections.make(Order(school, kind, person.id))
        if made is None:
            raise Missing
        return made

    async def close(self, person: Person, finding: str, reason: str) -> None:
        """Close a finding: mended, or accepted for a reason.

        Raises:
            Missing: there is none.
            Denied: the person is not of that school's safety department.
            Wrong: only a deed at the desk ends it.
        """
        async with self._room.units.begin() as store:
            query = "SELECT school, kind, facts FROM finding WHERE finding = $1"
            found = await store.conn.fetchrow(query, finding)
            if found is None:
                raise Missing
            self._room.must_inspect(person, found["school"])
            self._room.must_not_wait(found["kind"], found["facts"])
            await store.close(finding, reason, person.id)

    async def close_violation(self, person: Person, violation: str, outcome: str) -> None:
        """Close a violation with what was decided (R5.2).

        Raises:
            Missing: there is no open one.
            Denied: the person is not of that school's safety department.
        """
        async with self._room.units.begin() as store:
            school = await store.conn.fetchval(
                "SELECT school FROM violation WHERE violation = $1 AND closed_at IS NULL", violation
            )
            if school is None:
                raise Missing
            self._room.must_inspect(person, school)
            await store.violation_step(violation, "closed", outcome, person.id)

    async def settle(self, person: Person, key: LetterKey, act: str, note: str) -> None:
        """Have a role handle a dead letter again, or dismiss it.

        Raises:
            Denied: the person does not run the district.
            Missing: there is no such letter that waits, or no such act.
            Wrong: dismissed without a word; nobody answers there; it failed again.
        """
        self._room.must_settle(person)
        task = task_of(person, key.letter, act, note)
        async with self._room.units.begin() as store:
            if not await store.waits(*key):
                raise Missing
        answer = await have_settled(self._room.bus, key.school, key.role, task)
        async with self._room.units.begin() as store:
            outcome = GONE if answer.outcome is Outcome.UNKNOWN else answer.outcome
            how = Settled(at=store.clock(), outcome=outcome, by=task.by, note=task.note)
            await store.settle(*key, how)

    async def suggest(self, person: Person, school: str, text: str, *, anonymous: bool = False) -> str:
        """Staff suggest something (R5.3); the text stays here, the event says only that there is one.

        Raises:
            Denied: the person has no role at that school.
            Missing: there is no such school.
            Wrong: nothing was written.
        """
        self._room.must_know(school)
        if not person.holds(school, *PersonRole):
            raise Denied("no_right", Text(N_("Your account has no right to this.")), "R5.3")
        if not text.strip() or len(text) > LONGEST_SUGGESTION:
            raise Wrong("no_text", Text(N_("Please write between 1 and 4000 characters.")), "R5.3")
        feedback = uuid.uuid4().hex
        async with self._room.units.begin() as store:
            await store.conn.execute(
                "INSERT INTO feedback (feedback, school, person, text, at) VALUES ($1, $2, $3, $4, $5)",
                feedback,
                school,
                None if anonymous else person.id,
                text.strip(),
                store.clock(),
            )
            store.publish(school, FeedbackReceived(feedback=feedback))
        return feedback


def _doing(room: InRoom) -> Commands:
    return Commands(room)


Doing = Annotated[Commands, Depends(_doing)]
"""For routes that change something."""
