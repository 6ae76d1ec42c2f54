"""How much lies on the disk of each camera and day, and what was last foretold of it."""

import sqlite3
from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta

from reelwarden_common.events.ingest import StorageForecast
from reelwarden_ingest.site.scanner import rows, sql
from reelwarden_ingest.site.scanner.domain import Keeping
from reelwarden_ingest.site.scanner.forecast import DAY, Stored

OVERWRITTEN_LATELY = timedelta(days=2)
"""A recorder that took footage away within this time is at its own limit."""


class Volumes:
    """Part of the catalogue, in its transaction; the table is kept by the database itself."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn

    def files(self) -> int:
        """How many files lie on the disk."""
        return int(self.conn.execute("SELECT coalesce(sum(files), 0) FROM volumes").fetchone()[0])

    def stored(self, keeping: Callable[[str], Keeping | None], now: datetime) -> list[Stored]:
        """What each camera has on the disk; cameras that nobody knows a period of are left out."""
        by_camera: dict[str, dict[date, int]] = defaultdict(dict)
        for row in self.conn.execute("SELECT camera, day, bytes FROM volumes ORDER BY camera, day"):
            by_camera[row["camera"]][_date(row["day"])] = row["bytes"]
        lately = rows.microseconds(now - OVERWRITTEN_LATELY)
        overwriting = {row["camera"] for row in self.conn.execute(sql.OVERWRITING, (lately,))}
        return [
            Stored(camera, kept, days, self._oldest(camera, min(days)), camera in overwriting)
            for camera, days in by_camera.items()
            if (kept := keeping(camera)) is not None
        ]

    def _oldest(self, camera: str, day: date) -> datetime:
        start = rows.EPOCH + _number(day) * DAY
        span = (rows.microseconds(start), rows.microseconds(start + DAY))
        return rows.moment(self.conn.execute(sql.OLDEST, (camera, *span)).fetchone()["start_us"])

    def told(self) -> tuple[StorageForecast, datetime] | None:
        """The forecast that was told last, and when."""
        row = self.conn.execute("SELECT told, at_us FROM forecast").fetchone()
        if row is None:
            return None
        return StorageForecast.model_validate_json(row["told"]), rows.moment(row["at_us"])

    def tell(self, forecast: StorageForecast, now: datetime) -> None:
        """Remember it."""
        told = (forecast.model_dump_json(), rows.microseconds(now))
        self.conn.execute("INSERT OR REPLACE INTO forecast VALUES (1, ?, ?)", told)


def _number(day: date) -> int:
    return (day - rows.EPOCH.date()).days


def _date(number: int) -> date:
    return rows.EPOCH.date() + timedelta(days=number)
