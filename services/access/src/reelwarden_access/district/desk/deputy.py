"""Deputies of leaders: who may be named, by whom, for how long, and for whom they sign (R3.3, R4.2)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from reelwarden_access.district.desk.application import Actor, Application
from reelwarden_common.district import PersonRole
from reelwarden_common.web import Denied, Person, Wrong
from reelwarden_common.web.text import N_, Text

LONGEST = timedelta(days=180)


@dataclass(frozen=True)
class Deputy:
    """One deputyship. Both days count, in the district's time."""

    id: str
    school: str
    principal: str
    """Account of the leader."""
    deputy: str
    first_day: date
    last_day: date
    named_at: datetime
    named_by: str
    """Account."""
    revoked_at: datetime | None = None


def may_name(who: Person, school: str, principal: str) -> bool:
    """A leader names their own deputy; the safety department and the district name anybody's."""
    return who.id == principal or who.holds(school, PersonRole.SAFETY, PersonRole.DISTRICT_OFFICER)


def check_naming(
    who: Person, wanted: Deputy, principal: Person | None, deputy: Person | None, today: date
) -> None:
    """Whether somebody may be named.

    Raises:
        Denied: it is not theirs to decide.
        Wrong: these two, or these days, make no deputyship.
    """
    school = wanted.school
    if principal is None or not may_name(who, school, wanted.principal):
        text = Text(N_("A leader names a deputy, or the safety department or the district for them (R3.3)."))
        raise Denied("not_leader", text, "R3.3")
    if not principal.holds(school, PersonRole.LEADER):
        raise Wrong("no_leader", Text(N_("Only a leader of the school has a deputy (R3.3).")), "R3.3")
    if deputy is None or not deputy.roles_at(school) or deputy.holds(school, PersonRole.LEADER):
        text = Text(N_("A deputy is somebody of the school who is not a leader already (R3.3)."))
        raise Wrong("no_deputy", text, "R3.3")
    if deputy.id == who.id != principal.id:
        raise Denied("own_deputy", Text(N_("Nobody names themselves (R3.3).")), "R3.3")
    first, last = wanted.first_day, wanted.last_day
    if last < first or last < today or last - first > LONGEST:
        text = Text(
            N_("The last day is not before the first, nor over, nor more than %(days)s days later (R3.3)."),
            days=LONGEST.days,
        )
        raise Wrong("wrong_days", text, "R3.3")


def principal_of(application: Application, actor: Actor, role: PersonRole) -> str | None:
    """For whom a deputy signs; None for whoever signs in a role of their own.

    Raises:
        Denied: nobody that they stand in for may decide: they filed it, signed it, or have an interest.
    """
    if role is not PersonRole.LEADER or not actor.stands_for:
        return None
    barred: Collection[str] = {application.filer, *application.conflicted, *application.approvers}
    free = sorted(actor.stands_for - set(barred))
    if not free:
        text = Text(N_("Whoever you stand in for filed it, signed it, or has an interest (R4.2)."))
        raise Denied("principal_involved", text, "R4.2")
    return free[0]
