"""What becomes of a message that nobody can handle: kept with the reason, and told to a person."""

from collections.abc import Mapping
from datetime import datetime

from nats.aio.msg import Msg

from reelwarden_common.envelope import MAX_BODY, Malformed, Message, encode, parse_subject
from reelwarden_common.errors import Early, Refused
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.events.letters import Fault
from reelwarden_common.events.report import MessageRefused

MAX_HEADER = 500
KNOWN_HEADERS = frozenset(
    {"ce-specversion", "ce-id", "ce-type", "ce-source", "ce-time", "content-type", "traceparent"}
)


def letter_subject(role: str, letter: str) -> str:
    """Where a letter lies: a subject of its own below its role's, so that one can be taken away alone."""
    return f"dlq.{role}.{letter}"


def text_of(error: Exception) -> str:
    """What an error says; its name where it says nothing."""
    return str(error) or type(error).__name__


def fault_of(error: Exception) -> Fault:
    """Whose fault it is that a message was given up."""
    if isinstance(error, Malformed):
        return Fault.MALFORMED
    if isinstance(error, Early):
        return Fault.EARLY
    return Fault.REFUSED if isinstance(error, Refused) else Fault.UNFORESEEN


def school_of(subject: str) -> str:
    """The school that a message is about; the district where its subject does not say."""
    try:
        return parse_subject(subject)[0]
    except Malformed:
        return DISTRICT_SCHOOL


def event_of(headers: Mapping[str, str] | None) -> str:
    """The event's id, as far as people need it."""
    return ((headers or {}).get("ce-id") or "unknown")[:64]


def dead_letter(role: str, stream: str, raw: Msg, error: Exception) -> Message:
    """The message as it came, with where it was and why it was given up.

    Only known headers are copied: the sender's `Nats-Expected-Stream` would have the DLQ refuse it. What is
    too large for the bus once the reason is added is cut, and says so.
    """
    original = raw.headers or {}
    headers = {k: v[:MAX_HEADER] for k, v in original.items() if k in KNOWN_HEADERS}
    letter = _letter_id(stream, raw)
    headers |= {
        "rw-role": role,
        "rw-school": school_of(raw.subject),
        "rw-subject": raw.subject,
        "rw-stream": str(stream),
        "rw-sequence": str(raw.metadata.sequence.stream),
        "rw-fault": fault_of(error).value,
        "rw-reason": type(error).__name__,
        "rw-detail": " ".join(text_of(error)[:500].split()),
        "Nats-Msg-Id": f"dlq.{role}.{letter}",
    }
    if len(raw.data) > MAX_BODY:
        headers["rw-cut-from"] = str(len(raw.data))
    return Message(letter_subject(role, letter), headers, raw.data[:MAX_BODY])


def refusal(role: str, stream: str, raw: Msg, error: Exception, now: datetime) -> Message:
    """What tells a person of a dead letter; its id is the same however often it is said."""
    school = school_of(raw.subject)
    letter = _letter_id(stream, raw)
    return encode(
        MessageRefused(
            subject_of=raw.subject[:200],
            event=event_of(raw.headers),
            reason=type(error).__name__.lower()[:64],
            detail=text_of(error)[:500],
            letter=letter,
            fault=fault_of(error),
        ),
        school=school,
        role=role,
        event_id=f"refused.{school}.{role}.{letter}",
        time=now,
    )


def _letter_id(stream: str, raw: Msg) -> str:
    return f"{stream}.{raw.metadata.sequence.stream}"
