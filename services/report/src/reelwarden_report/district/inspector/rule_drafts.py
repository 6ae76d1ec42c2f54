"""The next version of the rule set: one draft, compared with what is in force, then published (R6)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import SequenceMatcher
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import rfc8785

from reelwarden_common.events.report import RuleSettings
from reelwarden_common.web import N_, Text, Wrong
from reelwarden_report.district.inspector.domain import day_span
from reelwarden_report.district.inspector.shapes import RulesView
from reelwarden_report.district.inspector.store import InspectorStore

LONGEST_RULES = 20_000
"""Characters: what an event carries."""
FURTHEST = timedelta(days=366)


@dataclass(frozen=True)
class Number:
    """A number of the rule set, with what it may be."""

    label: str
    rule: str
    least: float
    most: float


NUMBERS: Mapping[str, Number] = {
    "keep_days": Number(N_("Days that footage is kept"), "R3.1", 30, 3650),
    "case_days": Number(N_("Days until the hold of a case is reviewed"), "R3.1", 1, 180),
    "decide_days": Number(N_("Days to decide an application"), "R4.2", 1, 30),
    "valid_days": Number(N_("Days that an approval is valid"), "R4.2", 1, 30),
    "max_footage_hours": Number(N_("Hours of footage an application may cover"), "R4.4", 1, 24),
    "use_days": Number(N_("Days until the use of a copy is declared"), "R4.4", 1, 180),
}
"""Footage is kept for 30 days at least (R3.1, 条例 art. 17): no version says less."""


@dataclass(frozen=True)
class Draft:
    """What somebody is writing."""

    text: str
    english: str
    settings: RuleSettings
    edited_at: datetime | None = None


@dataclass(frozen=True)
class Line:
    """One line of a comparison."""

    kind: str
    """same, gone or new."""
    text: str


def read_numbers(given: Mapping[str, str]) -> RuleSettings:
    """The numbers as somebody wrote them; an empty one leaves the setting as it is.

    Raises:
        Wrong: one is no number, or outside what the law and this software bear.
    """
    found: dict[str, float] = {}
    for name, number in NUMBERS.items():
        written = given.get(name, "").strip()
        if not written:
            continue
        try:
            value = float(written)
        except ValueError:
            value = float("nan")
        whole = name != "keep_days" or value.is_integer()
        if not (number.least <= value <= number.most and whole):
            text = Text(
                N_("%(what)s: please write a number from %(least)s to %(most)s."),
                what=Text(number.label),
                least=f"{number.least:g}",
                most=f"{number.most:g}",
            )
            raise Wrong("number_out_of_range", text, number.rule)
        found[name] = value
    return RuleSettings.model_validate(found)


def read_draft(given: Mapping[str, str]) -> Draft:
    """A draft as somebody wrote it.

    Raises:
        Wrong: it says nothing, or too much, or a number is impossible.
    """
    text = given.get("text", "").replace("\r\n", "\n").strip()
    if not 1 <= len(text) <= LONGEST_RULES:
        raise Wrong("no_text", Text(N_("Please write the rules, at most 20,000 characters.")), "R6")
    english = given.get("english", "").replace("\r\n", "\n").strip()[:LONGEST_RULES]
    return Draft(text + "\n", english, read_numbers(given))


def in_effect(written: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The local midnight from which a version counts; today counts from now.

    Raises:
        Wrong: no date, one that is over, or one too far ahead.
    """
    today = now.astimezone(zone).date()
    try:
        day = date.fromisoformat(written)
    except ValueError:
        day = date.min
    if not today <= day <= today + FURTHEST:
        raise Wrong(
            "bad_date", Text(N_("Please give the day from which it counts, today or within a year.")), "R6"
        )
    return now if day == today else day_span(day, zone).start


def compared(old: str, new: str) -> list[Line]:
    """What a draft changes, line by line."""
    before, after = old.splitlines(), new.splitlines()
    found = []
    for tag, first, last, start, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            found += [Line("same", one) for one in before[first:last]]
        else:
            found += [Line("gone", one) for one in before[first:last]]
            found += [Line("new", one) for one in after[start:end]]
    return found


def digest_of(draft: Draft) -> str:
    """What whoever publishes it signs: text, translation and numbers (RFC 8785)."""
    numbers = draft.settings.model_dump(mode="json", exclude_none=True)
    shown: dict[str, Any] = {"kind": "rules", "text": draft.text, "english": draft.english}
    return sha256(rfc8785.dumps(shown | {"settings": numbers})).hexdigest()


async def draft_of(store: InspectorStore, in_force: RulesView | None) -> Draft:
    """The draft as it is, else what is in force."""
    row = await store.conn.fetchrow("SELECT * FROM rules_draft")
    if row:
        settings = RuleSettings.model_validate(json.loads(row["settings"]))
        return Draft(row["text"], row["english"], settings, row["edited_at"])
    if in_force is None:
        return Draft("", "", RuleSettings())
    return Draft(in_force.text, in_force.english, in_force.settings)


async def keep_draft(store: InspectorStore, draft: Draft, person: str) -> None:
    """Keep the one draft."""
    await store.conn.execute(
        "INSERT INTO rules_draft VALUES (true, $1, $2, $3, $4, $5) ON CONFLICT (one) DO UPDATE"
        " SET text = excluded.text, english = excluded.english, settings = excluded.settings,"
        " edited_by = excluded.edited_by, edited_at = excluded.edited_at",
        draft.text,
        draft.english,
        draft.settings.model_dump_json(exclude_none=True),
        person,
        store.clock(),
    )


async def take_draft(store: InspectorStore) -> tuple[Draft, int] | None:
    """The draft and the number of its version, for whoever publishes it first; None: there is none."""
    row = await store.conn.fetchrow("DELETE FROM rules_draft RETURNING *")
    if row is None:
        return None
    number = await store.conn.fetchval("SELECT coalesce(max(version), 0) + 1 FROM rules")
    settings = RuleSettings.model_validate(json.loads(row["settings"]))
    return Draft(row["text"], row["english"], settings), number
