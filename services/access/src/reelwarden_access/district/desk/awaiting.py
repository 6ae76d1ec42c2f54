"""What an application waits for, with the names of those who can do it."""

from collections.abc import Iterable

from reelwarden_access.district.desk import retrieval
from reelwarden_access.district.desk.acts.releasing import building
from reelwarden_access.district.desk.application import Actor, Application
from reelwarden_access.district.desk.desk import Work
from reelwarden_access.district.desk.shown import WaitShown
from reelwarden_access.district.desk.tables.retrievals import Record
from reelwarden_access.district.desk.waiting import Situation, Wait, waits_for
from reelwarden_common.district import PersonRole
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.web.refusals import Denied


async def awaited(work: Work, application: Application, actor: Actor) -> list[WaitShown]:
    """What is missing, and who can do it, as whoever looks at the application is told."""
    table, people = work.store.retrievals, work.store.people
    supervision = await table.supervision(application.id, work.now)
    release = await table.release(application.id)
    export = await work.store.exports.of(application.id)
    record = await table.record(application.id)
    viewings = await table.open_viewings(application.id)
    situation = Situation(
        application,
        holds=tuple(hold.state for hold in await work.store.holds.of(application.id)),
        export_failed=bool(export and export.problem),
        supervised=supervision is not None,
        building=building(release, work.now),
        handed_over=bool(release and release.handed_over_at),
        viewing=bool(viewings),
        recorded=record is not None,
        right=_has_right(application, actor),
        trained=await people.trained(actor.id, await people.rules_version(work.now)),
    )
    retrievers = await table.retrievers(application.id)
    left = await work.store.departures.in_force()
    apart = {application.filer, *(() if application.few_people else application.approvers)}
    if release is not None and release.released_at is not None:
        takers = _names(work, await people.accounts({release.retriever}))
    else:
        barred = await people.accounts(apart | ({supervision.supervisor} if supervision else set()))
        takers = _holders(work, application.school, PersonRole.RETRIEVER, barred | left)
    who = {
        Wait.SUPERVISION: _holders(
            work, application.school, PersonRole.SAFETY, left | await people.accounts(apart | retrievers)
        ),
        Wait.RETRIEVAL: takers,
        Wait.VIEWING: _names(work, await people.accounts({viewing.retriever for viewing in viewings})),
        Wait.RECORD: _names(work, await people.accounts(retrievers)),
        Wait.SIGNATURES: _signers(
            work, application.school, await people.accounts(await _unsigned(work, application, record)), left
        ),
    }
    return [WaitShown(what=wait, who=who.get(wait, [])) for wait in waits_for(situation)]


async def _unsigned(work: Work, application: Application, record: Record | None) -> set[str]:
    """Whoever has still to sign the record."""
    if record is None:
        return set()
    signed = {one.signer for one in await work.store.applications.signatures(application.id, "record")}
    return {record.retriever, record.supervisor, application.filer} - signed


def _signers(work: Work, school: str, unsigned: set[str], left: set[str]) -> list[str]:
    """Whoever has still to sign; for those who left, the safety department."""
    instead = _holders(work, school, PersonRole.SAFETY, left) if unsigned & left else []
    own = _names(work, unsigned - left)
    return own + [name for name in instead if name not in own]


def _has_right(application: Application, actor: Actor) -> bool:
    try:
        retrieval.check_right(application, actor)
    except Denied:
        return False
    return True


def _holders(work: Work, school: str, role: PersonRole, barred: Iterable[str]) -> list[str]:
    """Whoever has a role at a school and is none of these."""
    where = (school, DISTRICT_SCHOOL)
    found = {p.id for p in work.config.people if any(g.role is role and g.school in where for g in p.grants)}
    return _names(work, found.difference(barred))


def _names(work: Work, accounts: Iterable[str]) -> list[str]:
    wanted = set(accounts)
    return [person.name for person in work.config.people if person.id in wanted]
