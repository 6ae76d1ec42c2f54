"""What every chapter of the story plays with: the running district, its people, what the recorders wrote."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from reelwarden_local.demo.own import OwnFootage
from reelwarden_local.demo.people import People, Someone
from reelwarden_local.demo.sample import Past, SampleRecorders
from reelwarden_local.demo.story import StoryError
from reelwarden_local.demo.witness import Indexed, Witness
from reelwarden_local.stack import Stack
from reelwarden_local.words import Words

SCHOOL = "s001"
OTHER = "s002"


@dataclass(frozen=True)
class Span:
    """A span of one camera of the first school."""

    camera: str
    start: datetime
    end: datetime

    def covers(self, row: Indexed) -> bool:
        """Whether it touches a segment."""
        return row.camera == self.camera and row.start < self.end and row.end > self.start


@dataclass
class Scene:
    """One performance: on the sample's recorders, or on a copy of the user's own recordings."""

    stack: Stack
    witness: Witness
    people: People
    state: Path
    sample: SampleRecorders | None
    past: Past | None
    own: OwnFootage | None
    viewed: Span
    """What the teacher asks to view."""
    copied: Span
    """What the police ask a copy of."""
    applications: dict[str, str] = field(default_factory=dict)
    _entered: dict[str, Someone] = field(default_factory=dict)

    async def person(self, name: str) -> Someone:
        """A person, logged in once."""
        if name not in self._entered:
            self._entered[name] = await self.people.enter(name)
        return self._entered[name]


def sample_spans(past: Past) -> tuple[Span, Span]:
    """A viewing from inside one segment across the gap into another; a copy of half of the old footage."""
    inside = timedelta(seconds=3)
    viewed = Span(
        "gate", past.gap_from - timedelta(seconds=20) + inside, past.gap_to + timedelta(seconds=20) + inside
    )
    copied = Span(
        "playground", past.expired_from + inside, past.expired_from + timedelta(seconds=40) - inside
    )
    return viewed, copied


def own_spans(rows: list[Indexed]) -> tuple[Span, Span]:
    """From the user's footage: at most two minutes from inside its newest segment but one, and of its oldest.

    Raises:
        StoryError: nothing of it could be indexed.
    """
    if not rows:
        raise StoryError(
            Words(
                "副本中没有一个文件可以编目；看板上列有不能用的文件和原因",
                "none of the copied files could be indexed; the dashboard lists them with the reasons",
            )
        )
    ordered = sorted(rows, key=lambda row: row.start)
    newest, oldest = ordered[-1], ordered[0]
    return _within(newest), _within(oldest)


def _within(row: Indexed) -> Span:
    length = row.end - row.start
    start = row.start + min(length / 4, timedelta(seconds=3))
    end = min(row.end - length / 4, start + timedelta(minutes=2))
    return Span(row.camera, start, end)
