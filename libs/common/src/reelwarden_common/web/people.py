"""Who there is, what they may do where, and whether a password is theirs.

The local directory of people (embedded mode) is `district.toml`; passwords are argon2id hashes.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from reelwarden_common import district
from reelwarden_common.district import OIDC_ACCOUNT, Grant, OidcGrant, PersonRole
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.web.sign_ins import TOLD_EVERY, InMemory, Ledger

FRESH = timedelta(minutes=5)
AT_ONCE = 2
"""Passwords checked at the same time: each check takes 64 MB and a core on purpose."""


@dataclass(frozen=True)
class Voucher:
    """What the district's sign-in service said of somebody who has no password here."""

    rules: tuple[int, ...]
    """Which of `[[oidc.grants]]` fit, counted from 0."""
    proven_at: datetime | None
    """When they last proved there who they are, if it says."""

    def is_fresh(self, now: datetime) -> bool:
        """Whether they proved it just now: what a password given again is for others."""
        return self.proven_at is not None and now - self.proven_at <= FRESH


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    id: str
    name: str
    unit: str
    grants: frozenset[Grant]
    stands_in: frozenset[tuple[str, str]] = frozenset()
    """Schools, each with the account of somebody whose deputy this person is now."""
    voucher: Voucher | None = field(default=None, compare=False)
    """Of whoever signed in elsewhere; None: they have a password here."""

    def holds(self, school: str, *roles: PersonRole) -> bool:
        """Whether the person has one of the roles at a school; district roles count everywhere."""
        return any(g.role in roles and g.school in (school, DISTRICT_SCHOOL) for g in self.grants)

    def holds_somewhere(self, *roles: PersonRole) -> bool:
        """Whether the person has one of the roles at any school."""
        return any(g.role in roles for g in self.grants)

    def schools(self, *roles: PersonRole) -> frozenset[str]:
        """Where the person has one of the roles; `district` for the district's."""
        return frozenset(g.school for g in self.grants if g.role in roles)

    def roles_at(self, school: str) -> tuple[PersonRole, ...]:
        """The person's roles there, those of the district included, in the order of the list of roles."""
        held = {g.role for g in self.grants if g.school in (school, DISTRICT_SCHOOL)}
        return tuple(role for role in PersonRole if role in held)


def _short_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _nobodys_hash() -> str:
    """Of a password that nobody knows."""
    return PasswordHasher().hash(secrets.token_urlsafe(16))


class People:
    """The directory: finds people and checks passwords."""

    def __init__(
        self, people: Sequence[district.Person], tries: Ledger | None = None, rules: Sequence[OidcGrant] = ()
    ) -> None:
        self._rules = tuple(rules)
        self._rules_stamp = _short_digest(repr(self._rules))
        self._vouched: dict[str, Person] = {}
        self._hashes = {p.id: p.password_hash for p in people}
        self._people = {p.id: Person(p.id, p.name, p.unit, frozenset(p.grants)) for p in people}
        self._last_days = {p.id: p.until for p in people if p.until is not None}
        self._hasher = PasswordHasher()
        self._tries = tries or InMemory()
        self.tell: Callable[[Person], Awaitable[None]] | None = None
        """Told whose account somebody keeps trying to sign in to."""
        self._turns = asyncio.Semaphore(AT_ONCE)

    def find(self, account: str) -> Person | None:
        """The person of that id."""
        return self._people.get(account) or self._vouched.get(account)

    def all(self) -> tuple[Person, ...]:
        """Everybody, with those from the district's sign-in service who came since this role began."""
        return (*self._people.values(), *self._vouched.values())

    def vouched_for(self, account: str, name: str, unit: str, voucher: Voucher) -> Person:
        """Somebody from the district's sign-in service, with the roles that `district.toml` gives them."""
        grants = frozenset(grant for rule in voucher.rules for grant in self._rules[rule].grants)
        person = Person(account, name, unit, grants, voucher=voucher)
        if grants:
            self._vouched[account] = person
        return person

    def has_left(self, account: str, today: date) -> bool:
        """Whether the last day that `district.toml` gives somebody is over."""
        last = self._last_days.get(account)
        return last is not None and today > last

    def stamp(self, account: str) -> str:
        """Changes with the password, or the meaning of claims: a session from before is worth nothing."""
        if account.startswith(OIDC_ACCOUNT):
            return self._rules_stamp
        return _short_digest(self._hashes.get(account, ""))

    async def verify(
        self, account: str, password: str, at: Literal["sign-in", "act"] = "act"
    ) -> Person | None:
        """The person, if the password is right.

        An unknown account takes as long as a known one, so that the answer does not tell who exists. Wrong
        passwords at the sign-in page keep nobody who is signed in from signing, nor the other way round.

        Raises:
            TooOften: too many wrong ones before.
        """
        key = f"{at}:{account}"
        kept = self._hashes.get(account) or _nobodys_hash()
        async with self._turns:
            await self._tries.check(key)
            right = await asyncio.to_thread(self._matches, kept, password)
            person = self.find(account) if right else None
            if person is not None:
                await self._tries.passed(key)
                return person
            count = await self._tries.failed(key)
        whose = self.find(account)
        if whose and self.tell and at == "sign-in" and count % TOLD_EVERY == 0:
            await self.tell(whose)
        return None

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False
