"""Signed acts without a form of their own: release, declaration, review, confirmation, a stopped release."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reelwarden_common.messaging.postgres import Connection


@dataclass(frozen=True)
class SignedAct:
    """Who signed what, as it was shown."""

    act: str
    subject: str
    """The application, extension or sweep."""
    signer: str
    name: str
    unit: str
    role: str
    shown: dict[str, Any]
    """What the page showed; `digest` is its SHA-256 (RFC 8785)."""
    digest: str
    words: str
    """What the signer wrote with it."""
    own_key: dict[str, Any] | None
    """What the signer's own key signed; None: the password was given again."""
    signed_at: datetime


class SignedActsTable:
    """Only ever added to."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def add(self, one: SignedAct) -> None:
        """Keep a signature."""
        await self._conn.execute(
            "INSERT INTO signed_acts (act, subject, signer, name, unit, role, shown, digest, words, own_key,"
            " signed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            one.act,
            one.subject,
            one.signer,
            one.name,
            one.unit,
            one.role,
            json.dumps(one.shown, ensure_ascii=False),
            one.digest,
            one.words,
            json.dumps(one.own_key) if one.own_key else None,
            one.signed_at,
        )

    async def of(self, subject: str) -> list[SignedAct]:
        """All about one thing, the oldest first."""
        rows = await self._conn.fetch(
            "SELECT act, subject, signer, name, unit, role, shown, digest, words, own_key, signed_at"
            " FROM signed_acts WHERE subject = $1 ORDER BY id",
            subject,
        )
        return [
            SignedAct(
                **{
                    **row,
                    "shown": json.loads(row["shown"]),
                    "own_key": json.loads(row["own_key"]) if row["own_key"] else None,
                }
            )
            for row in rows
        ]
