"""Camera-days: what is told of them, and which are to be told again."""

import sqlite3
from datetime import datetime, timedelta

from reelwarden_common.errors import Refused
from reelwarden_common.events.ingest import LostSegment, Segment, SegmentAltered
from reelwarden_ingest.site.scanner import rows
from reelwarden_ingest.site.scanner.domain import ON_DISK, State

_UNCOUNT_CAMERA = """
    INSERT OR IGNORE INTO uncounted
    SELECT DISTINCT camera, date(start_us / 1000000, 'unixepoch') FROM segments WHERE camera = ?
"""


class Days:
    """Part of the catalogue, in its transaction. Days are UTC, written YYYY-MM-DD."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn

    def changed(self, camera: str, day: str) -> None:
        """A camera-day's count has changed, or is asked for."""
        self.conn.execute("INSERT OR IGNORE INTO uncounted VALUES (?, ?)", (camera, day))

    def all_changed(self, camera: str) -> None:
        """All of a camera's days are to be told again."""
        self.conn.execute(_UNCOUNT_CAMERA, (camera,))

    def untold(self, limit: int) -> list[tuple[str, str]]:
        """Camera-days to be told."""
        query = "SELECT camera, day FROM uncounted ORDER BY day, camera LIMIT ?"
        return [(row["camera"], row["day"]) for row in self.conn.execute(query, (limit,)).fetchall()]

    def told(self, camera: str, day: str) -> None:
        """A camera-day was told."""
        self.conn.execute("DELETE FROM uncounted WHERE camera = ? AND day = ?", (camera, day))

    def states(self, camera: str, day: str) -> dict[str, str]:
        """What `DayCounted` counts of a camera-day (UTC): all that was recorded and not erased by us.

        Of each id what was told of it: what its own recorder overwrote, or other footage displaced, was told
        as recorded, and so was what became unreadable.
        """
        query = """
            SELECT id, state, found_digest FROM segments
            WHERE camera = ? AND start_us >= ? AND start_us < ? AND state <> 'erased'
        """
        found = self.conn.execute(query, (camera, *_span(day)))
        return {row["id"]: _told(State(row["state"]), row["found_digest"]) for row in found}

    def following(self, camera: str, day: str) -> tuple[str, str] | None:
        """The first camera-day behind this one of which the catalogue has anything; both empty: of all."""
        since = _span(day)[1] if day else 0
        query = (
            "SELECT camera, start_us FROM segments WHERE (camera, start_us) >= (?, ?) ORDER BY 1, 2 LIMIT 1"
        )
        row = self.conn.execute(query, (camera, since)).fetchone()
        return None if row is None else (row["camera"], f"{rows.moment(row['start_us']):%Y-%m-%d}")

    def segments(
        self, camera: str, day: str
    ) -> tuple[list[Segment], list[SegmentAltered], list[LostSegment]]:
        """A camera-day's (UTC) segments: on the disk, of these the altered ones, and lost.

        Raises:
            Refused: there is no such day.
        """
        query = "SELECT * FROM recorded WHERE camera = ? AND start_us >= ? AND start_us < ? ORDER BY start_us"
        found = self.conn.execute(query, (camera, *_span(day))).fetchall()
        present = [rows.segment(row) for row in found if row["state"] in ON_DISK]
        altered = [
            rows.altered(row) for row in found if row["state"] == State.ALTERED and row["found_digest"]
        ]
        return present, altered, [rows.lost(rows.segment(row)) for row in found if row["state"] == State.LOST]


def _told(state: State, found_digest: str | None) -> str:
    if state is State.LOST or (state is State.ALTERED and found_digest):
        return state.value
    return "recorded"


def _span(day: str) -> tuple[int, int]:
    try:
        start = datetime.fromisoformat(f"{day}T00:00:00+00:00")
        return rows.microseconds(start), rows.microseconds(start + timedelta(days=1))
    except (ValueError, OverflowError) as error:
        raise Refused(f"{day} is no day of the calendar") from error
