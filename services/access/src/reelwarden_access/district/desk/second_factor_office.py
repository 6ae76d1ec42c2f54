"""What people do about second factors at the desk (R3.3)."""

from typing import Any

import pyotp

from reelwarden_access.district.desk.desk import About, Desk, Work
from reelwarden_access.district.desk.second_factor import (
    Sealed,
    digest_of_recovery,
    recovery_codes,
    step_of,
)
from reelwarden_common.web import Denied, NotSignedIn, Person, PersonRole, Text, Wrong
from reelwarden_common.web.second import Wanted
from reelwarden_common.web.sign_ins import Ledger
from reelwarden_common.web.text import N_

SIGNERS = (PersonRole.LEADER, PersonRole.SAFETY, PersonRole.DISTRICT_OFFICER)
RESETTERS = (PersonRole.SAFETY, PersonRole.DISTRICT_OFFICER)


def may_reset(who: Person, whom: Person) -> bool:
    """Whether somebody lets another set up a new one: the safety department of all their schools.

    Or the district. Nobody resets their own.
    """
    schools = {grant.school for grant in whom.grants}
    return who.id != whom.id and bool(schools) and all(who.holds(s, *RESETTERS) for s in schools)


class SecondFactors:
    """Sets up, asks for, and resets.

    Args:
        desk: Acts and records.
        tries: Counts wrong codes, for all replicas.
        key: Seals the secrets.
        demand: Whether who may sign must have one.
    """

    def __init__(self, desk: Desk, tries: Ledger, key: str, *, demand: bool) -> None:
        self._desk = desk
        self._tries = tries
        self._sealed = Sealed(key)
        self._demand = demand

    async def wanted(self, person: Person) -> Wanted:
        """See `SecondFactor`."""
        async with self._desk.units.begin() as store:
            if await store.second_factors.in_use([person.id]):
                return Wanted.CODE
        must = self._demand and person.holds_somewhere(*SIGNERS)
        return Wanted.ENROLMENT if must else Wanted.NOTHING

    async def take(self, person: Person, code: str) -> None:
        """See `SecondFactor`: a code of the app, or a recovery code; each once."""
        key = f"code:{person.id}"
        await self._tries.check(key)
        async with self._desk.units.begin() as store:
            actor, now = await store.people.actor_id(person.id), store.clock()
            sealed = await store.second_factors.secret(actor, confirmed=True)
            step = step_of(self._sealed.opened(actor, sealed), code, now) if sealed else None
            right = step is not None and await store.second_factors.use_step(actor, step)
            if not right and await store.second_factors.use_recovery(actor, digest_of_recovery(actor, code)):
                await store.second_factors.note(actor, actor, "recovered", "", now)
                right = True
        if not right:
            await self._tries.failed(key)
            raise NotSignedIn(Text(N_("This code is wrong, or was used before. Wait for the next one.")))
        await self._tries.passed(key)

    async def begin(self, who: Person, password: str) -> str:
        """A new secret, to be shown once; it counts when a code has confirmed it."""
        secret = pyotp.random_base32()

        async def act(work: Work) -> str:
            actor = await work.store.people.actor_id(who.id)
            if not await work.store.second_factors.begin(actor, self._sealed.seal(actor, secret), work.now):
                text = Text(N_("You have a second factor already: remove it first, or have it reset."))
                raise Wrong("has_factor", text, "R3.3", status=409)
            return secret

        return await self._desk.perform(who, About("second_factor"), act, password)

    async def confirm(self, who: Person, code: str) -> list[str]:
        """Take it into use; the recovery codes, to be shown once."""
        key = f"code:{who.id}"
        await self._tries.check(key)
        codes = recovery_codes()

        async def act(work: Work) -> bool:
            factors, actor = work.store.second_factors, await work.store.people.actor_id(who.id)
            sealed = await factors.secret(actor, confirmed=False)
            step = step_of(self._sealed.opened(actor, sealed), code, work.now) if sealed else None
            if step is None or not await factors.use_step(actor, step):
                return False
            await factors.confirm(actor, [digest_of_recovery(actor, one) for one in codes], work.now)
            await factors.note(actor, actor, "enrolled", "", work.now)
            return True

        if not await self._desk.perform(who, About("second_factor"), act):
            await self._tries.failed(key)
            text = Text(N_("This code does not fit. Check the phone's clock, begin anew and scan again."))
            raise Wrong("wrong_code", text, "R3.3")
        await self._tries.passed(key)
        return codes

    async def remove(self, who: Person, password: str) -> None:
        """Do without it again, where that is allowed."""

        async def act(work: Work) -> None:
            actor = await work.store.people.actor_id(who.id)
            if await work.store.second_factors.remove(actor):
                await work.store.second_factors.note(actor, actor, "removed", "", work.now)

        await self._desk.perform(who, About("second_factor"), act, password)

    async def reset(self, who: Person, whom: Person | None, reason: str, password: str) -> None:
        """Let somebody who lost phone and recovery codes set up a new one: an act with a reason.

        Raises:
            Denied: they are not theirs to reset.
            Wrong: there is no reason, or nothing to reset.
        """

        async def act(work: Work) -> None:
            if whom is None or not may_reset(who, whom):
                text = Text(N_("Only the safety department of their school, or the district, resets it."))
                raise Denied("no_right", text, "R3.3")
            actor, other = [await work.store.people.actor_id(one.id) for one in (who, whom)]
            if not reason.strip() or not await work.store.second_factors.remove(other):
                text = Text(N_("Please write why; and only what is in use can be reset."))
                raise Wrong("nothing_to_reset", text, "R3.3")
            await work.store.second_factors.note(actor, other, "reset", reason.strip(), work.now)

        await self._desk.perform(who, About("reset_factor"), act, password)

    async def show(self, who: Person) -> dict[str, Any]:
        """What the page says."""
        whom = [one for one in self._desk.people.all() if may_reset(who, one)]
        async with self._desk.units.begin() as store:
            actor = await store.people.actor_id(who.id)
            having = await store.second_factors.in_use([who.id, *(one.id for one in whom)])
            return {
                "in_use": who.id in having,
                "left": await store.second_factors.recovery_left(actor),
                "whom": [one for one in whom if one.id in having],
                "acts": await store.second_factors.acts([who.id, *(one.id for one in whom)]),
                "names": {one.id: one.name for one in self._desk.people.all()},
            }
