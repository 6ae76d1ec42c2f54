"""Who there is, what they may do where, and whether a password is theirs.

The local directory of people (embedded mode) is `district.toml`; passwords are argon2id hashes.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from reelwarden_common import district
from reelwarden_common.district import Grant, PersonRole
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.web.sign_ins import TOLD_EVERY, InMemory, Ledger

AT_ONCE = 2
"""Passwords checked at the same time: each check takes 64 MB and a core on purpose."""


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    id: str
    name: str
    unit: str
    grants: frozenset[Grant]
    stands_in: frozenset[tuple[str, str]] = frozenset()
    """Schools, each with the account of somebody whose deputy this person is now."""

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


@cache
def _nobodys_hash() -> str:
    """Of a password that nobody knows."""
    return PasswordHasher().hash(secrets.token_urlsafe(16))


class People:
    """The directory: finds people and checks passwords."""

    def __init__(self, people: Sequence[district.Person], tries: Ledger | None = None) -> None:
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
        return self._people.get(account)

    def all(self) -> tuple[Person, ...]:
        """Everybody."""
        return tuple(self._people.values())

    def has_left(self, account: str, today: date) -> bool:
        """Whether the last day that `district.toml` gives somebody is over."""
        last = self._last_days.get(account)
        return last is not None and today > last

    def stamp(self, account: str) -> str:
        """Changes with the password: a session from before the change is worth nothing."""
        return hashlib.sha256(self._hashes.get(account, "").encode()).hexdigest()[:16]

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
