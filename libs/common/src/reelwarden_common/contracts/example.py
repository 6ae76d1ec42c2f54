"""An example of a form: from the `examples` that the fields carry, else from their types. Always the same."""

from datetime import datetime, timedelta
from typing import Any

from reelwarden_common.contracts.forms import Form

_LATER = {
    "end": timedelta(seconds=10),
    "ended_at": timedelta(minutes=5),
    "complete_to": timedelta(hours=1),
    "last": timedelta(hours=1),
    "newest": timedelta(hours=1),
    **dict.fromkeys(
        ("due", "until", "hold_until", "valid_until", "use_by", "deadline", "locked_until", "effective_at"),
        timedelta(days=30),
    ),
}
"""Moments that come after the others in the same form."""


def example_of(form: Form, schema: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """One body as it looks on the wire.

    Raises:
        pydantic.ValidationError: an example in the code is not of its field's own form.
    """
    walked = _walk(schema, schema.get("$defs", {}), "")
    return form.model.model_validate(walked).model_dump(mode="json")


_PLAIN: dict[str, Any] = {"number": 1.5, "boolean": True, "string": "text"}


def _walk(schema: dict[str, Any], named: dict[str, Any], field: str) -> Any:  # noqa: ANN401 - any JSON
    if "anyOf" in schema:
        schema = {**schema["anyOf"][0], **{k: v for k, v in schema.items() if k == "examples"}}
    if "$ref" in schema:
        schema = named[schema["$ref"].rsplit("/", 1)[1]]
    known = schema.get("examples") or schema.get("enum")
    kind = schema["type"]
    if known:
        found = _shifted(known[0], field)
    elif kind == "object":
        found = {name: _walk(part, named, name) for name, part in schema.get("properties", {}).items()}
    elif kind == "array":
        found = [_walk(schema["items"], named, field)]
    elif kind == "integer":
        found = max(1, schema.get("minimum", 1))
    else:
        found = _PLAIN[kind]
    return found


def _shifted(example: Any, field: str) -> Any:  # noqa: ANN401 - any JSON
    if field not in _LATER or not isinstance(example, str):
        return example
    return (datetime.fromisoformat(example) + _LATER[field]).isoformat()
