"""The rules of retrieval: who may do what with an application, and when (R3.3, R4.2, R4.3, R4.4).

Each `check_…` returns what follows, or raises: `Denied` where a rule forbids it (such an attempt is
recorded), `Wrong` where something is missing or does not fit the state of things.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from reelwarden_access.district.desk.application import (
    AUTHORITIES,
    BEFORE_RETRIEVAL,
    MAY_HAVE_COPY,
    STATE_ORGANS,
    Actor,
    Application,
    Draft,
    Rules,
    Signature,
    Status,
)
from reelwarden_access.district.desk.deputy import principal_of
from reelwarden_access.district.desk.policy import MAY_BE_URGENT, role_of_signer, signing_of
from reelwarden_access.district.desk.words import STATUS_WORDS
from reelwarden_common.district import PersonRole
from reelwarden_common.events.access import Manner
from reelwarden_common.web.refusals import Denied, Wrong
from reelwarden_common.web.text import N_, Text

MAY_APPLY = (PersonRole.APPLICANT, PersonRole.LEADER, PersonRole.SAFETY)
"""R3.3: leaders, the safety department, and those who were authorised."""
MAY_DECIDE = (PersonRole.LEADER, PersonRole.SAFETY, PersonRole.DISTRICT_OFFICER)
"""R4.2: who signs approvals; for which of them the table of signers says."""
MAY_READ = (
    PersonRole.LEADER,
    PersonRole.SAFETY,
    PersonRole.RETRIEVER,
    PersonRole.AUDITOR,
    PersonRole.DISTRICT_OFFICER,
)
CLOCKS_DIFFER = timedelta(minutes=5)
"""A span may end this much in the future: the browser's clock is not ours."""
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""No footage that could be asked for is older; a year like 0026 is a slip."""


def required(fields: Mapping[str, object]) -> None:
    """What a form must say (R4.2); fields by the names that people see."""
    missing = [name for name, value in fields.items() if not value]
    if missing:
        text = Text(N_("Please fill in: %(field)s."), field=Text(missing[0]))
        raise Wrong("field_missing", text, "R4.2")


def check_filing(actor: Actor, draft: Draft, rules: Rules, open_already: int, now: datetime) -> None:
    """R3.3, R4.2, R4.4: who may file, and what a form must say."""
    if draft.outsider is None and not actor.has(*MAY_APPLY):
        raise Denied(
            "not_applicant", Text(N_("You have no right to apply for footage of this school (R3.3).")), "R3.3"
        )
    if draft.outsider is not None and not actor.has(PersonRole.RECEPTION):
        text = Text(N_("Only reception files for people from outside the school (R3.3)."))
        raise Denied("not_reception", text, "R3.3")
    required(
        {
            N_("Cameras"): draft.cameras,
            N_("Reason"): draft.reason.strip(),
            N_("Name"): draft.name.strip(),
            N_("Unit"): draft.unit.strip() or draft.outsider not in (None, *AUTHORITIES),
            N_("Identity document"): draft.identity_document.strip(),
            N_("Authority document"): draft.authority_document.strip() or draft.outsider not in STATE_ORGANS,
        }
    )
    if draft.start >= draft.end:
        raise Wrong("span_backwards", Text(N_("The span must end after it begins (R4.2).")), "R4.2")
    if draft.end > now + CLOCKS_DIFFER:
        raise Wrong("span_in_future", Text(N_("The span must not reach into the future (R4.2).")), "R4.2")
    if draft.start < EARLIEST:
        text = Text(N_("The span begins before the year %(year)s: please check its date (R4.2)."), year=2000)
        raise Wrong("span_too_early", text, "R4.2")
    if (draft.end - draft.start) * len(draft.cameras) > rules.max_footage:
        hours = f"{rules.max_footage.total_seconds() / 3600:g}"
        text = Text(
            N_("One application covers at most %(hours)s hours of footage, all cameras together (R4.4)."),
            hours=hours,
        )
        raise Wrong("too_long", text, "R4.4")
    if not draft.undertaking:
        raise Wrong(
            "no_undertaking", Text(N_("Without the undertaking nothing can be applied for (R4.4).")), "R4.4"
        )
    _check_kind(draft)
    if draft.outsider is None and open_already >= rules.max_open:
        text = Text(
            N_("You have %(count)s open applications; finish or withdraw one first (R4.2)."),
            count=open_already,
        )
        raise Wrong("too_many", text, "R4.2")


def _check_kind(draft: Draft) -> None:
    """R4.2, R4.4: what may be urgent, and who may have a copy."""
    if draft.urgent and draft.outsider not in MAY_BE_URGENT:
        text = Text(N_("Only what police or courts apply for may be urgent (R4.2)."))
        raise Wrong("not_urgent", text, "R4.2")
    if draft.manner is Manner.COPY and draft.outsider not in MAY_HAVE_COPY:
        text = Text(N_("A copy goes only to police, courts and the district; apply to view instead (R4.4)."))
        raise Denied("no_copy", text, "R4.4")


class FormTaken(Wrong):
    """The form was filed already, by somebody else or with other content: this needs a new one."""


def check_own_form(filed: Application, actor: Actor) -> None:
    """A form that comes again is the application that was filed with it, for whoever filed it."""
    if filed.filer != actor.id:
        text = Text(N_("This form was filed by somebody else. Please open a new one."))
        raise FormTaken("others_form", text, "R4.2", status=409)


def check_same_form(filed: Application, form: Mapping[str, object], written: Mapping[str, object]) -> None:
    """A form that comes again says what it said; other content is another application (R4.2)."""
    if any(form.get(name) != value for name, value in written.items()):
        text = Text(
            N_("This form was already filed as %(number)s; open a new one for another application (R4.2)."),
            number=filed.number,
        )
        raise FormTaken("filed_otherwise", text, "R4.2", status=409)


def approvals_needed(application: Application) -> int:
    """R4.2, R4.4: how many different people sign."""
    return signing_of(application).needed


def check_status(application: Application, *allowed: Status) -> None:
    """The step fits where the application stands."""
    if application.status not in allowed:
        text = Text(
            N_("Application %(number)s is %(status)s: this step does not fit."),
            number=application.number,
            status=Text(STATUS_WORDS[application.status]),
        )
        raise Wrong("wrong_state", text, "R4.2", status=409)


def check_digest(shown: str, actual: str) -> None:
    """A signature holds for the text that the signer saw, and for no other."""
    if shown != actual:
        text = Text(N_("The form is not the one that was shown to you. Open it again, read it, then sign."))
        raise Wrong("other_form", text, "R4.2", status=409)


def check_decision(application: Application, actor: Actor) -> PersonRole:
    """R4.2, R4.4: who may approve or reject; returns the role in which they sign."""
    if actor.id == application.filer:
        raise Denied("own_application", Text(N_("Nobody decides on their own application (R4.2).")), "R4.2")
    if actor.id in application.conflicted:
        text = Text(N_("You have declared an interest of your own: somebody else decides (R4.2)."))
        raise Denied("conflict", text, "R4.2")
    role = role_of_signer(application, actor.roles)
    if role is None and application.concerns_leader:
        text = Text(N_("It concerns a school leader, so the district decides (R4.4)."))
        raise Denied("district_decides", text, "R4.4")
    if role is None:
        text = Text(N_("Only a school leader or the safety department of this school decides (R4.2)."))
        raise Denied("not_approver", text, "R4.2")
    if actor.id in application.approvers:
        text = Text(N_("You have signed already; a copy needs a second, different signer (R4.4)."))
        raise Denied("same_signer", text, "R4.4")
    principal_of(application, actor, role)
    check_status(application, Status.FILED)
    return role


def check_heard(application: Application, role: PersonRole) -> None:
    """R4.2: where the school wants it, a leader signs only after the department has given its opinion."""
    if application.opinion_first and role is PersonRole.LEADER and not application.opinions:
        text = Text(N_("The department gives its opinion first, then the leader signs (R4.2)."))
        raise Denied("no_opinion", text, "R4.2")


def check_advice(application: Application, actor: Actor, opinion: str) -> None:
    """R4.2: the safety department, or the applicant's own unit, gives the department's opinion."""
    if actor.id == application.filer:
        raise Denied("own_application", Text(N_("Nobody decides on their own application (R4.2).")), "R4.2")
    of_unit = bool(actor.roles) and bool(actor.unit) and actor.unit == application.unit
    if not of_unit and not actor.has(PersonRole.SAFETY):
        text = Text(N_("Only the safety department or the applicant's own unit gives an opinion (R4.2)."))
        raise Denied("not_department", text, "R4.2")
    if actor.id in {one.signer for one in application.opinions}:
        text = Text(N_("You have given your opinion already (R4.2)."))
        raise Wrong("advised", text, "R4.2", status=409)
    check_status(application, Status.FILED)
    check_opinion(opinion)


def check_interest(application: Application, actor: Actor) -> None:
    """Whoever might decide may say that they have an interest of their own."""
    if role_of_signer(application, actor.roles) is None:
        text = Text(N_("Only a school leader or the safety department of this school decides (R4.2)."))
        raise Denied("not_approver", text, "R4.2")
    check_status(application, Status.FILED)


def is_approved(application: Application, signature: Signature) -> bool:
    """Whether this signature is the last that was missing."""
    signed = (*application.approvals, signature)
    signing = signing_of(application)
    if signing.among is not None and all(s.role != signing.among for s in signed):
        return False
    return len({s.signer for s in signed}) >= signing.needed


def check_opinion(opinion: str) -> None:
    """A rejection says why."""
    required({N_("Opinion"): opinion.strip()})


def check_withdrawal(application: Application, actor: Actor) -> None:
    """An applicant may think better of it until footage was seen."""
    if actor.id != application.filer:
        raise Denied("not_yours", Text(N_("Only the applicant withdraws an application (R4.2).")), "R4.2")
    check_status(application, *BEFORE_RETRIEVAL)


def check_reading(application: Application, actor: Actor) -> None:
    """R3.3: shown to whoever filed it, and to those who have to do with it at this school."""
    if actor.id != application.filer and not actor.has(*MAY_READ):
        text = Text(N_("This application is none of yours, or of another school (R3.3)."))
        raise Denied("not_yours", text, "R3.3")


def decide_by(draft: Draft, rules: Rules, now: datetime) -> datetime:
    """By when an application is to be decided."""
    return now + (rules.decide_urgent_within if draft.urgent else rules.decide_within)


def lapse_reason(application: Application, rules: Rules, now: datetime) -> str | None:
    """Why an application has lapsed, if it has: not decided, or not retrieved, in time.

    An urgent one that is not decided in time is overdue, and lapses no earlier than others.
    """
    grace = rules.decide_within - rules.decide_urgent_within if application.urgent else timedelta()
    if application.status is Status.FILED and now > application.decide_by + grace:
        return "not_decided"
    expired = application.valid_until is not None and now > application.valid_until
    return "not_retrieved" if application.status in (Status.APPROVED, Status.READY) and expired else None
