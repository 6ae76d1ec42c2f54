"""Numbered forms on paper, for when the system is away: printed, entered, reviewed (R4.2). Pure rules."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from reelwarden_access.district.desk.application import (
    AUTHORITIES,
    MAY_HAVE_COPY,
    STATE_ORGANS,
    Actor,
    Draft,
    Rules,
)
from reelwarden_access.district.desk.domain import CLOCKS_DIFFER, EARLIEST, required
from reelwarden_common.district import PersonRole
from reelwarden_common.events.access import Manner
from reelwarden_common.web.refusals import Denied, Wrong
from reelwarden_common.web.text import N_, Text

MOST_PRINTED = 50
"""Forms of one block."""
MAY_ENTER = (PersonRole.SAFETY,)
MAY_REVIEW = (PersonRole.SAFETY, PersonRole.DISTRICT_OFFICER)
MAY_APPROVE = (PersonRole.LEADER, PersonRole.SAFETY, PersonRole.DISTRICT_OFFICER)


@dataclass(frozen=True)
class PaperForm:
    """One numbered sheet."""

    school: str
    number: int
    copy: int
    printed_at: datetime
    application: str | None = None
    entered_at: datetime | None = None
    entered_by: str | None = None
    void_reason: str | None = None
    void_at: datetime | None = None
    reviewed_at: datetime | None = None
    reviewer_name: str | None = None
    in_order: bool | None = None
    opinion: str | None = None

    @property
    def name(self) -> str:
        """As it is printed: `s001-P-0007`."""
        return name_of(self.school, self.number)

    @property
    def used_at(self) -> datetime | None:
        """When it was entered, or otherwise accounted for."""
        return self.entered_at or self.void_at


@dataclass(frozen=True)
class Signer:
    """Somebody who signed on paper: an account of the directory, as it is now."""

    actor: str
    account: str
    name: str
    roles: frozenset[PersonRole]


@dataclass(frozen=True)
class PaperDraft:
    """What stands on a filled sheet."""

    asked: Draft
    approver: Signer
    approved_at: datetime
    operator: Signer
    supervisor: Signer
    retrieved_at: datetime
    present: tuple[str, ...]
    content: str
    outcome: str
    medium: str = ""


def name_of(school: str, number: int) -> str:
    """How a sheet is called."""
    return f"{school}-P-{number:04d}"


def check_printing(actor: Actor, count: int) -> None:
    """R4.2: the safety department prints, a block at a time."""
    check_keeper(actor)
    if not 1 <= count <= MOST_PRINTED:
        text = Text(N_("Between 1 and %(most)s forms at a time, please (R4.2)."), most=MOST_PRINTED)
        raise Wrong("paper_count", text, "R4.2")


def check_keeper(actor: Actor) -> None:
    """Who keeps the numbered forms."""
    if not actor.has(*MAY_ENTER):
        text = Text(N_("Only the safety department of this school keeps its numbered forms (R4.2)."))
        raise Denied("not_safety", text, "R4.2")


def check_number(sheets: Sequence[PaperForm], number: str, *, again: bool) -> int:
    """Which copy of a number is entered: the first, or another sheet that bears it.

    Raises:
        Wrong: it was never printed, is void, or was entered and nobody says that this is another sheet.
    """
    if not sheets:
        text = Text(N_("No form %(number)s was ever printed here: please look again."), number=number)
        raise Wrong("no_paper", text, "R4.2")
    if sheets[0].used_at is None:
        return 1
    if not again:
        text = Text(
            N_(
                "Form %(number)s was entered, or declared void, already. Is this another sheet that bears it?"
            ),
            number=number,
        )
        raise Wrong("paper_used", text, "R4.2", status=409)
    return max(one.copy for one in sheets) + 1


def check_entering(draft: PaperDraft, scans: int, now: datetime) -> None:
    """What must be said of a filled sheet; what went wrong on paper is noted, for it has happened."""
    asked = draft.asked
    required(
        {
            N_("Cameras"): asked.cameras,
            N_("Reason"): asked.reason.strip(),
            N_("Name"): asked.name.strip(),
            N_("Identity document"): asked.identity_document.strip(),
            N_("Content"): draft.content.strip(),
            N_("Outcome"): draft.outcome.strip(),
            N_("Scan of the signed sheet"): scans,
        }
    )
    if asked.start >= asked.end:
        raise Wrong("span_backwards", Text(N_("The span must end after it begins (R4.2).")), "R4.2")
    if asked.start < EARLIEST:
        text = Text(N_("The span begins before the year %(year)s: please check its date (R4.2)."), year=2000)
        raise Wrong("span_too_early", text, "R4.2")
    if max(asked.end, draft.approved_at, draft.retrieved_at) > now + CLOCKS_DIFFER:
        text = Text(N_("A sheet is entered after what stands on it: please check its times (R4.2)."))
        raise Wrong("span_in_future", text, "R4.2")


def doubts(draft: PaperDraft, rules: Rules, now: datetime) -> list[str]:
    """What on the sheet is not as the rules want it: for whoever reviews it (R4.2-R4.4)."""
    asked, three = draft.asked, (draft.approver, draft.operator, draft.supervisor)
    found = {
        "one_person": len({one.actor for one in three}) < len(three)
        or asked.name.strip() in {one.name for one in three},
        "no_right": not draft.approver.roles.intersection(MAY_APPROVE)
        or PersonRole.SAFETY not in draft.supervisor.roles,
        "before_approval": draft.retrieved_at < draft.approved_at,
        "too_long": (asked.end - asked.start) * len(asked.cameras) > rules.max_footage,
        "copy": asked.manner is Manner.COPY and asked.outsider not in MAY_HAVE_COPY,
        "leader": asked.concerns_leader and PersonRole.DISTRICT_OFFICER not in draft.approver.roles,
        "no_authority": asked.outsider in STATE_ORGANS and not asked.authority_document.strip(),
        "no_unit": asked.outsider in AUTHORITIES and not asked.unit.strip(),
        "late": now - draft.retrieved_at > rules.paper_within,
    }
    return [doubt for doubt, so in found.items() if so]


def check_review(sheet: PaperForm | None, actor: Actor, signers: Collection[str]) -> None:
    """R4.3: somebody else of the safety department, or the district, looks at it."""
    if not actor.has(*MAY_REVIEW):
        text = Text(N_("Only the safety department or the district reviews a form on paper (R4.3)."))
        raise Denied("not_safety", text, "R4.3")
    if sheet is None or sheet.reviewed_at is not None:
        text = Text(N_("Nothing of this application waits for a review (R4.3)."))
        raise Wrong("nothing_to_review", text, "R4.3", status=409)
    if actor.id == sheet.entered_by or actor.id in signers:
        text = Text(N_("Whoever signed or entered a form on paper does not review it (R4.3)."))
        raise Denied("not_apart", text, "R4.3")


def check_reviewed(sheet: PaperForm | None) -> None:
    """What was done on paper is closed after its review."""
    if sheet is not None and sheet.reviewed_at is None:
        text = Text(N_("The form on paper is not reviewed yet (R4.3)."))
        raise Wrong("not_reviewed", text, "R4.3", status=409)


def check_void(sheets: Collection[PaperForm], reason: str) -> None:
    """A blank form that was spoilt or lost is accounted for; one that was used is entered."""
    required({N_("Reason"): reason.strip()})
    if not sheets or any(one.used_at is not None for one in sheets):
        text = Text(N_("Only blank forms that were printed here can be declared void (R4.2)."))
        raise Wrong("paper_used", text, "R4.2", status=409)


def skipped(sheets: Collection[PaperForm], rules: Rules, now: datetime) -> list[PaperForm]:
    """Blank forms of one school that a higher number overtook, and of which nobody says where they are.

    Forms are used in their order: a number that is passed over is a sheet that may be in use elsewhere.
    """
    used = sorted((one.number, one.used_at) for one in sheets if one.used_at is not None)
    found = []
    for sheet in sheets:
        overtaken = [at for number, at in used if number > sheet.number]
        if sheet.used_at is None and overtaken and now - min(overtaken) > rules.paper_within:
            found.append(sheet)
    return found
