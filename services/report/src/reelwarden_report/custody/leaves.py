"""What a custody log writes down of an event: canonical JSON (RFC 8785) without any personal data.

An entry names the event, its time and its facts, and binds the whole event by `body`, its SHA-256: whoever
has the event can show that it is the one in the log. Lists of segments are entered as count and digest, so
that one message of two hundred is one short entry. Free text and file paths are left out: they might name a
person. People appear as the desk numbers them.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import rfc8785

from reelwarden_common.envelope import Envelope
from reelwarden_common.events import backup, ingest, retention
from reelwarden_common.events.base import CameraSpan, Event
from reelwarden_common.identity import digest_of

VERSION = 1
_FREE_TEXT = {"detail", "details", "locator", "was", "note", "failing", "exceptions"}
_LONGEST_LIST = 16
_LAST = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)


@dataclass(frozen=True)
class Leaf:
    """One entry to be appended: its text, the event it records, and what it is about."""

    event: str
    text: str
    about: tuple[str, ...]
    """Applications, extensions, holds and people by which it can be found again."""
    spans: tuple[CameraSpan, ...] = ()
    """Footage that it speaks of; of many items the first start and the last end of each camera."""


class _Listed(Protocol):
    @property
    def digest(self) -> str | None: ...


def leaf(event: Event, envelope: Envelope) -> Leaf:
    """The entry for one event."""
    body, spans = event.model_dump(mode="json"), spans_of(event)
    entry: dict[str, Any] = {
        "v": VERSION,
        "event": envelope.id,
        "type": envelope.type,
        "school": envelope.school,
        "by": envelope.role,
        "at": envelope.time.isoformat().replace("+00:00", "Z"),
        "facts": _summary(event, spans) or _plain(body),
        "body": hashlib.sha256(rfc8785.dumps(body)).hexdigest(),
    }
    return Leaf(envelope.id, rfc8785.dumps(entry).decode(), _about(event), spans)


def _items(
    items: Sequence[_Listed], ids: Iterable[str], cameras: Iterable[str | None] = ()
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "count": len(items),
        "segments": digest_of(ids),
        "contents": digest_of(one.digest or "" for one in items),
    }
    return found | {"cameras": sorted({one for one in cameras if one})}


def _summary(event: Event, spans: Sequence[CameraSpan]) -> dict[str, Any] | None:
    """Count, digests, and first and last moment for events that carry many items; None for all others."""
    found: dict[str, Any] | None = None
    match event:
        case ingest.SegmentsLost(segments=items):
            found = _items(items, (one.id for one in items), (one.camera for one in items))
        case ingest.SegmentsRejected(files=items):
            found = _items(items, (one.id for one in items), (one.camera for one in items))
            found["reasons"] = sorted({one.reason for one in items})
        case retention.SegmentsErased(certificates=items):
            found = _items(items, (one.segment for one in items), (one.camera for one in items))
            found["plans"] = sorted({one.plan for one in items})
        case backup.ObjectsErased(objects=items):
            found = _items(items, (one.segment for one in items), (one.camera for one in items))
        case backup.ObjectVerified(objects=ids):
            found = {"count": len(ids), "segments": digest_of(ids), "bytes": event.bytes}
        case retention.PlanIssued():
            found = {"epoch": event.epoch, "version": event.version, "plan": event.digest, "key": event.key}
    if found is not None and spans:
        found |= {
            "from": written(min(one.start for one in spans)),
            "to": written(max(one.end for one in spans)),
        }
    return found


def written(moment: datetime) -> str:
    """A moment as entries have it: UTC, with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """The event's own fields, but for free text; long lists become count and digest."""
    return {key: _short(item) for key, item in value.items() if key not in _FREE_TEXT}


def _short(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return _plain(value)
    if isinstance(value, list):
        if len(value) > _LONGEST_LIST:
            return {"count": len(value), "digest": hashlib.sha256(rfc8785.dumps(value)).hexdigest()}
        return [_short(item) for item in value]
    return value


PERSON = "person:"
"""Before the desk's number of a person, so that it is no application's."""
_PEOPLE = ("applicant", "approver", "signer", "actor", "by", "retriever", "supervisor", "person")


def spans_of(event: Event) -> tuple[CameraSpan, ...]:
    """The footage that an event speaks of; of many items a span per camera, from first start to last end."""
    match event:
        case (
            ingest.SegmentsLost(segments=items)
            | retention.SegmentsErased(certificates=items)
            | backup.ObjectsErased(objects=items)
        ):
            return hulls((one.camera, one.start, one.end) for one in items)
        case ingest.SegmentsRejected(files=files):
            return hulls((one.camera, *_moment(one.file_time)) for one in files if one.camera)
        case ingest.SegmentAltered() | backup.ObjectRestored():
            return hulls([(event.camera, *_moment(event.start))])
        case (
            retention.HoldAsked(hold=hold)
            | retention.HoldDecided(hold=hold)
            | retention.HoldFrozen(hold=hold)
        ):
            return (hold.span,)
    found = getattr(event, "spans", ())
    return tuple(one for one in found if isinstance(one, CameraSpan))


def _moment(start: datetime) -> tuple[datetime, datetime]:
    """A span for what has a beginning only; clocks that lie say anything."""
    return start, min(start, _LAST) + timedelta(milliseconds=1)


def hulls(spans: Iterable[tuple[str, datetime, datetime]]) -> tuple[CameraSpan, ...]:
    """For each camera the span from its first start to its last end."""
    found: dict[str, tuple[datetime, datetime]] = {}
    for camera, start, end in spans:
        first, last = found.get(camera, (start, end))
        found[camera] = (min(first, start), max(last, end))
    return tuple(CameraSpan(camera=one, start=a, end=b) for one, (a, b) in sorted(found.items()))


def _about(event: Event) -> tuple[str, ...]:
    found: list[str] = []
    for name in _PEOPLE:
        who = getattr(event, name, None)
        found += [PERSON + who] if isinstance(who, str) else []
    found += [PERSON + who for who in getattr(event, "approvers", ())]
    for name in ("application", "extension", "cause", "hold", "number"):
        value = getattr(event, name, None)
        if isinstance(value, retention.Hold):
            found += [value.id, value.cause]
        elif isinstance(value, str):
            found.append(value)
    return tuple(dict.fromkeys(found))


MEASURES: tuple[type[Event], ...] = (ingest.StorageMeasured, backup.BacklogMeasured)
"""Heard, but no act on footage: they do not enter the log."""
