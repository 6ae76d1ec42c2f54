"""Who lets programs in, and with which keys; rights are checked first."""

from collections.abc import Collection, Sequence
from typing import Annotated

from fastapi import Depends

from reelwarden_common.district import PersonRole
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.web import N_, Denied, Missing, Person, Text, Wrong
from reelwarden_report.district.inspector.room import InRoom, Room
from reelwarden_report.district.inspector.tokens import MOST_DAYS, Order, TokenView
from reelwarden_report.district.inspector.webhooks import WebhookOrder, WebhookView
from reelwarden_report.telling.addresses import BadAddress, Target
from reelwarden_report.telling.wanted import unknown

KEEPERS = (PersonRole.SAFETY, PersonRole.DISTRICT_OFFICER, PersonRole.DISTRICT_OPERATOR)
"""Who lets programs in: a school's safety department, and those who run the district."""
LONGEST_NAME = 100
UNKNOWN_TYPE = N_("There are no events of this kind: %(kind)s")
TEST = N_("This is a test of Reelwarden: messages arrive here.")
_BAD_ADDRESS = N_("Nothing is sent to this address: %(why)s")
_NO_RIGHT = Text(N_("Your account has no right to this."))
_NO_NAME = Text(N_("Please give it a name of at most 100 characters."))
_NO_SCHOOL = Text(N_("Please choose at least one school."))
_BAD_DAYS = Text(N_("Please give it between 1 and %(most)s days."), most=MOST_DAYS)


def must_be_outside(url: str, *, private: bool) -> None:
    """Refuse an address that nothing may be sent to.

    Raises:
        Wrong: it says why.
    """
    try:
        Target.read(url, private=private)
    except BadAddress as error:
        raise Wrong("bad_address", Text(_BAD_ADDRESS, why=str(error))) from error


class Programs:
    """Tokens and webhooks, as people keep them."""

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

    async def make_webhook(self, person: Person, order: WebhookOrder) -> tuple[str, str]:
        """A new webhook, its number and its secret.

        Raises:
            Denied: not this person's schools.
            Wrong: no name, an address inside, a kind of events that does not exist.
        """
        room = self._room
        self.must_keep(person, order.schools)
        if not order.name.strip() or len(order.name) > LONGEST_NAME:
            raise Wrong("no_name", _NO_NAME)
        if wrong := unknown(order.types):
            raise Wrong("unknown_type", Text(UNKNOWN_TYPE, kind=wrong[0]))
        must_be_outside(order.url, private=room.settings.webhook_private)
        return await room.webhooks.make(order, room.clock())

    async def webhooks(self, person: Person) -> Sequence[WebhookView]:
        """The webhooks of this person's schools."""
        return await self._room.webhooks.list(self.kept_by(person))

    async def change_webhook(self, person: Person, webhook: str, act: str) -> None:
        """Test, pause, resume, send again, or remove one.

        Raises:
            Missing: no such webhook among this person's, or no such act.
        """
        room, now = self._room, self._room.clock()
        found = await room.webhooks.find(webhook, self.kept_by(person))
        if found is None:
            raise Missing
        if act == "test":
            await room.webhooks.test(found, room.web.say_in(found.language, TEST), now)
        elif act in ("pause", "resume"):
            await room.webhooks.pause(webhook, now if act == "pause" else None)
        elif act == "again":
            await room.webhooks.again(webhook, now)
        elif act == "remove":
            await room.webhooks.remove(webhook, now)
        else:
            raise Missing


def _keeping(room: InRoom) -> Programs:
    return Programs(room)


Keeping = Annotated[Programs, Depends(_keeping)]
"""For routes that let programs in."""
