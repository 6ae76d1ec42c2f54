"""One AsyncAPI 3 document per service, from the topology table: who says, hears, asks and answers what."""

from typing import Any

from reelwarden_common.contracts.forms import Form, answer_form, form_of, question_form
from reelwarden_common.events.base import ANY_ROLE, DISTRICT_SCHOOL, Event
from reelwarden_common.messaging.topology import (
    ROLES,
    Place,
    Role,
    answered_by,
    question_subject,
    speakers,
    stream_of,
)
from reelwarden_common.telemetry import VERSION

ASYNCAPI = "3.0.0"
SERVICES = tuple(dict.fromkeys(role.service for role in ROLES))
Node = dict[str, Any]

_HEADERS: Node = {
    "type": "object",
    "description": "CloudEvents 1.0, binary mode, and the W3C trace of the sender.",
    "required": ["ce-specversion", "ce-id", "ce-type", "ce-source", "ce-time", "content-type"],
    "properties": {
        "ce-specversion": {"const": "1.0"},
        "ce-id": {
            "type": "string",
            "pattern": "^[!-~]{1,128}$",
            "description": "The same however often the event is sent; readers take each id once.",
        },
        "ce-type": {"type": "string", "description": "Event and version; a V2 travels beside V1."},
        "ce-source": {"type": "string", "pattern": "^/[^/]+/[^/]+$", "description": "/<school>/<role>"},
        "ce-time": {"type": "string", "format": "date-time"},
        "content-type": {"const": "application/json"},
        "traceparent": {"type": "string", "description": "https://www.w3.org/TR/trace-context/"},
        "Nats-Msg-Id": {"type": "string", "description": "The stream's key against doubles."},
    },
}
_PARAMETERS: Node = {
    "school": {
        "description": f"The school that it concerns; `{DISTRICT_SCHOOL}` where it concerns none.",
        "examples": ["s001"],
    },
    "role": {"description": "The role that says it.", "enum": [role.name for role in ROLES]},
}


def document(service: str, examples: dict[str, Any]) -> Node:
    """The document of one service; `examples` are the bodies by form name."""
    channels: Node = {}
    operations: Node = {}
    messages: Node = {}
    for role in (r for r in ROLES if r.service == service):
        for event in role.publishes:
            _event(role, event, "send", channels, operations)
            messages[_message_name(form_of(event))] = _event_message(role, event, examples)
        for event in role.hears:
            _event(role, event, "receive", channels, operations)
            messages[_message_name(form_of(event))] = _event_message(speakers(event)[0], event, examples)
        exchanges = [(q, "send") for q in role.asks] + [(q, "receive") for q in answered_by(role)]
        for question, action in exchanges:
            _question(role, question, action, channels, operations)
            for form in (question_form(question), answer_form(question)):
                messages[_message_name(form)] = _body(form) | {"examples": [{"payload": examples[form.name]}]}
    return {
        "asyncapi": ASYNCAPI,
        "id": f"urn:reelwarden:service:{service}",
        "info": {
            "title": f"Reelwarden {service}",
            "version": VERSION,
            "description": _about(service),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": dict(sorted(channels.items())),
        "operations": dict(sorted(operations.items())),
        "components": {
            "messages": dict(sorted(messages.items())),
            "schemas": {"CloudEventHeaders": _HEADERS},
        },
    }


def _about(service: str) -> str:
    roles = [r for r in ROLES if r.service == service]
    places = {Place.SCHOOL: "at each school", Place.DISTRICT: "at the district"}
    return "; ".join(f"{r.name} ({places[r.place]})" for r in roles) + "."


def _message_name(form: Form) -> str:
    return form.model.__name__


def _event(role: Role, event: type[Event], action: str, channels: Node, operations: Node) -> None:
    name = event.SUBJECT
    any_role = event.role() == ANY_ROLE
    streams = sorted({str(stream_of(event, speaker)) for speaker in speakers(event)})
    channels[name] = {
        "address": event.subject("{school}", "{role}"),
        "summary": form_of(event).summary,
        "parameters": _parameters(any_role=any_role),
        "messages": _reference(form_of(event)),
        "x-streams": streams,
    }
    operations[f"{role.name}.{action}.{event.fact()}"] = {
        "action": action,
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [{"$ref": f"#/channels/{name}/messages/{_message_name(form_of(event))}"}],
        "x-role": role.name,
        "x-place": str(role.place),
    }


def _parameters(*, any_role: bool) -> Node:
    return {k: v for k, v in _PARAMETERS.items() if k == "school" or any_role}


def _question(role: Role, question: str, action: str, channels: Node, operations: Node) -> None:
    asked, answered = question_form(question), answer_form(question)
    reply = f"{question}.reply"
    channels[question] = {
        "address": question_subject(question, "{school}", "{role}"),
        "summary": asked.summary,
        "parameters": _parameters(any_role=question.startswith(f"{ANY_ROLE}.")),
        "messages": _reference(asked),
    }
    channels[reply] = {
        "address": None,
        "summary": "The inbox that the asker names: an answer, or a problem.",
        "messages": _reference(answered),
    }
    operations[f"{role.name}.{'answer' if action == 'receive' else 'ask'}.{question}"] = {
        "action": action,
        "channel": {"$ref": f"#/channels/{question}"},
        "messages": [{"$ref": f"#/channels/{question}/messages/{_message_name(asked)}"}],
        "reply": {
            "address": {"location": "$message.header#/reply-to", "description": "NATS' own reply subject."},
            "channel": {"$ref": f"#/channels/{reply}"},
            "messages": [{"$ref": f"#/channels/{reply}/messages/{_message_name(answered)}"}],
        },
        "x-role": role.name,
        "x-place": str(role.place),
    }


def _reference(form: Form) -> Node:
    name = _message_name(form)
    return {name: {"$ref": f"#/components/messages/{name}"}}


def _body(form: Form) -> Node:
    return {
        "name": form.name,
        "title": _message_name(form),
        "summary": form.summary,
        "contentType": "application/json",
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"../schemas/{form.name}.json"},
        },
    }


def _event_message(speaker: Role, event: type[Event], examples: dict[str, Any]) -> Node:
    form = form_of(event)
    school = "s001"
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "0c9d1f6e5b7a4e0f8a3b2c1d0e9f8a7b",
        "ce-type": form.name,
        "ce-source": f"/{school}/{speaker.name}",
        "ce-time": "2026-03-02T08:00:00Z",
        "content-type": "application/json",
    }
    return _body(form) | {
        "headers": {"$ref": "#/components/schemas/CloudEventHeaders"},
        "examples": [{"headers": headers, "payload": examples[form.name]}],
    }
