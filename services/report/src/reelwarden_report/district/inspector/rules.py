"""The rule set as a versioned document (R6): published once, known by its digest."""

from datetime import datetime
from hashlib import sha256
from importlib import resources

from markdown_it import MarkdownIt

from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.events.report import RulesPublished
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
    body = text()
    digest = sha256(body.encode()).hexdigest()
    fresh = await store.conn.fetchval(
        "INSERT INTO rules VALUES ($1, $2, $3, $4, $5) ON CONFLICT (version) DO NOTHING RETURNING true",
        VERSION,
        effective_from,
        digest,
        body,
        store.clock(),
    )
    if fresh:
        event = RulesPublished(version=VERSION, effective_from=effective_from, digest=digest, text=body)
        for school in [*schools, DISTRICT_SCHOOL]:
            store.publish(school, event)
    return bool(fresh)
