"""Which events a program asks for: of which schools, and of which kinds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reelwarden_common import events
from reelwarden_common.events.base import DISTRICT_SCHOOL, Event
from reelwarden_common.messaging.topology import FOLLOWED, Stream, speakers, stream_of

PREFIX = "reelwarden."


def unknown(types: Iterable[str]) -> list[str]:
    """Those of some kinds that no event is of."""
    return [kind for kind in types if not any(_is(kind, event.ce_type()) for event in events.ALL)]


def _is(kind: str, ce_type: str) -> bool:
    """Whether `inspector.finding`, with or without `reelwarden.` before it, names an event's type."""
    return f"{ce_type}.".startswith(f"{PREFIX}{kind.removeprefix(PREFIX)}.")


@dataclass(frozen=True)
class Wanted:
    """A choice of events."""

    schools: frozenset[str]
    """`district` among them: all schools, and what concerns none."""
    types: tuple[str, ...] = ()
    """Beginnings of types, whole words: `inspector`, `inspector.finding`; none given: all."""

    def takes(self, school: str, ce_type: str) -> bool:
        """Whether an event is among them."""
        return self._of(school) and self._kind(ce_type)

    def _of(self, school: str) -> bool:
        return DISTRICT_SCHOOL in self.schools or school in self.schools

    def _kind(self, ce_type: str) -> bool:
        return not self.types or any(_is(kind, ce_type) for kind in self.types)

    @property
    def subject(self) -> str:
        """The narrowest subject that all of them have."""
        one = len(self.schools) == 1 and DISTRICT_SCHOOL not in self.schools
        return f"rw.{next(iter(self.schools))}.>" if one else "rw.>"

    @property
    def streams(self) -> tuple[Stream, ...]:
        """Where they are kept."""
        kinds = [event for event in events.ALL if self._kind(event.ce_type())]
        return tuple(stream for stream in FOLLOWED if any(_kept_in(stream, event) for event in kinds))


def _kept_in(stream: Stream, event: type[Event]) -> bool:
    return any(stream_of(event, speaker) is stream for speaker in speakers(event))


def types_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Kinds as somebody wrote them: separated by commas, spaces or lines."""
    words = [word for text in texts for word in text.replace(",", " ").split()]
    return tuple(dict.fromkeys(word.removeprefix(PREFIX) for word in words))
