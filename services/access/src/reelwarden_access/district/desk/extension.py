"""Keeping footage for longer: who may ask, approve, review, end it, and until when (R3.1). Pure rules."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reelwarden_access.district.desk.application import Actor, Rules
from reelwarden_access.district.desk.domain import EARLIEST, MAY_APPLY, MAY_READ, required
from reelwarden_access.district.desk.words import EXTENSION_WORDS
from reelwarden_common.district import PersonRole
from reelwarden_common.events.retention import HoldSource
from reelwarden_common.web.refusals import Denied, Wrong
from reelwarden_common.web.text import N_, Text

STOPPERS = (PersonRole.SAFETY, PersonRole.LEADER, PersonRole.DISTRICT_OFFICER)


class ExtensionStatus(StrEnum):
    """Where an extension stands."""

    FILED = "filed"
    GRANTED = "granted"
    ENDED = "ended"
    """Refused, withdrawn, or its purpose is achieved: the outcome says which."""
    OVER = "over"
    """Its end date passed."""


@dataclass(frozen=True)
class ExtensionDraft:
    """延期保存申请 as it is filled in."""

    school: str
    cameras: tuple[str, ...]
    start: datetime
    end: datetime
    source: HoldSource
    reason: str
    until: datetime
    case_number: str = ""
    id: str | None = None


@dataclass(frozen=True)
class Extension:
    """An extension as the rules see it."""

    id: str
    number: str
    school: str
    source: HoldSource
    status: ExtensionStatus
    version: int
    cameras: tuple[str, ...]
    start: datetime
    end: datetime
    until: datetime
    filer: str
    form_digest: str
    decide_by: datetime
    outcome: str | None = None


def check_filing(actor: Actor, draft: ExtensionDraft, rules: Rules, now: datetime) -> PersonRole:
    """R3.1: who may ask, for what, until when; returns the role in which they sign."""
    allowed = (PersonRole.SAFETY, PersonRole.LEADER) if draft.source is HoldSource.CASE else MAY_APPLY
    role = next((one for one in allowed if actor.has(one)), None)
    if role is None:
        text = Text(N_("You have no right to have footage of this school kept for longer (R3.1)."))
        raise Denied("not_applicant", text, "R3.1")
    required(
        {
            N_("Cameras"): draft.cameras,
            N_("Reason"): draft.reason.strip(),
            N_("Case number"): draft.case_number.strip() or draft.source is not HoldSource.CASE,
        }
    )
    if draft.start >= draft.end:
        raise Wrong("span_backwards", Text(N_("The span must end after it begins (R4.2).")), "R3.1")
    if draft.start < EARLIEST:
        text = Text(N_("The span begins before the year %(year)s: please check its date (R4.2)."), year=2000)
        raise Wrong("span_too_early", text, "R3.1")
    if draft.end - draft.start > rules.extend_span:
        text = Text(
            N_("One extension covers at most %(days)s days of footage (R3.1)."), days=rules.extend_span.days
        )
        raise Wrong("too_long", text, "R3.1")
    check_until(draft.source, draft.until, rules, now)
    return role


def check_until(source: HoldSource, until: datetime, rules: Rules, now: datetime) -> None:
    """A hold has an end date (条例 art. 17), and a case is looked at again at least every 90 days."""
    most = rules.case_at_most if source is HoldSource.CASE else rules.extend_at_most
    if until <= now:
        raise Wrong("until_past", Text(N_("The end date must lie in the future (R3.1).")), "R3.1")
    if until > now + most:
        text = Text(N_("The end date lies at most %(days)s days ahead (R3.1)."), days=most.days)
        raise Wrong("until_far", text, "R3.1")


def check_decision(extension: Extension, actor: Actor) -> PersonRole:
    """R3.1: the safety department approves, and nobody their own."""
    _check_officer(extension, actor)
    check_status(extension, ExtensionStatus.FILED)
    return PersonRole.SAFETY


def check_renewable(extension: Extension, actor: Actor, now: datetime) -> PersonRole:
    """R3.1: the safety department reviews what is still held."""
    _check_officer(extension, actor)
    check_status(extension, ExtensionStatus.GRANTED)
    if extension.until <= now:
        text = Text(N_("Its end date has passed: file a new extension (R3.1)."))
        raise Wrong("until_past", text, "R3.1", status=409)
    return PersonRole.SAFETY


def check_review(
    extension: Extension, actor: Actor, until: datetime, rules: Rules, now: datetime
) -> PersonRole:
    """A review finds that the purpose still stands, and says until when."""
    role = check_renewable(extension, actor, now)
    check_until(extension.source, until, rules, now)
    if until <= extension.until:
        text = Text(N_("The new end date must be later than the one that stands (R3.1)."))
        raise Wrong("until_earlier", text, "R3.1")
    return role


def _check_officer(extension: Extension, actor: Actor) -> None:
    if not actor.has(PersonRole.SAFETY):
        text = Text(N_("Only the safety department of this school approves an extension (R3.1)."))
        raise Denied("not_safety", text, "R3.1")
    if actor.id == extension.filer:
        text = Text(N_("Nobody decides on their own extension (R3.1)."))
        raise Denied("own_application", text, "R3.1")


def check_withdrawal(extension: Extension, actor: Actor) -> None:
    """Whoever filed it may think better of it until it is decided."""
    if actor.id != extension.filer:
        raise Denied("not_yours", Text(N_("Only the applicant withdraws an application (R4.2).")), "R3.1")
    check_status(extension, ExtensionStatus.FILED)


def check_ending(extension: Extension, actor: Actor) -> PersonRole:
    """条例 art. 17: when its purpose is achieved, the safety department or a leader ends it."""
    role = next((one for one in (PersonRole.SAFETY, PersonRole.LEADER) if actor.has(one)), None)
    if role is None:
        text = Text(N_("Only the safety department or a school leader ends an extension (R3.1)."))
        raise Denied("not_safety", text, "R3.1")
    check_status(extension, ExtensionStatus.GRANTED)
    return role


def check_status(extension: Extension, allowed: ExtensionStatus) -> None:
    """The step fits where the extension stands."""
    if extension.status is not allowed:
        text = Text(
            N_("Application %(number)s is %(status)s: this step does not fit."),
            number=extension.number,
            status=Text(EXTENSION_WORDS[extension.status]),
        )
        raise Wrong("wrong_state", text, "R3.1", status=409)


def check_reading(extension: Extension, actor: Actor) -> None:
    """R3.3: shown to whoever filed it, and to those who have to do with it at this school."""
    if actor.id != extension.filer and not actor.has(*MAY_READ):
        text = Text(N_("This application is none of yours, or of another school (R3.3)."))
        raise Denied("not_yours", text, "R3.3")


def check_stop(actor: Actor, *, waiting: bool) -> None:
    """R3.1: a release can be taken back while it waits, by those who answer for the footage."""
    if not actor.has(*STOPPERS):
        text = Text(N_("Only the safety department, a school leader or the district stops a release (R3.1)."))
        raise Denied("not_safety", text, "R3.1")
    if not waiting:
        text = Text(N_("No release waits here: there is nothing to stop."))
        raise Wrong("wrong_state", text, "R3.1", status=409)


def outcome_by_time(extension: Extension, now: datetime) -> str | None:
    """What time alone does to an extension: not decided in time, or past its end date."""
    if extension.status is ExtensionStatus.FILED and now > min(extension.decide_by, extension.until):
        return "not_decided"
    return "over" if extension.status is ExtensionStatus.GRANTED and now >= extension.until else None
