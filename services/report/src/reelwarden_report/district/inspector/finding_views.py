"""Findings as people look for them: filtered, by pages, one with its conversation."""

import json
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from reelwarden_report.district.inspector.domain import Kind, rule_of
from reelwarden_report.district.inspector.finding_work import ENDINGS, state_of
from reelwarden_report.district.inspector.shapes import FindingView, Shape


class FullFinding(FindingView):
    """A finding with what was done about it."""

    state: str
    owner: str | None
    """A role, or an account of the school."""
    escalated: str | None
    """The role that it went up to."""


class Note(Shape):
    """One word in the conversation."""

    kind: str
    person: str | None
    text: str
    at: datetime


@dataclass(frozen=True)
class Wanted:
    """Which findings; empty: all."""

    schools: tuple[str, ...]
    kind: str
    severity: str
    state: str
    """One of the states, or `standing` for all that are open."""
    limit: int
    skip: int


_WHERE = """
WHERE school = ANY($1) AND ($2 = '' OR kind = $2) AND ($3 = '' OR severity = $3)
    AND ($4 = '' OR ($4 = 'standing' AND closed_at IS NULL)
        OR ($4 = CASE WHEN closed_at IS NULL THEN progress
                      WHEN close_reason = ANY($5) THEN close_reason ELSE 'closed' END))
"""
_ORDER = """
ORDER BY closed_at IS NOT NULL, CASE severity WHEN 'serious' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END,
    opened_at DESC, finding LIMIT $6 OFFSET $7
"""


class FindingViews:
    """Reads findings."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def listed(self, wanted: Wanted, now: datetime) -> tuple[int, list[FullFinding]]:
        """How many there are in all, and one page of them: open ones first, the worst and newest of those."""
        asked = (list(wanted.schools), wanted.kind, wanted.severity, wanted.state, list(ENDINGS))
        total = await self._pool.fetchval(f"SELECT count(*) FROM finding {_WHERE}", *asked)  # noqa: S608 - ours
        rows = await self._pool.fetch(
            f"SELECT * FROM finding {_WHERE} {_ORDER}",  # noqa: S608 - ours
            *asked,
            wanted.limit,
            wanted.skip,
        )
        return total, [_full(row, now) for row in rows]

    async def one(self, finding: str, now: datetime) -> FullFinding | None:
        """One finding."""
        row = await self._pool.fetchrow("SELECT * FROM finding WHERE finding = $1", finding)
        return _full(row, now) if row else None

    async def notes(self, finding: str) -> list[Note]:
        """Its conversation, oldest first."""
        rows = await self._pool.fetch("SELECT * FROM finding_note WHERE finding = $1 ORDER BY at", finding)
        return [Note.model_validate(dict(row)) for row in rows]


def _full(row: asyncpg.Record, now: datetime) -> FullFinding:
    facts = json.loads(row["facts"])
    known = {
        name: row[name]
        for name in FullFinding.model_fields
        if name in row.keys()  # noqa: SIM118 - a Record
    }
    return FullFinding(
        **known
        | {
            "facts": facts,
            "rule": rule_of(Kind(row["kind"]), facts),
            "text": "",
            "overdue": row["closed_at"] is None and now > row["deadline"],
            "state": state_of(row["progress"], row["close_reason"]),
        }
    )
