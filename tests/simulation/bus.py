"""The bus: streams at each school and at the hub, a line between them, and consumers that hear at least once.

Within a stream the first delivery is in order; lost acknowledgements, failures and publishers that did not
see theirs bring a message again, later. Streams do not wait for each other.
"""

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache

from reelwarden_common.envelope import Message
from reelwarden_common.events import by_type
from reelwarden_common.messaging.topology import Place, Stream, role, stream_of, subscriptions

HUB = "hub"
UP = (Stream.FOOTAGE, Stream.SITE)
REDELIVERED = timedelta(seconds=30)


@cache
def _stream(ce_type: str, speaker: str) -> Stream:
    kind = by_type(ce_type)
    assert kind is not None
    return stream_of(kind, role(speaker))


@cache
def _heard_by(listener: str, school: str) -> dict[Stream, frozenset[str]]:
    found = subscriptions(role(listener), school)
    return {stream: frozenset(subjects) for stream, subjects in found.items()}


@dataclass
class Waiting:
    """A message that a consumer has not acknowledged."""

    message: Message
    tries: int = 0


@dataclass
class Consumer:
    """One role's place in one stream."""

    position: int = 0
    again: list[Waiting] = field(default_factory=list)


class Bus:
    """Everything that was ever said, and who heard it."""

    def __init__(self, schools: Iterable[str], chance: random.Random) -> None:
        self.schools, self.chance = tuple(schools), chance
        self.streams: dict[tuple[str, Stream], list[Message]] = defaultdict(list)
        self.consumers: dict[tuple[str, str, Stream], Consumer] = defaultdict(Consumer)
        self.up: dict[tuple[str, Stream], int] = defaultdict(int)
        self.down: dict[str, int] = defaultdict(int)
        self.cut: set[str] = set()
        """Schools whose line is down."""
        self.dead: list[tuple[str, Message, str]] = []
        """Dead letters: role, message, why."""

    def publish(self, place: str, message: Message) -> None:
        """Take a message in at a school or at the hub."""
        speaker = message.subject.split(".")[2]
        self.streams[place, _stream(message.headers["ce-type"], speaker)].append(message)

    def carry(self, school: str, at_most: int) -> int:
        """What intake takes up and sourcing brings down, while the line holds; tells how many."""
        if school in self.cut:
            return 0
        carried = 0
        for stream in UP:
            said = self.streams[school, stream]
            first = self.up[school, stream]
            part = said[first : first + at_most]
            self.streams[HUB, stream].extend(part)
            self.up[school, stream] += len(part)
            carried += len(part)
        said = self.streams[HUB, Stream.DISTRICT]
        part = said[self.down[school] : self.down[school] + at_most]
        self.down[school] += len(part)
        wanted = f"rw.{school}."
        self.streams[school, Stream.DISTRICT].extend(one for one in part if one.subject.startswith(wanted))
        return carried + len(part)

    def intake_forgets(self, school: str, how_many: int) -> None:
        """Intake lost its memory of the last ones, and brings them again."""
        for stream in UP:
            self.up[school, stream] = max(0, self.up[school, stream] - how_many)

    def take(self, place: str, listener: str, at_most: int) -> list[tuple[Stream, Waiting]]:
        """Messages for a role, of one stream, in their order or (chance) the ones that come again first."""
        school = "*" if role(listener).place is Place.DISTRICT else place
        streams = list(_heard_by(listener, school))
        self.chance.shuffle(streams)
        for stream in streams:
            consumer = self.consumers[place, listener, stream]
            if consumer.again and (self.chance.random() < 0.3 or not self._left(place, listener, stream)):
                number = self.chance.randrange(len(consumer.again))
                return [(stream, consumer.again.pop(number))]
            if found := self._next(place, listener, stream, at_most):
                return [(stream, Waiting(one)) for one in found]
        return []

    def _left(self, place: str, listener: str, stream: Stream) -> int:
        return len(self.streams[place, stream]) - self.consumers[place, listener, stream].position

    def _next(self, place: str, listener: str, stream: Stream, at_most: int) -> list[Message]:
        consumer, said = self.consumers[place, listener, stream], self.streams[place, stream]
        school = "*" if role(listener).place is Place.DISTRICT else place
        wanted = _heard_by(listener, school)[stream]
        found: list[Message] = []
        while consumer.position < len(said) and len(found) < at_most:
            one = said[consumer.position]
            consumer.position += 1
            if one.subject in wanted or (school == "*" and _any_school(one.subject) in wanted):
                found.append(one)
        return found

    def again(self, place: str, listener: str, stream: Stream, waiting: Waiting) -> None:
        """It was not acknowledged."""
        self.consumers[place, listener, stream].again.append(waiting)

    def pending(self, place: str, listener: str) -> bool:
        """Whether anything waits for a role."""
        school = "*" if role(listener).place is Place.DISTRICT else place
        return any(
            self._left(place, listener, stream) > 0 or self.consumers[place, listener, stream].again
            for stream in _heard_by(listener, school)
        )

    def waiting(self) -> bool:
        """Whether anything is left to be carried or heard."""
        return bool(self.again_or_left()) or any(
            self.up[school, stream] < len(self.streams[school, stream])
            for school in self.schools
            for stream in UP
        )

    def again_or_left(self) -> list[str]:
        """Consumers that have not heard or confirmed all."""
        return [
            f"{place}/{listener}"
            for (place, listener, stream), one in self.consumers.items()
            if one.again or one.position < len(self.streams[place, stream])
        ]

    def play_again(self, listeners: Iterable[str]) -> None:
        """Let roles at the district hear again all that the hub still has."""
        for (place, listener, _), one in self.consumers.items():
            if place == HUB and listener in listeners:
                one.position = 0


@cache
def _any_school(subject: str) -> str:
    _, _, rest = subject.removeprefix("rw.").partition(".")
    return f"rw.*.{rest}"
