"""Papers that belong to forms, and forms as they were before a paper was added."""

import json
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, BinaryIO

import asyncpg

from reelwarden_access.district.desk.attachment import Attachment
from reelwarden_common.messaging.postgres import Connection

PART = 256 * 1024
"""Bytes that are in memory at once."""
_FORMS = {
    "application": (
        "applications",
        "signatures",
        "s.application = $1 AND s.capacity = 'applicant' AND s.form = 'application'",
    ),
    "extension": ("extensions", "extension_signatures", "s.extension = $1 AND s.capacity = 'applicant'"),
}
"""Where a kind of form is kept, where its signatures, and which of them is its filer's."""
_COLUMNS = ", ".join(one.name for one in fields(Attachment))


@dataclass(frozen=True)
class EarlierForm:
    """A form that was signed, before it was added to."""

    digest: str
    signed_at: datetime
    replaced_at: datetime


class AttachmentsTable:
    """A paper waits for its form to be signed, then stands under it; its content goes in time."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def add(self, one: Attachment, content: BinaryIO) -> None:
        """Keep a paper; the same content under the same form is kept once."""
        new = await self._conn.fetchval(
            "INSERT INTO attachments (id, subject, owner, name, media_type, size, digest, added_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (subject, owner, digest) DO NOTHING"
            " RETURNING true",
            one.id,
            one.subject,
            one.owner,
            one.name,
            one.media_type,
            one.size,
            one.digest,
            one.added_at,
        )
        number = 0
        while new and (part := content.read(PART)):
            await self._conn.execute(
                "INSERT INTO attachment_parts (attachment, number, content) VALUES ($1, $2, $3)",
                one.id,
                number,
                part,
            )
            number += 1

    async def of(self, subject: str, owner: str | None = None) -> list[Attachment]:
        """The papers of a form: all that are signed, or all of somebody, in the order in which they came."""
        rows = await self._conn.fetch(
            f"SELECT {_COLUMNS} FROM attachments"  # noqa: S608 - names from code
            " WHERE subject = $1 AND (owner = $2 OR ($2 IS NULL AND signed_at IS NOT NULL))"
            " ORDER BY signed_at, added_at, id",
            subject,
            owner,
        )
        return [Attachment(**row) for row in rows]

    async def weight_waiting(self, owner: str) -> int:
        """Bytes that somebody attached to forms that are not signed."""
        found = await self._conn.fetchval(
            "SELECT coalesce(sum(size), 0) FROM attachments WHERE owner = $1 AND signed_at IS NULL", owner
        )
        return int(found)

    async def sign(self, subject: str, owner: str, at: datetime) -> list[Attachment]:
        """What waits is in the form from now on; returns all that stands in it."""
        await self._conn.execute(
            "UPDATE attachments SET signed_at = $3 WHERE subject = $1 AND owner = $2 AND signed_at IS NULL",
            subject,
            owner,
            at,
        )
        return await self.of(subject)

    async def forget(self, owner: str, subject: str, attachment: str | None = None) -> None:
        """Forget one's paper that waits, or all of a form."""
        await self._conn.execute(
            "DELETE FROM attachments WHERE owner = $1 AND subject = $2 AND signed_at IS NULL"
            " AND ($3::text IS NULL OR id = $3)",
            owner,
            subject,
            attachment,
        )

    async def part(self, attachment: str, number: int) -> bytes | None:
        """Some bytes of a paper; None past its end, or once they were erased."""
        found = await self._conn.fetchval(
            "SELECT content FROM attachment_parts WHERE attachment = $1 AND number = $2", attachment, number
        )
        return None if found is None else bytes(found)

    async def expire(self, before: datetime) -> None:
        """Forget what was attached to forms that nobody filed, unless its draft is younger."""
        await self._conn.execute(
            "DELETE FROM attachments a WHERE signed_at IS NULL AND added_at < $1 AND NOT EXISTS"
            " (SELECT FROM drafts d WHERE d.id = a.subject AND d.owner = a.owner AND d.saved_at >= $1)",
            before,
        )

    async def erase(self, ended_before: datetime, now: datetime) -> None:
        """Erase the content of papers whose form is over for long; name and digest stay in the form."""
        rows = await self._conn.fetch(
            "UPDATE attachments a SET erased_at = $2 WHERE erased_at IS NULL AND signed_at IS NOT NULL AND ("
            " EXISTS (SELECT FROM applications p WHERE p.id = a.subject AND p.ended_at < $1) OR"
            " EXISTS (SELECT FROM extensions e WHERE e.id = a.subject AND e.status IN ('ended', 'over')"
            " AND e.until < $1)) RETURNING id",
            ended_before,
            now,
        )
        await self._conn.execute(
            "DELETE FROM attachment_parts WHERE attachment = ANY($1)", [row["id"] for row in rows]
        )

    async def replace_form(
        self,
        kind: str,
        subject: str,
        form: dict[str, Any],
        signed: tuple[str, dict[str, Any] | None],
        at: datetime,
    ) -> None:
        """Keep the form as it was, and put the new one with its filer's signature in its place.

        Args:
            kind: `application` or `extension`.
            subject: Which.
            form: The new one.
            signed: Its SHA-256, and what the filer's own key signed.
            at: When it was signed.
        """
        (table, signatures, own), (digest, own_key) = _FORMS[kind], signed
        await self._conn.execute(
            "INSERT INTO earlier_forms (subject, digest, form, signed_at, replaced_at)"  # noqa: S608 - from code
            " SELECT f.id, f.form_digest, f.form, s.signed_at, $2"
            f" FROM {table} f JOIN {signatures} s ON {own} WHERE f.id = $1",
            subject,
            at,
        )
        await self._conn.execute(
            f"UPDATE {table} SET form = $2, form_digest = $3 WHERE id = $1",  # noqa: S608 - from code
            subject,
            json.dumps(form, ensure_ascii=False),
            digest,
        )
        await self._conn.execute(
            f"UPDATE {signatures} s SET digest = $2, signed_at = $3, own_key = $4 WHERE {own}",  # noqa: S608 - from code
            subject,
            digest,
            at,
            json.dumps(own_key) if own_key else None,
        )

    async def earlier(self, subject: str) -> list[EarlierForm]:
        """The forms that were signed before, in order."""
        rows: list[asyncpg.Record] = await self._conn.fetch(
            "SELECT digest, signed_at, replaced_at FROM earlier_forms WHERE subject = $1"
            " ORDER BY replaced_at",
            subject,
        )
        return [EarlierForm(**row) for row in rows]
