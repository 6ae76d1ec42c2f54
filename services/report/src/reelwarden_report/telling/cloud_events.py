"""An event as one JSON object: CloudEvents 1.0, structured mode, as programs outside the bus get it."""

import json
from collections.abc import Mapping
from typing import Any

from reelwarden_common.envelope import Envelope
from reelwarden_common.events.base import Event


def structured(headers: Mapping[str, str], body: bytes, school: str) -> dict[str, Any]:
    """Of a message as the bus keeps it; `source` and `id` together are the same however often it is told.

    Raises:
        ValueError: its body is no JSON.
        KeyError: a header is missing.
    """
    return {
        "specversion": "1.0",
        "id": headers["ce-id"],
        "source": headers["ce-source"],
        "type": headers["ce-type"],
        "time": headers["ce-time"],
        "subject": school,
        "datacontenttype": "application/json",
        "data": json.loads(body),
    }


def of_event(event: Event, envelope: Envelope) -> dict[str, Any]:
    """Of an event that a role has decoded."""
    return {
        "specversion": "1.0",
        "id": envelope.id,
        "source": f"/{envelope.school}/{envelope.role}",
        "type": envelope.type,
        "time": envelope.time.isoformat().replace("+00:00", "Z"),
        "subject": envelope.school,
        "datacontenttype": "application/json",
        "data": event.model_dump(mode="json"),
    }


def as_json(value: object) -> str:
    """Compact, one line, readable characters."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
