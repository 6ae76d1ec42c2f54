"""Who lets programs in, and with which keys; rights are checked first."""

from collections.abc import Collection, Sequence
from typing import Annotated

from fastapi import Depends

from reelwarden_common.district import PersonRole
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.web import N_, Denied, Missing, Person, Text, Wrong
from reelwarden_report.district.inspector.room import InRoom, Room
from reelwarden_report.district.inspector.tokens import MOST_DAYS, Order, TokenView

KEEPERS = (PersonRole.SAFETY, PersonRole.DISTRICT_OFFICER, PersonRole.DISTRICT_OPERATOR)
"""Who lets programs in: a school's safety department, and those who run the district."""
LONGEST_NAME = 100
_NO_RIGHT = Text(N_("Your account has no right to this."))
_NO_NAME = Text(N_("Please give it a name of at most 100 characters."))
_NO_SCHOOL = Text(N_("Please choose at least one school."))
_BAD_DAYS = Text(N_("Please give it between 1 and %(most)s days."), most=MOST_DAYS)


class Programs:
    """Tokens, as people keep them."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def kept_by(self, person: Person) -> list[str]:
        """The schools whose programs a person keeps; `district`, who keeps those of all.

        Raises:
            Denied: none.
        """
        own = self._room.schools_of(person, *KEEPERS)
        if not own:
            raise Denied("no_right", _NO_RIGHT, "R3.3")
        return [*own, DISTRICT_SCHOOL] if person.holds(DISTRICT_SCHOOL, *KEEPERS) else own

    def must_keep(self, person: Person, schools: Collection[str]) -> None:
        """Whoever opens schools to a program must keep all of them.

        Raises:
            Wrong: none is named.
            Denied: not all of them.
        """
        kept = self.kept_by(person)
        if not schools:
            raise Wrong("no_school", _NO_SCHOOL)
        if not set(schools) <= set(kept):
            raise Denied("no_right", _NO_RIGHT, "R3.3")

    async def make_token(
        self, person: Person, name: str, schools: Sequence[str], days: int
    ) -> tuple[str, str]:
        """A new token, its number and its key.

        Raises:
            Denied: not this person's schools.
            Wrong: no name, no school, or too many days.
        """
        self.must_keep(person, schools)
        if not name.strip() or len(name) > LONGEST_NAME:
            raise Wrong("no_name", _NO_NAME)
        if not 1 <= days <= MOST_DAYS:
            raise Wrong("bad_days", _BAD_DAYS)
        order = Order(name.strip(), tuple(dict.fromkeys(schools)), days, person.id)
        return await self._room.tokens.make(order, self._room.clock())

    async def revoke_token(self, person: Person, token: str) -> None:
        """End a token at once; open streams end within seconds.

        Raises:
            Missing: no such token among this person's.
        """
        room = self._room
        if not await room.tokens.revoke(token, self.kept_by(person), person.id, room.clock()):
            raise Missing

    async def tokens(self, person: Person) -> Sequence[TokenView]:
        """The tokens of this person's schools."""
        return await self._room.tokens.list(self.kept_by(person))


def _keeping(room: InRoom) -> Programs:
    return Programs(room)


Keeping = Annotated[Programs, Depends(_keeping)]
"""For routes that let programs in."""
