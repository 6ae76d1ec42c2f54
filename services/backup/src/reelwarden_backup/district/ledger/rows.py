"""Rows of the ledger's tables as values, and what several of its queries begin with."""

import asyncpg

from reelwarden_backup.district.ledger.domain import Object

SCHOOLS = """
schools AS (SELECT min(school) AS school FROM objects UNION ALL
    SELECT (SELECT min(o.school) FROM objects o WHERE o.school > s.school) FROM schools s
    WHERE s.school IS NOT NULL)
"""
"""Every school that has copies: one step along the key each, however many copies there are."""


def object_of(row: asyncpg.Record) -> Object:
    """A row of `objects`."""
    return Object(
        school=row["school"],
        segment=row["segment"],
        object_version=row["object_version"],
        camera=row["camera"],
        start=row["start_at"],
        digest=row["digest"],
        size=row["size"],
        bucket=row["bucket"],
        key=row["key"],
        locked_until=row["locked_until"],
        tries=row["tries"],
    )
