"""Forms that were begun and not filed: each its owner's alone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from reelwarden_common.messaging.postgres import Connection


@dataclass(frozen=True)
class SavedDraft:
    """A form as it was left."""

    id: str
    kind: str
    """The page that it belongs to: `apply`, `reception` or `extend`."""
    fields: Mapping[str, Any]
    saved_at: datetime


class DraftsTable:
    """Every statement names the owner: nobody reaches another's draft by its id."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def save(self, owner: str, draft: SavedDraft) -> None:
        """Keep a draft; the same form saved again is one draft."""
        await self._conn.execute(
            "INSERT INTO drafts (owner, id, kind, fields, saved_at) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT (owner, id) DO UPDATE SET kind = excluded.kind, fields = excluded.fields,"
            " saved_at = excluded.saved_at",
            owner,
            draft.id,
            draft.kind,
            json.dumps(draft.fields),
            draft.saved_at,
        )

    async def of(self, owner: str) -> list[SavedDraft]:
        """Somebody's drafts, the newest first."""
        rows = await self._conn.fetch("SELECT * FROM drafts WHERE owner = $1 ORDER BY saved_at DESC", owner)
        return [_draft(row) for row in rows]

    async def delete(self, owner: str, name: str) -> None:
        """Forget a draft, if it is theirs."""
        await self._conn.execute("DELETE FROM drafts WHERE owner = $1 AND id = $2", owner, name)

    async def expire(self, before: datetime) -> None:
        """Forget what was saved last before a moment."""
        await self._conn.execute("DELETE FROM drafts WHERE saved_at < $1", before)


def _draft(row: asyncpg.Record) -> SavedDraft:
    return SavedDraft(row["id"], row["kind"], json.loads(row["fields"]), row["saved_at"])
