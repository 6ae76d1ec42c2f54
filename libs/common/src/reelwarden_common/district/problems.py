"""What is wrong in a file, where, and what to do: Chinese first, English second."""

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic_core import ErrorDetails, PydanticCustomError

from reelwarden_common.district.toml_lines import KeyPath
from reelwarden_common.errors import Refused


@dataclass(frozen=True)
class Problem:
    """One thing to mend: the key that it concerns (empty: the file), told in both languages."""

    path: KeyPath
    zh: str
    en: str


class Located(NamedTuple):
    """A problem with its line (from 1) and a name of the key that a person understands."""

    line: int
    key: str
    problem: Problem


class ConfigError(Refused):
    """The file cannot be used; the message lists every problem with file, line and remedy."""

    def __init__(self, path: Path, located: Iterable[Located]) -> None:
        self.located = tuple(sorted(located, key=lambda one: one.line))
        told = [
            f"{path}:{one.line}: {one.key}\n    {one.problem.zh}\n    {one.problem.en}"
            for one in self.located
        ]
        super().__init__("\n".join(told))


class Hint(NamedTuple):
    """A question whether another word was meant, or nothing."""

    zh: str
    en: str


def closest(word: str, known: Iterable[str]) -> Hint:
    """Return a hint at the most similar known word."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return Hint(f"（是不是要写 {found[0]}？）", f" (did you mean {found[0]}?)") if found else Hint("", "")


def wrong(zh: str, en: str, *, key: str = "") -> PydanticCustomError:
    """Return an error for a validator to raise; `key` names the key of the table that it concerns."""
    return PydanticCustomError("reelwarden", "{en}", {"zh": zh, "en": en, "key": key})


_SHOWN = 60
_TOLD = {
    "missing": ("缺少必填的 {key}，请补上。", "{key} is required: add it."),
    "string_type": ("应为带引号的字符串，而不是 {input}。", "must be a string in quotes, not {input}."),
    "int_type": ("应为整数，而不是 {input}。", "must be a whole number, not {input}."),
    "bool_type": ("应为 true 或 false，而不是 {input}。", "must be true or false, not {input}."),
    "greater_than_equal": ("不得小于 {ge}，现为 {input}。", "must be {ge} or more, not {input}."),
    "less_than_equal": ("不得大于 {le}，现为 {input}。", "must be {le} or less, not {input}."),
    "string_too_short": ("不能为空。", "must not be empty."),
    "string_too_long": ("最长 {max_length} 个字符。", "must have {max_length} characters at most."),
    "string_pattern_mismatch": (
        "{input} 不符合格式 {pattern}：用小写字母、数字和连字符，以字母或数字开头。",
        "{input} does not have the form {pattern}: lower-case letters, digits and hyphens.",
    ),
    "tuple_type": ("应为列表（[[{key}]] 或 [...]）。", "must be a list ([[{key}]] or [...])."),
    "model_type": ("应为表（[{key}]）。", "must be a table ([{key}])."),
}


def from_pydantic(error: ErrorDetails, known_keys: Iterable[str]) -> Problem:
    """Tell a pydantic error to a person; `known_keys` are those of the table that it happened in."""
    path: KeyPath = tuple(error["loc"])
    context = error.get("ctx", {})
    if error["type"] == "reelwarden":
        return Problem((*path, context["key"]) if context["key"] else path, context["zh"], context["en"])
    key = str(path[-1])
    if error["type"] == "extra_forbidden":
        hint = closest(key, known_keys)
        keys = ", ".join(sorted(known_keys))
        return Problem(
            path,
            f"不认识的键 {key}{hint.zh}。可用的键：{keys}。",
            f"unknown key {key}{hint.en}; known here: {keys}.",
        )
    if error["type"] == "enum":
        expected = re.findall(r"'([^']+)'", context["expected"])
        hint, choice = closest(str(error["input"]), expected), ", ".join(expected)
        return Problem(
            path,
            f"{_shown(error['input'])} 不是可选的值{hint.zh}。可选：{choice}。",
            f"{_shown(error['input'])} is not a choice{hint.en}; choose from {choice}.",
        )
    zh, en = _TOLD.get(error["type"], ("{message}", "{message}"))
    facts = {**context, "key": key, "input": _shown(error["input"]), "message": error["msg"]}
    return Problem(path, zh.format(**facts), en.format(**facts))


def _shown(value: object) -> str:
    """A value about as it stands in the file."""
    text = json.dumps(value, ensure_ascii=False, default=str) if not isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
