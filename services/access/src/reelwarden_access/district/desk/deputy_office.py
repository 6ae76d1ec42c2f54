"""Naming deputies of leaders, taking them back, and letting them act (R3.3)."""

import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from reelwarden_access.district.desk.departure_office import MAY_END
from reelwarden_access.district.desk.deputy import Deputy, check_naming, may_name
from reelwarden_access.district.desk.desk import About, Desk, Work
from reelwarden_common.district import Grant, PersonRole
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.web import Denied, Person, Text, Wrong
from reelwarden_common.web.signing.passkeys import Proof
from reelwarden_common.web.text import N_

MAY_NAME = (PersonRole.LEADER, *MAY_END)


@dataclass(frozen=True)
class Naming:
    """What the form says."""

    school: str
    principal: str
    deputy: str
    first_day: date
    last_day: date


@dataclass(frozen=True)
class Choices:
    """What one may choose from, at one's schools."""

    leaders: tuple[tuple[str, Person], ...]
    people: tuple[tuple[str, Person], ...]
    named: tuple[Deputy, ...]
    today: date


class Deputies:
    """Names deputies, and tells who is one now."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._zone = ZoneInfo(desk.config.time_zone)

    async def as_now(self, person: Person) -> Person:
        """Somebody with the rights of those for whom they sign today."""
        async with self._desk.units.begin() as store:
            found = await store.deputies.of_deputy(person.id, self._today(store.clock()))
        grants = person.grants | {Grant(school, PersonRole.LEADER) for school, _ in found}
        return replace(person, grants=grants, stands_in=found) if found else person

    def _today(self, now: datetime) -> date:
        return now.astimezone(self._zone).date()

    async def name(self, who: Person, wanted: Naming, proof: Proof) -> None:
        """Entrust somebody with a leader's signature.

        Raises:
            Denied, Wrong: see `check_naming`.
        """

        async def act(work: Work) -> None:
            one = Deputy(uuid.uuid4().hex, **vars(wanted), named_at=work.now, named_by=who.id)
            find = self._desk.people.find
            check_naming(who, one, find(wanted.principal), find(wanted.deputy), self._today(work.now))
            await work.store.deputies.add(one, await work.store.people.actor_id(who.id))

        school = wanted.school if wanted.school in {s.id for s in self._desk.config.schools} else None
        await self._desk.perform(who, About("name_deputy", school=school), act, proof)

    async def revoke(self, who: Person, identifier: str, proof: Proof) -> None:
        """Take it back; what the deputy has signed stays.

        Raises:
            Denied: it is not theirs to decide.
            Wrong: there is none such.
        """

        async def act(work: Work) -> None:
            one = await work.store.deputies.one(identifier)
            if one is None:
                raise Wrong("no_deputy", Text(N_("There is no such deputy any more.")), "R3.3", status=409)
            if not may_name(who, one.school, one.principal):
                text = Text(
                    N_("A leader names a deputy, or the safety department or the district for them (R3.3).")
                )
                raise Denied("not_leader", text, "R3.3")
            await work.store.deputies.revoke(one.id, await work.store.people.actor_id(who.id), work.now)

        await self._desk.perform(who, About("revoke_deputy"), act, proof)

    async def show(self, who: Person) -> Choices:
        """Who may be named by somebody, and who was."""
        own = who.schools(*MAY_NAME)
        every = DISTRICT_SCHOOL in own
        schools = sorted(s.id for s in self._desk.config.schools if every or s.id in own)
        people = self._desk.people.all()
        of_school = [(s, p) for s in schools for p in people if any(g.school == s for g in p.grants)]
        leaders = [(s, p) for s, p in of_school if p.holds(s, PersonRole.LEADER)]
        async with self._desk.units.begin() as store:
            named = await store.deputies.at(schools)
            today = self._today(store.clock())
        return Choices(
            leaders=tuple((s, p) for s, p in leaders if may_name(who, s, p.id)),
            people=tuple((s, p) for s, p in of_school if not p.holds(s, PersonRole.LEADER)),
            named=tuple(named),
            today=today,
        )
