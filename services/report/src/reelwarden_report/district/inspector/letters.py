"""Dead letters in the inspector's tables, and what a person at the dashboard has done about one."""

from typing import NamedTuple, Self

from reelwarden_common.envelope import Envelope
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.events.letters import Act, LetterTask, LetterTaskAnswer, Outcome
from reelwarden_common.events.report import MessageRefused
from reelwarden_common.identity import digest_of
from reelwarden_common.messaging.questions import NoAnswer
from reelwarden_common.messaging.topology import SETTLE_LETTER, Place, role
from reelwarden_common.role import Bus
from reelwarden_common.web import N_, Missing, Person, Text, Wrong
from reelwarden_report.district.inspector.domain import Kind
from reelwarden_report.district.inspector.findings import Findings
from reelwarden_report.district.inspector.shapes import Settled

ASK_SECONDS = 15.0
GONE = "gone"
"""The role that gave it up no longer has it: settled elsewhere, or aged out."""
_FAILED = N_("It failed again and stays: %(detail)s")
_AWAY = N_("Nobody answers there: the role does not run or the school is cut off. Look again later.")
_NO_NOTE = N_("Please say why it is dismissed.")


def cause_of(speaker: str, subject: str) -> str:
    """Under which a finding counts letters of one kind."""
    return f"{speaker}:{subject}"


class LetterKey(NamedTuple):
    """Which letter is meant."""

    school: str
    role: str
    letter: str

    @classmethod
    def read(cls, text: str) -> Self:
        """From `<school>/<role>/<letter>`.

        Raises:
            Missing: not of that shape.
        """
        parts = text.split("/")
        if len(parts) != len(cls._fields):
            raise Missing
        return cls(*parts)

    def __str__(self) -> str:
        return "/".join(self)


class Letters(Findings):
    """The table of dead letters."""

    async def waits(self, school: str, speaker: str, letter: str) -> bool:
        """Whether there is such a letter, and nobody settled it."""
        found: bool = await self.conn.fetchval(
            "SELECT EXISTS (SELECT FROM dead_letter WHERE school = $1 AND role = $2 AND letter = $3"
            " AND settled_at IS NULL)",
            school,
            speaker,
            letter,
        )
        return found

    async def gave_up(self, envelope: Envelope, event: MessageRefused) -> None:
        """One message that a role gave up; releases that do not name the letter leave a finding only."""
        if event.letter is None:
            return
        await self.conn.execute(
            "INSERT INTO dead_letter (school, role, letter, subject, event, fault, detail, at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            envelope.school,
            envelope.role,
            event.letter,
            event.subject_of,
            event.event,
            event.fault,
            event.detail,
            envelope.time,
        )

    async def settle(self, school: str, speaker: str, letter: str, how: Settled) -> None:
        """Write down what became of a letter, once; its finding is over with the last of its kind.

        That it is gone is what is found where nobody says more; who says more later is right.
        """
        subject = await self.conn.fetchval(
            "UPDATE dead_letter SET settled_at = $4, outcome = $5, settled_by = $6, note = $7"
            " WHERE school = $1 AND role = $2 AND letter = $3 AND (settled_at IS NULL OR outcome = $8)"
            " RETURNING subject",
            school,
            speaker,
            letter,
            how.at,
            how.outcome,
            how.by,
            how.note,
            GONE,
        )
        if subject is None:
            return
        others = await self.conn.fetchval(
            "SELECT count(*) FROM dead_letter WHERE school = $1 AND role = $2 AND subject = $3"
            " AND settled_at IS NULL",
            school,
            speaker,
            subject,
        )
        if not others:
            await self.over(school, Kind.DEAD_LETTER, [cause_of(speaker, subject)])


async def have_settled(bus: Bus, school: str, speaker: str, task: LetterTask) -> LetterTaskAnswer:
    """Have the role that gave a letter up handle it again or dismiss it.

    Raises:
        Wrong: nobody answers there, or it failed again.
    """
    place = school if role(speaker).place is Place.SCHOOL else DISTRICT_SCHOOL
    try:
        answer = await bus.ask(SETTLE_LETTER, place, task, LetterTaskAnswer, ASK_SECONDS, role=speaker)
    except NoAnswer as error:
        raise Wrong("not_reached", Text(_AWAY), "R4.1", status=503) from error
    if answer.outcome is Outcome.FAILED:
        raise Wrong("failed_again", Text(_FAILED, detail=answer.detail), "R4.1", status=409)
    return answer


def task_of(person: Person, letter: str, act: str, note: str) -> LetterTask:
    """What a person asks for; the bus knows people by number only.

    Raises:
        Missing: there is no such act.
        Wrong: dismissed without a word.
    """
    if act not in set(Act):
        raise Missing
    if act == Act.DISMISS and not note.strip():
        raise Wrong("no_note", Text(_NO_NOTE), "R4.1")
    return LetterTask(letter=letter, act=Act(act), by=number_of(person.id), note=note.strip())


def number_of(account: str) -> str:
    """How the bus knows somebody who settles letters."""
    return f"p-{digest_of([account])[:12]}"
