"""Hypothesis strategies for any event, from its JSON Schema: what that allows, the code must read."""

from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from reelwarden_common.contracts.forms import Form, schema_of

Schema = dict[str, Any]
FIRST, LAST = datetime(1980, 1, 1), datetime(9998, 1, 1)  # noqa: DTZ001 - Hypothesis adds the zones
"""Before, some zones were off by seconds, which RFC 3339 cannot say; after, UTC leaves the calendar."""
MOST_ITEMS = 3
MOST_LETTERS = 40
LETTERS = st.characters(exclude_categories=["Cs"])
"""Anything but lone surrogates, which no UTF-8 can carry."""


def bodies(form: Form) -> st.SearchStrategy[Any]:
    """Bodies of a form, as JSON values."""
    schema = schema_of(form)
    return _values(schema, schema.get("$defs", {}))


def _values(schema: Schema, named: dict[str, Schema]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _values(named[schema["$ref"].rsplit("/", 1)[1]], named)
    if "anyOf" in schema:
        return st.one_of(*(_values(part, named) for part in schema["anyOf"]))
    if schema["type"] == "object":
        return _objects(schema, named)
    if schema["type"] == "array":
        longest = min(MOST_ITEMS, schema.get("maxItems", MOST_ITEMS))
        return st.lists(_values(schema["items"], named), min_size=schema.get("minItems", 0), max_size=longest)
    return _plain(schema)


def _objects(schema: Schema, named: dict[str, Schema]) -> st.SearchStrategy[Any]:
    parts = {name: _values(part, named) for name, part in schema.get("properties", {}).items()}
    needed = set(schema.get("required", ()))
    return st.fixed_dictionaries(
        {name: part for name, part in parts.items() if name in needed},
        optional={name: part for name, part in parts.items() if name not in needed},
    )


def _plain(schema: Schema) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "string":
        return _texts(schema)
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "integer": st.integers(_least(schema, -(2**53), 1), schema.get("maximum", 2**53)),
        "number": st.floats(
            _least(schema, None, 2**-20), schema.get("maximum"), allow_nan=False, allow_infinity=False
        ),
        "boolean": st.booleans(),
        "null": st.none(),
    }
    return kinds[schema["type"]]


def _least(schema: Schema, otherwise: int | None, step: float) -> Any:
    """The smallest number that is allowed; above an exclusive bound by a step."""
    return (
        schema["exclusiveMinimum"] + step
        if "exclusiveMinimum" in schema
        else schema.get("minimum", otherwise)
    )


def _texts(schema: Schema) -> st.SearchStrategy[Any]:
    if schema.get("format") == "date-time":
        return st.datetimes(FIRST, LAST, timezones=st.timezones()).map(datetime.isoformat)
    if "pattern" in schema:
        most = schema.get("maxLength")
        texts = st.from_regex(schema["pattern"].replace("$", r"\Z"))
        return texts if most is None else texts.filter(lambda text: len(text) <= most)
    longest = min(MOST_LETTERS, schema.get("maxLength", MOST_LETTERS))
    return st.text(LETTERS, min_size=schema.get("minLength", 0), max_size=longest)
