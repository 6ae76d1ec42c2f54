"""People who leave and who come back: all that was open to them ends, what they signed stays valid (R3.3)."""

from collections.abc import Callable
from dataclasses import dataclass

from reelwarden_access.district.desk.acts.retrieving import end_those_of
from reelwarden_access.district.desk.desk import About, Desk, Work
from reelwarden_access.district.desk.tables.departures import Departure
from reelwarden_common.district import PersonRole
from reelwarden_common.events.access import AccessChanged
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.web import Denied, Person, Text, Wrong
from reelwarden_common.web.signing.passkeys import Proof
from reelwarden_common.web.text import N_

MAY_END = (PersonRole.SAFETY, PersonRole.DISTRICT_OFFICER)


def may_end(who: Person, whom: Person) -> bool:
    """Whether somebody may end another's access: the safety department of all their schools, or the district.

    Nobody ends their own: then there is always somebody left who can give access back.
    """
    schools = {grant.school for grant in whom.grants}
    return who.id != whom.id and bool(schools) and all(who.holds(s, *MAY_END) for s in schools)


@dataclass(frozen=True)
class Access:
    """Somebody whose access one may end, and whether it has ended."""

    person: Person
    ended: bool


class Departures:
    """Ends access, and gives it back.

    Args:
        desk: Acts and records.
        mark: How the district's roles speak of an account without naming it.
    """

    def __init__(self, desk: Desk, mark: Callable[[str], str]) -> None:
        self._desk, self._mark = desk, mark

    async def end(self, who: Person, account: str, reason: str, proof: Proof) -> None:
        """From the next request on, on every replica, there is nothing that the account opens.

        Raises:
            Denied: they are not theirs to decide about.
            Wrong: there is no reason, or it was ended before.
        """

        async def act(work: Work) -> None:
            whom, why = self._decided(who, account, reason)
            actor = await work.store.people.actor_id(who.id)
            mark = self._mark(whom.id)
            if not await work.store.departures.end(whom.id, mark, actor, why, work.now):
                raise Wrong("ended_before", Text(N_("Their access was ended before.")), "R3.3", status=409)
            await end_those_of(work.store, await work.store.people.actor_id(whom.id), work.now)
            self._tell(work, whom, allowed=False)

        await self._desk.perform(who, About("end_access"), act, proof)

    async def give_back(self, who: Person, account: str, reason: str, proof: Proof) -> None:
        """They sign in again; nothing that was open before is open again.

        Raises:
            Denied, Wrong: see `end`.
        """

        async def act(work: Work) -> None:
            whom, why = self._decided(who, account, reason)
            actor = await work.store.people.actor_id(who.id)
            mark = self._mark(whom.id)
            if not await work.store.departures.give_back(whom.id, mark, actor, why, work.now):
                raise Wrong("not_ended", Text(N_("Their access was not ended.")), "R3.3", status=409)
            self._tell(work, whom, allowed=True)

        await self._desk.perform(who, About("give_access_back"), act, proof)

    def _decided(self, who: Person, account: str, reason: str) -> tuple[Person, str]:
        whom = self._desk.people.find(account)
        if whom is None or not may_end(who, whom):
            text = Text(N_("Only the safety department of their school, or the district, decides that."))
            raise Denied("no_right", text, "R3.3")
        if not reason.strip():
            raise Wrong("no_reason", Text(N_("Please write why.")), "R3.3")
        return whom, reason.strip()

    def _tell(self, work: Work, whom: Person, *, allowed: bool) -> None:
        event = AccessChanged(person=self._mark(whom.id), allowed=allowed, at=work.now)
        work.store.publish(DISTRICT_SCHOOL, event)

    async def show(self, who: Person) -> tuple[list[Access], list[Departure]]:
        """Whose access one may end or give back, and what was decided about them."""
        whom = [one for one in self._desk.people.all() if may_end(who, one)]
        async with self._desk.units.begin() as store:
            ended = await store.departures.in_force()
            decided = await store.departures.of([one.id for one in whom])
        return [Access(one, one.id in ended) for one in whom], decided
