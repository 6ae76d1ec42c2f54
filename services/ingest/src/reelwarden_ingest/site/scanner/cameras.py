"""Cameras: their newest segment, what was last told about them, who erases their footage."""

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from reelwarden_ingest.site.scanner import rows
from reelwarden_ingest.site.scanner.domain import Keeping, Said

_REGISTER = """
    INSERT INTO cameras (camera, keep_days, managed) VALUES (?, ?, ?)
    ON CONFLICT (camera) DO UPDATE SET keep_days = excluded.keep_days, managed = excluded.managed
"""
_SAY = """
    INSERT INTO cameras (camera, silent_since_us, offset_ms) VALUES (?, ?, ?)
    ON CONFLICT (camera) DO UPDATE SET silent_since_us = excluded.silent_since_us,
        offset_ms = excluded.offset_ms
"""
_NEWEST = """
    SELECT start_us, end_us, mtime_ns FROM segments WHERE camera = ? ORDER BY start_us DESC LIMIT 1
"""


class Cameras:
    """Part of the catalogue, in its transaction."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn

    def newest(self, camera: str) -> tuple[datetime, datetime, datetime] | None:
        """Start, end and file time of a camera's segment with the latest start."""
        row = self.conn.execute(_NEWEST, (camera,)).fetchone()
        if row is None:
            return None
        return rows.moment(row["start_us"]), rows.moment(row["end_us"]), rows.moment(row["mtime_ns"] // 1000)

    def keeping(self, camera: str, configured: Mapping[str, Keeping]) -> Keeping | None:
        """The district's register goes before the site's own file."""
        kept = configured.get(camera)
        query = "SELECT keep_days, managed FROM cameras WHERE camera = ?"
        row = self.conn.execute(query, (camera,)).fetchone()
        if kept is None or row is None or row["keep_days"] is None:
            return kept
        return Keeping(bool(row["managed"]), replace(kept.period, days=row["keep_days"]))

    def register(self, camera: str, keep_days: int, *, managed: bool) -> None:
        """What the district's register says of a camera."""
        self.conn.execute(_REGISTER, (camera, keep_days, managed))

    def said(self, camera: str) -> Said:
        """What was last said about a camera."""
        query = "SELECT silent_since_us, offset_ms FROM cameras WHERE camera = ?"
        row = self.conn.execute(query, (camera,)).fetchone()
        if row is None:
            return Said(None, 0)
        since = row["silent_since_us"]
        return Said(None if since is None else rows.moment(since), row["offset_ms"])

    def say(self, camera: str, said: Said) -> None:
        """Remember it."""
        since = None if said.silent_since is None else rows.microseconds(said.silent_since)
        self.conn.execute(_SAY, (camera, since, said.offset_ms))
