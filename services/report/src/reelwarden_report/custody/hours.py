"""Ingest in the custody log: one entry for each hour of a school's footage, not one for each message.

Until an hour is over, what was told of it waits beside the log; then the entry says of each camera how many
segments began in it, from when to when, and their digest. Who has the segments' own lines (`camera start end
digest id`, as `told` writes them) can show by `LC_ALL=C sort | sha256sum` that they are the ones in the log.
Footage that is told later, after an outage, makes one more entry of its hour.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import rfc8785

from reelwarden_common.events.ingest import Segment, SegmentsRecorded
from reelwarden_common.identity import digest_of
from reelwarden_report.custody.leaves import VERSION, Leaf, hulls, written

HOUR = timedelta(hours=1)
TYPE = "reelwarden.custody.hour.v1"
"""It records no event of the bus, but all of `scanner.segment.recorded` in an hour."""
_LAST = datetime(9000, 1, 1, tzinfo=UTC)
"""Clocks that lie say anything: what is later counts as of this hour."""
GIVEN_UP = 8
"""After so many quiet times an hour is written although it is not over: a clock that lies in the future."""


@dataclass(frozen=True)
class Waiting:
    """An hour of a school's footage that is not in the log yet."""

    school: str
    hour: datetime
    heard: datetime
    """When something was told of it last."""

    def is_closed(self, now: datetime, quiet: timedelta) -> bool:
        """Whether nothing more is to be expected: the hour is over, and nothing came for a while."""
        silent = now - self.heard
        return silent >= quiet and (now >= self.hour + HOUR + quiet or silent >= GIVEN_UP * quiet)


def told(event: SegmentsRecorded) -> Mapping[datetime, list[str]]:
    """The segments of one message as lines, by the hour in which they begin."""
    found: dict[datetime, list[str]] = {}
    for one in event.segments:
        hour = min(one.start.astimezone(UTC), _LAST).replace(minute=0, second=0, microsecond=0)
        found.setdefault(hour, []).append(_line(one))
    return found


def _line(one: Segment) -> str:
    return f"{one.camera} {written(one.start)} {written(one.end)} {one.digest} {one.id}"


def hour_leaf(waiting: Waiting, lines: Iterable[str], by: str) -> Leaf:
    """The entry for an hour of a school's footage, as `by` (notary or registrar) heard of it."""
    unique = sorted(set(lines))
    of: dict[str, list[str]] = {}
    for line in unique:
        of.setdefault(line.partition(" ")[0], []).append(line)
    parts = [line.split(" ") for line in unique]
    spans = hulls((one[0], datetime.fromisoformat(one[1]), datetime.fromisoformat(one[2])) for one in parts)
    body = digest_of(unique)
    cameras: list[dict[str, Any]] = [
        {
            "camera": span.camera,
            "count": len(of[span.camera]),
            "from": written(span.start),
            "to": written(span.end),
            "segments": digest_of(of[span.camera]),
        }
        for span in spans
    ]
    event = f"hour-{waiting.hour.astimezone(UTC):%Y%m%dT%H}-{body[:16]}"
    entry: dict[str, Any] = {
        "v": VERSION,
        "event": event,
        "type": TYPE,
        "school": waiting.school,
        "by": by,
        "at": written(waiting.hour + HOUR),
        "facts": {"hour": written(waiting.hour), "count": len(unique), "cameras": cameras},
        "body": body,
    }
    return Leaf(event, rfc8785.dumps(entry).decode(), (), spans)
