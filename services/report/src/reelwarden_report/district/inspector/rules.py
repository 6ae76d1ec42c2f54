"""The rule set as a versioned document (R6): published once, known by its digest."""

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from importlib import resources
from typing import Any

from markdown_it import MarkdownIt

from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.events.report import RuleSettings, RulesPublished
from reelwarden_report.district.inspector.store import InspectorStore

VERSION = 1


def as_html(text: str) -> str:
    """The rules as a part of a page; markup that is no Markdown is shown as it is written."""
    html: str = MarkdownIt("commonmark", {"html": False}).render(text)
    return html


def text() -> str:
    """The rules, as published."""
    return (resources.files(__package__) / f"rules_v{VERSION}.md").read_text(encoding="utf-8")


def translated(version: int) -> str:
    """A version in English, for reading only; empty where there is none."""
    file = resources.files(__package__) / f"rules_v{version}.en.md"
    return file.read_text(encoding="utf-8") if file.is_file() else ""


async def publish(store: InspectorStore, schools: list[str], effective_from: datetime) -> bool:
    """Publish this release's version, if it was not; tells whether it was new."""
    version = Version(VERSION, text(), translated(VERSION), RuleSettings(), effective_from)
    return await announce(store, schools, version)


@dataclass(frozen=True)
class Version:
    """A version of the rule set, ready to be published."""

    number: int
    text: str
    english: str
    settings: RuleSettings
    effective_from: datetime
    signed_by: str | None = None
    signed_name: str | None = None
    own_key: dict[str, Any] | None = None
    """What the signer's own key signed; None: the password was given again, or it came with the software."""


async def announce(store: InspectorStore, schools: list[str], version: Version) -> bool:
    """Keep a version and tell every school, once; tells whether it was new."""
    digest = sha256(version.text.encode()).hexdigest()
    fresh = await store.conn.fetchval(
        "INSERT INTO rules (version, effective_from, digest, text, published_at, settings, english,"
        " signed_by, signed_name, own_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT (version) DO NOTHING RETURNING true",
        version.number,
        version.effective_from,
        digest,
        version.text,
        store.clock(),
        version.settings.model_dump_json(exclude_none=True),
        version.english,
        version.signed_by,
        version.signed_name,
        json.dumps(version.own_key) if version.own_key else None,
    )
    if fresh:
        event = RulesPublished(
            version=version.number,
            effective_from=version.effective_from,
            digest=digest,
            text=version.text,
            settings=version.settings,
        )
        for school in [*schools, DISTRICT_SCHOOL]:
            store.publish(school, event)
    return bool(fresh)
