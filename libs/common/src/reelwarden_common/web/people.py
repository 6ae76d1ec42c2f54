"""Who there is, what they may do where, and whether a password is theirs.

The local directory of people (embedded mode) is `district.toml`; passwords are argon2id hashes.
"""

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from time import monotonic

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from reelwarden_common import district
from reelwarden_common.district import Grant, PersonRole
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.web.refusals import TooOften

FREE_TRIES = 3
LONGEST_WAIT = 60.0
"""Seconds: long enough to make guessing hopeless, short enough not to lock a person out for a day."""
REMEMBERED = 10_000
AT_ONCE = 2
"""Passwords checked at the same time: each check takes 64 MB and a core on purpose."""


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    id: str
    name: str
    unit: str
    grants: frozenset[Grant]

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


class Throttle:
    """A growing delay per account after wrong passwords; kept by each process for itself."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def check(self, account: str) -> None:
        """Let through, or not yet.

        Raises:
            TooOften: wait first.
        """
        count, last = self._failures.get(account, (0, 0.0))
        if count < FREE_TRIES:
            return
        wait = min(LONGEST_WAIT, 2.0 ** (count - FREE_TRIES)) - (self._now() - last)
        if wait > 0:
            raise TooOften(int(wait) + 1)

    def failed(self, account: str) -> None:
        """Count a wrong password."""
        count = self._failures.pop(account, (0, 0.0))[0] + 1
        self._failures[account] = (count, self._now())
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)

    def passed(self, account: str) -> None:
        """Forget the failures of an account."""
        self._failures.pop(account, None)


@cache
def _nobodys_hash() -> str:
    """Of a password that nobody knows."""
    return PasswordHasher().hash(secrets.token_urlsafe(16))


class People:
    """The directory: finds people and checks passwords."""

    def __init__(self, people: Iterable[district.Person], throttle: Throttle | None = None) -> None:
        self._hashes = {p.id: p.password_hash for p in people}
        self._people = {p.id: Person(p.id, p.name, p.unit, frozenset(p.grants)) for p in people}
        self._hasher = PasswordHasher()
        self._throttle = throttle or Throttle()
        self._turns = asyncio.Semaphore(AT_ONCE)

    def find(self, account: str) -> Person | None:
        """The person of that id."""
        return self._people.get(account)

    def all(self) -> tuple[Person, ...]:
        """Everybody."""
        return tuple(self._people.values())

    def stamp(self, account: str) -> str:
        """Changes with the password: a session from before the change is worth nothing."""
        return hashlib.sha256(self._hashes.get(account, "").encode()).hexdigest()[:16]

    async def verify(self, account: str, password: str) -> Person | None:
        """The person, if the password is right.

        An unknown account takes as long as a known one, so that the answer does not tell who exists.

        Raises:
            TooOften: too many wrong ones before.
        """
        self._throttle.check(account)
        kept = self._hashes.get(account) or _nobodys_hash()
        async with self._turns:
            right = await asyncio.to_thread(self._matches, kept, password)
        if not right or account not in self._people:
            self._throttle.failed(account)
            return None
        self._throttle.passed(account)
        return self._people[account]

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False
