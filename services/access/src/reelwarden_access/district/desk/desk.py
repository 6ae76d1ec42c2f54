"""One act of one person at the desk: signed where it must be, in one transaction, refusals recorded."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from reelwarden_access.district.desk.application import Actor, Application, Rules
from reelwarden_access.district.desk.attempts import WITHIN, is_slip
from reelwarden_access.district.desk.domain import check_digest, required
from reelwarden_access.district.desk.extension import Extension
from reelwarden_access.district.desk.rule_set import in_force
from reelwarden_access.district.desk.store import DeskStore
from reelwarden_common.district import DistrictConfig, PersonRole
from reelwarden_common.events.access import AccessDenied
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.messaging.units import Units
from reelwarden_common.web import Denied, People, Person, Text
from reelwarden_common.web.people import Voucher
from reelwarden_common.web.refusals import NoPassword
from reelwarden_common.web.signing import keys
from reelwarden_common.web.signing.passkeys import Assertion, Proof
from reelwarden_common.web.text import N_

T = TypeVar("T")


@dataclass(frozen=True)
class Work:
    """What an act works with: one transaction, the configuration, one moment."""

    store: DeskStore
    config: DistrictConfig
    rules: Rules
    who: Person
    now: datetime
    own_key: dict[str, Any] | None = None
    """What the person's own key signed, where they signed with one; kept with the signature."""

    async def actor(self, school: str) -> Actor:
        """Whoever acts, with the roles that count at a school."""
        number = await self.store.people.actor_id(self.who.id)
        roles = frozenset(self.who.roles_at(school))
        leaders = [account for where, account in self.who.stands_in if where == school]
        stands_for = frozenset([await self.store.people.actor_id(account) for account in leaders])
        return Actor(number, self.who.id, self.who.name, self.who.unit, roles, stands_for)

    def check_shown(self, given: str, now: str) -> None:
        """What was signed is what is there now; programs that give the password need not say what they saw.

        Raises:
            Wrong: it has changed since it was shown.
        """
        if given or self.own_key:
            check_digest(given, now)

    async def lock(self, application: str) -> tuple[Application, Actor]:
        """An application that nobody else changes meanwhile, and whoever acts on it."""
        found = await self.load(application, lock=True)
        return found, await self.actor(found.school)

    async def load(self, application: str, *, lock: bool = False) -> Application:
        """An application, with what its school has set."""
        found = await self.store.applications.load(application, lock=lock)
        return self.at_school(found)

    def at_school(self, application: Application) -> Application:
        """With what its school has set."""
        school = self.config.school(application.school)
        return replace(application, opinion_first=school.opinion_first, few_people=school.few_people)

    async def lock_extension(self, extension: str) -> tuple[Extension, Actor]:
        """The same of an extension of retention."""
        found = await self.store.extensions.load(extension, lock=True)
        return found, await self.actor(found.school)


@dataclass(frozen=True)
class About:
    """What an act is about: for the record of a refusal."""

    act: str
    school: str | None = None
    application: str | None = None
    extension: str | None = None
    viewing: str | None = None
    sweep: str | None = None
    segment: str | None = None


_OFFICERS = (PersonRole.SAFETY, PersonRole.LEADER)
"""They close violations at their school, or are over those who do: the district looks at their attempts."""


def school_of_refusal(
    concerned: str | None, who: Person, schools: Collection[str], *, of_district: bool = False
) -> str:
    """Who looks at a refused attempt: the school it concerns, else that of whoever tried, else the district.

    Where no school is concerned, or only the district may do it, officers do not judge their own.

    Args:
        concerned: The school of what was asked for; None where it is of no one school, or does not exist.
        who: Whoever tried; somebody of several schools, or of none, is the district's to look at.
        schools: Those of `district.toml`.
        of_district: Only the district may do what was tried.
    """
    if concerned in schools and not (of_district and who.holds(str(concerned), *_OFFICERS)):
        return str(concerned)
    own = {grant.school for grant in who.grants}
    return own.pop() if len(own) == 1 and not who.holds_somewhere(*_OFFICERS) else DISTRICT_SCHOOL


async def _concerned(store: DeskStore, about: About) -> tuple[str | None, str | None]:
    """The application and the school that an act is about, as far as they exist."""
    application, school = about.application, about.school
    if about.viewing is not None and (viewing := await store.retrievals.viewing(about.viewing)):
        application = viewing.application
    if about.extension is not None:
        school = await store.extensions.school_of(about.extension)
    if about.sweep is not None:
        school = await store.alarms.sweep_school(about.sweep)
    if about.segment is not None:
        school = await store.alarms.lost_school(about.segment)
    of_application = await store.applications.school_of(application) if application else None
    return application if of_application else None, of_application or school


_OWN_SETTINGS = {"keys", "second_factor"}
"""Acts that whoever has no password here does after a fresh sign-in; all others need their own key."""


def _same_guest(voucher: Voucher, act: str) -> None:
    own = act in _OWN_SETTINGS
    if not own or not voucher.is_fresh(datetime.now(UTC)):
        raise NoPassword(fresh=own)


class Desk:
    """Lets people act.

    Args:
        units: Transactions on the desk's schema.
        config: `district.toml`.
        rules: The numbers of R4.4, where the rule set in force says nothing else.
        people: Checks passwords again where somebody signs.
    """

    def __init__(self, units: Units[DeskStore], config: DistrictConfig, rules: Rules, people: People) -> None:
        self.units = units
        self.config = config
        self._settings = rules
        self.rules = rules
        """As they were in force when last looked at."""
        self.people = people

    async def perform(
        self,
        who: Person,
        about: About,
        act: Callable[[Work], Awaitable[T]],
        proof: Proof | None = None,
    ) -> T:
        """Do it, after the password or the own key was checked where one is given: what is signed needs it.

        Raises:
            Denied: a rule forbids it; the attempt is in the records and on the bus.
            Wrong: something is missing or does not fit.
            TooOften: too many wrong passwords.
        """
        try:
            own_key = await self._same_person(who, about, proof) if proof is not None else None
            async with self.units.begin() as store:
                return await act(await self._work(store, who, own_key))
        except Denied as refusal:
            await self._record(who, about, refusal)
            raise

    async def _same_person(self, who: Person, about: About, proof: Proof) -> dict[str, Any] | None:
        if isinstance(proof, Assertion):
            async with self.units.begin() as store:
                actor = await store.people.actor_id(who.id)
                return await keys.proven(store.passkeys, actor, about.act, proof, store.clock())
        if who.voucher:
            _same_guest(who.voucher, about.act)
        else:
            await self.same_password(who, proof)
        return None

    async def same_password(self, who: Person, password: str) -> None:
        """Check that it is they who sit there.

        Raises:
            Denied: it is not their password.
        """
        required({N_("Password"): password})
        if await self.people.verify(who.id, password) is None:
            text = Text(N_("The password is wrong, so nothing was signed (R4.2)."))
            raise Denied("wrong_password", text, "R4.2")

    async def guessed_at(self, who: Person) -> None:
        """Somebody keeps trying passwords for an account: for the safety department to look at (R3.3)."""
        refused = Denied("guessed_at", Text(N_("Too many wrong passwords at the sign-in page.")), "R3.3")
        await self._record(who, About("sign_in"), refused)

    async def _work(self, store: DeskStore, who: Person, own_key: dict[str, Any] | None) -> Work:
        now = store.clock()
        return Work(store, self.config, await self._rules_at(store, now), who, now, own_key)

    async def _rules_at(self, store: DeskStore, now: datetime) -> Rules:
        self.rules = in_force(self._settings, await store.people.rule_settings(now))
        return self.rules

    async def heed_rules(self) -> None:
        """Take what the rule set in force says (R6), also while nobody acts."""
        async with self.units.begin() as store:
            await self._rules_at(store, store.clock())

    async def _record(self, who: Person, about: About, refusal: Denied) -> None:
        async with self.units.begin() as store:
            application, school = await _concerned(store, about)
            school = school_of_refusal(
                school, who, {s.id for s in self.config.schools}, of_district=about.sweep is not None
            )
            actor = await store.people.actor_id(who.id)
            await store.people.one_at_a_time(actor)
            now = store.clock()
            before = await store.alarms.refusals(actor, refusal.code, now - WITHIN)
            denied = AccessDenied(
                actor=actor,
                act=about.act,
                rule=refusal.rule or "R3.3",
                application=application,
                slip=is_slip(refusal.code, before),
            )
            await store.alarms.denied(school, denied, refusal.code, now)
            store.publish(school, denied)
