"""One thing that was looked at, and what to do about it: how installing and looking after speak of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from reelwarden_local.words import Words

_SIGNS = {"good": "✓", "warning": "!", "bad": "✗"}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: Literal["good", "warning", "bad"]
    told: Words
    """What is right, or what is wrong and what to do."""


def good(name: str, zh: str, en: str) -> Check:
    """It is as it should be."""
    return Check(name, "good", Words(zh, en))


def warning(name: str, zh: str, en: str) -> Check:
    """It works, and should be better."""
    return Check(name, "warning", Words(zh, en))


def bad(name: str, zh: str, en: str) -> Check:
    """It must be mended."""
    return Check(name, "bad", Words(zh, en))


def as_json(checks: Sequence[Check]) -> str:
    """For scripts."""
    found = [{"name": c.name, "state": c.state, "zh": c.told.zh, "en": c.told.en} for c in checks]
    return json.dumps(found, ensure_ascii=False, indent=2)


def lines(checks: Sequence[Check]) -> str:
    """For people: one line each."""
    return "\n".join(f"  {_SIGNS[check.state]} {check.told}" for check in checks)


def worst(checks: Sequence[Check]) -> int:
    """The exit code: 1 where something must be mended."""
    return 1 if any(check.state == "bad" for check in checks) else 0
