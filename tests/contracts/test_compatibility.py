"""What counts as breaking a release: schools lag weeks behind, and messages go both ways."""

from copy import deepcopy
from typing import Any

import pytest

from reelwarden_common.contracts.compatibility import breaking_changes
from reelwarden_common.contracts.forms import Form, all_forms, schema_of

OLD: dict[str, Any] = {
    "$defs": {
        "Span": {
            "type": "object",
            "properties": {"camera": {"type": "string", "pattern": "^[a-z]+$"}},
            "required": ["camera"],
        },
        "Kind": {"type": "string", "enum": ["view", "copy"]},
    },
    "type": "object",
    "description": "A fact.",
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 64, "examples": ["a"]},
        "count": {"type": "integer", "minimum": 0},
        "kind": {"$ref": "#/$defs/Kind"},
        "spans": {"type": "array", "maxItems": 200, "items": {"$ref": "#/$defs/Span"}},
        "due": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}], "default": None},
    },
    "required": ["id", "count", "kind", "spans"],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """OLD with one place set anew, or taken away (value None)."""
    new = deepcopy(OLD)
    *way, last = path.split("/")
    at = new
    for name in way:
        at = at[name]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return new


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("properties/due", None, "body.due: removed"),
        ("properties/count/type", "string", "body.count: integer is no longer allowed"),
        ("properties/count/minimum", 1, "body.count: minimum was 0, is 1; messages of the old release"),
        ("properties/id/maxLength", 32, "body.id: maxLength was 64, is 32; messages of the old release"),
        ("properties/id/maxLength", 65, "body.id: maxLength was 64, is 65; the old release"),
        ("properties/id/maxLength", None, "body.id: maxLength was 64, is None; the old release"),
        ("properties/spans/maxItems", 100, "body.spans: maxItems was 200, is 100; messages of the old"),
        ("properties/spans/minItems", 1, "body.spans: minItems was None, is 1; messages of the old"),
        ("$defs/Span/properties/camera/pattern", "^[a-f]+$", "body.spans[].camera: pattern was"),
        ("$defs/Kind/enum", ["view"], "body.kind: 'copy' is no longer allowed; messages of the old"),
        ("$defs/Kind/enum", ["view", "copy", "still"], "body.kind: 'still' is now allowed; the old release"),
        ("properties/due/anyOf", [{"type": "string", "format": "date-time"}], "body.due: null is no longer"),
        ("required", ["id", "count", "kind", "spans", "due"], "body.due: now required"),
        ("required", ["id", "count", "kind"], "body.spans: no longer required; the old release"),
        ("additionalProperties", False, "body: additionalProperties was None, is False"),
    ],
)
def test_a_breaking_change_is_named_with_its_place(path: str, value: Any, told: str) -> None:
    found = breaking_changes(OLD, changed(path, value))
    assert found
    assert found[0].startswith(told)
    assert {line.split(":")[0] for line in found} == {told.split(":", maxsplit=1)[0]}


def test_a_new_required_field_breaks() -> None:
    new = changed("properties/zone", {"type": "string"})
    new["required"] = [*new["required"], "zone"]
    assert [line.split(";")[0] for line in breaking_changes(OLD, new)] == ["body.zone: new and required"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("description", "Another sentence."),
        ("properties/id/examples", ["b"]),
        ("properties/zone", {"type": "string", "default": "UTC"}),
        ("$defs/Span/properties/end", {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}),
        ("required", ["spans", "kind", "count", "id"]),
        ("$defs/Kind/enum", ["copy", "view"]),
    ],
)
def test_words_examples_and_optional_fields_may_change(path: str, value: Any) -> None:
    assert breaking_changes(OLD, changed(path, value)) == []


def test_where_a_definition_stands_does_not_matter() -> None:
    inlined = changed("properties/kind", OLD["$defs"]["Kind"])
    assert breaking_changes(OLD, inlined) == []


@pytest.mark.parametrize("form", all_forms(), ids=lambda form: form.name)
def test_nothing_breaks_itself(form: Form) -> None:
    schema = schema_of(form)
    assert breaking_changes(schema, deepcopy(schema)) == []
