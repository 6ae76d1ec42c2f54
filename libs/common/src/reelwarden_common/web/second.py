"""A second factor at sign-in, where a role keeps one."""

from enum import StrEnum
from typing import Protocol

from reelwarden_common.web.people import Person


class Wanted(StrEnum):
    """What is still missing when the password was right."""

    NOTHING = "nothing"
    CODE = "code"
    ENROLMENT = "enrolment"
    """The person must set one up first."""


class SecondFactor(Protocol):
    """What a role with a second factor tells the sign-in."""

    async def wanted(self, person: Person) -> Wanted:
        """What is still missing from a session that has no second factor."""
        ...

    async def take(self, person: Person, code: str) -> None:
        """Use up a code.

        Raises:
            NotSignedIn: it is wrong, too old, or was used before.
            TooOften: too many wrong ones before.
        """
        ...
