"""CloudEvents in binary mode over NATS: what a message's headers say, and who may have said it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import ValidationError

from reelwarden_common.errors import Refused
from reelwarden_common.events import by_type
from reelwarden_common.events.base import ANY_ROLE, ID_PATTERN, Event

MAX_BODY = 240 * 1024
"""Bytes; schools may not send more than 256 KB with headers (topology.md)."""
_SUBJECT_TOKEN = re.compile(ID_PATTERN)
_SUBJECT_TOKENS = 5
MAX_ID = 128
_EVENT_ID = re.compile(rf"[!-~]{{1,{MAX_ID}}}")


class Malformed(Refused):
    """The message is not one of ours: its sender, or somebody between, is at fault."""


@dataclass(frozen=True)
class Envelope:
    """Where and when an event was said, by whom; `school` is from the subject, which the bus guards."""

    id: str
    type: str
    school: str
    role: str
    time: datetime
    traceparent: str | None = None

    @property
    def key(self) -> str:
        """What an inbox knows it by: another speaker's event with the same id is another event."""
        return f"{self.school}.{self.role}.{self.id}"


@dataclass(frozen=True)
class Message:
    """An event ready to be published."""

    subject: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The event's id, which is also the stream's key against doubles."""
        return self.headers["ce-id"]


def encode(
    event: Event, *, school: str, role: str, event_id: str, time: datetime, traceparent: str | None = None
) -> Message:
    """Put an event into its envelope.

    Raises:
        Malformed: the body is larger than the bus takes, `role` may not publish this event, or no bus takes
            its subject.
    """
    if event.role() not in (role, ANY_ROLE):
        message = f"{role} may not publish {event.ce_type()}: it belongs to {event.role()}"
        raise Malformed(message)
    body = event.model_dump_json().encode()
    if len(body) > MAX_BODY:
        message = f"{event.ce_type()} has {len(body)} bytes, the bus takes {MAX_BODY}: send fewer items"
        raise Malformed(message)
    headers = {
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-type": event.ce_type(),
        "ce-source": f"/{school}/{role}",
        "ce-time": time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "content-type": "application/json",
        "Nats-Msg-Id": event_id,
    }
    if traceparent:
        headers["traceparent"] = traceparent
    subject = event.subject(school, role)
    parse_subject(subject)  # what no bus takes would wait in an outbox for ever, and all behind it
    return Message(subject, headers, body)


def parse_subject(subject: str) -> tuple[str, str, str]:
    """Split `rw.<school>.<role>.<entity>.<fact>` into school, role and `entity.fact`.

    Raises:
        Malformed: another shape, or a token with characters that no id of ours has.
    """
    tokens = subject.split(".")
    if (
        len(tokens) != _SUBJECT_TOKENS
        or tokens[0] != "rw"
        or not all(_SUBJECT_TOKEN.fullmatch(t) for t in tokens)
    ):
        message = f"subject {subject[:200]!r} is not rw.<school>.<role>.<entity>.<fact>"
        raise Malformed(message)
    return tokens[1], tokens[2], f"{tokens[3]}.{tokens[4]}"


def decode(subject: str, headers: Mapping[str, str] | None, body: bytes) -> tuple[Event, Envelope]:
    """Read a message, believing the subject over anything that the sender wrote into it.

    Raises:
        Malformed: bad subject, missing or bad headers, unknown type or version, invalid or oversized body.
    """
    school, role, fact = parse_subject(subject)
    headers = headers or {}
    if len(body) > MAX_BODY:
        message = f"{subject}: the body has {len(body)} bytes, at most {MAX_BODY} are read"
        raise Malformed(message)
    kind = by_type(headers.get("ce-type", ""))
    if kind is None:
        message = f"{subject}: unknown event type or version {headers.get('ce-type', '(none)')[:100]!r}"
        raise Malformed(message)
    if kind.fact() != fact or kind.role() not in (role, ANY_ROLE):
        message = f"{subject} carries {kind.ce_type()}, which does not belong there"
        raise Malformed(message)
    try:
        event = kind.model_validate_json(body)
        envelope = Envelope(
            id=headers["ce-id"],
            type=kind.ce_type(),
            school=school,
            role=role,
            time=datetime.fromisoformat(headers["ce-time"]),
            traceparent=headers.get("traceparent"),
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        message = f"{subject}: {kind.ce_type()} is invalid at {where}: {first['msg']}"
        raise Malformed(message) from error
    except (KeyError, ValueError) as error:
        message = f"{subject}: header {error} is missing or not readable"
        raise Malformed(message) from error
    if not _EVENT_ID.fullmatch(envelope.id) or envelope.time.tzinfo is None:
        message = f"{subject}: ce-id must have 1 to {MAX_ID} printable ASCII characters and ce-time a zone"
        raise Malformed(message)
    return event, envelope
