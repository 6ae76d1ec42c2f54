"""Whether two releases understand each other: schools lag weeks behind, and messages go both ways.

So a form may only gain optional fields. Anything else needs a new version of the event beside the old one.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_EXACT = ("pattern", "format", "const", "multipleOf", "uniqueItems", "additionalProperties")
_OLD_UNREAD = "messages of the old release would no longer be read"
_NEW_UNREAD = "the old release would not read the new messages"


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """What in `new` breaks readers or senders of `old`; empty when they understand each other."""
    return list(_compare(_Side(old, old.get("$defs", {})), _Side(new, new.get("$defs", {})), "body"))


class _Side:
    """A schema within its document, references followed."""

    def __init__(self, schema: Schema, named: dict[str, Schema]) -> None:
        self.named = named
        while "$ref" in schema:
            schema = named[schema["$ref"].rsplit("/", 1)[1]]
        self.schema = schema

    def part(self, schema: Schema) -> "_Side":
        return _Side(schema, self.named)

    def alternatives(self) -> dict[str, "_Side"]:
        """By kind: `X | None` and `X` are compared by what each allows."""
        found: dict[str, _Side] = {}
        for schema in self.schema.get("anyOf", [self.schema]):
            side = self.part(schema)
            found[str(side.schema.get("type", "anything"))] = side
        return found


def _compare(old: _Side, new: _Side, where: str) -> Iterator[str]:
    before, after = old.alternatives(), new.alternatives()
    for kind in sorted(before.keys() - after.keys()):
        yield f"{where}: {kind} is no longer allowed; {_OLD_UNREAD}"
    for kind in sorted(after.keys() - before.keys()):
        yield f"{where}: {kind} is now allowed; {_NEW_UNREAD}"
    for kind in sorted(before.keys() & after.keys()):
        one, other = before[kind], after[kind]
        yield from _limits(one.schema, other.schema, where)
        yield from _values(one.schema, other.schema, where)
        if "items" in one.schema and "items" in other.schema:
            items = one.part(one.schema["items"]), other.part(other.schema["items"])
            yield from _compare(*items, f"{where}[]")
        yield from _fields(one, other, where)


def _limits(old: Schema, new: Schema, where: str) -> Iterator[str]:
    for names, sign in ((_LOWER, 1), (_UPPER, -1)):
        for name in names:
            was, now = old.get(name), new.get(name)
            if was == now:
                continue
            narrower = was is None or (now is not None and (now - was) * sign > 0)
            yield f"{where}: {name} was {was}, is {now}; {_OLD_UNREAD if narrower else _NEW_UNREAD}"
    for name in _EXACT:
        if old.get(name) != new.get(name):
            yield f"{where}: {name} was {old.get(name)}, is {new.get(name)}"


def _values(old: Schema, new: Schema, where: str) -> Iterator[str]:
    was, now = old.get("enum"), new.get("enum")
    if was is None and now is None:
        return
    if was is None or now is None:
        yield f"{where}: was {'any value' if was is None else was}, is {'any value' if now is None else now}"
        return
    for value in (v for v in was if v not in now):
        yield f"{where}: {value!r} is no longer allowed; {_OLD_UNREAD}"
    for value in (v for v in now if v not in was):
        yield f"{where}: {value!r} is now allowed; {_NEW_UNREAD}"


def _fields(old: _Side, new: _Side, where: str) -> Iterator[str]:
    before, after = old.schema.get("properties", {}), new.schema.get("properties", {})
    was_needed, is_needed = set(old.schema.get("required", ())), set(new.schema.get("required", ()))
    for name in sorted(before.keys() | after.keys()):
        at = f"{where}.{name}"
        if name not in after:
            yield f"{at}: removed; give the event a new version instead"
        elif name not in before:
            if name in is_needed:
                yield f"{at}: new and required; {_OLD_UNREAD}: give it a default"
        else:
            if name in is_needed - was_needed:
                yield f"{at}: now required; {_OLD_UNREAD}"
            if name in was_needed - is_needed:
                yield f"{at}: no longer required; {_NEW_UNREAD}"
            yield from _compare(old.part(before[name]), new.part(after[name]), at)
