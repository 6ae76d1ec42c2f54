"""Finding entries again: by application, hold or person, or by the footage that they speak of."""

from collections.abc import Sequence

from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.report import CustodyQuery, HistoryQuery
from reelwarden_common.messaging.postgres import Connection
from reelwarden_report.custody.leaves import PERSON
from reelwarden_report.district.registrar.domain import MOST_ENTRIES

_FEW_CAMERAS = 16
"""So many have a row each; more share one, from the first start to the last end of all."""
_EVERYTHING = "SELECT position FROM custody_entry WHERE school = $1"
_ABOUT = "SELECT position FROM custody_about WHERE school = $1 AND about = ANY($4)"
_FOOTAGE = """
    WITH touched AS MATERIALIZED (
        SELECT position FROM custody_footage
        WHERE school = $1 AND "to" > $5 AND "from" < $6 AND $4 = ANY(cameras)
    ), causes AS (
        SELECT DISTINCT about FROM custody_about
        WHERE school = $1 AND position IN (SELECT position FROM touched) AND NOT starts_with(about, 'person:')
    )
    SELECT position FROM touched
    UNION SELECT position FROM custody_about WHERE school = $1 AND about IN (SELECT about FROM causes)
"""
"""Entries that speak of the footage, and all about the applications and holds that those name."""


class HistoryTable:
    """The tables `custody_about` and `custody_footage`, beside the entries."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def add(self, school: str, spans: Sequence[tuple[int, Sequence[CameraSpan]]]) -> None:
        """Note which footage new entries speak of."""
        rows = [
            (school, place, part, cameras, start, end)
            for place, of in spans
            for part, (cameras, start, end) in enumerate(_rows(of))
        ]
        await self._conn.executemany("INSERT INTO custody_footage VALUES ($1, $2, $3, $4, $5, $6)", rows)

    async def find(self, query: HistoryQuery | CustodyQuery) -> list[tuple[int, str]]:
        """Places and texts of the newest entries that answer, in their order; one more than answers hold."""
        which, wanted = _which(query)
        before = query.before if isinstance(query, HistoryQuery) else None
        rows = await self._conn.fetch(
            f"SELECT position, text FROM custody_entry WHERE school = $1 AND position IN ({which})"  # noqa: S608 - ours
            " AND ($2::bigint IS NULL OR position < $2) ORDER BY position DESC LIMIT $3",
            query.school,
            before,
            MOST_ENTRIES + 1,
            *wanted,
        )
        return [(row["position"], row["text"]) for row in reversed(rows)]


def _which(query: HistoryQuery | CustodyQuery) -> tuple[str, tuple[object, ...]]:
    if isinstance(query, CustodyQuery):
        return _ABOUT, ([query.application, *query.holds],)
    if query.about is not None:
        return _ABOUT, ([query.about],)
    if query.person is not None:
        return _ABOUT, ([PERSON + query.person],)
    if query.camera is not None:
        return _FOOTAGE, (query.camera, query.start, query.end)
    return _EVERYTHING, ()


def _rows(spans: Sequence[CameraSpan]) -> list[tuple[list[str], object, object]]:
    if len(spans) <= _FEW_CAMERAS:
        return [([one.camera], one.start, one.end) for one in spans]
    cameras = sorted({one.camera for one in spans})
    return [(cameras, min(one.start for one in spans), max(one.end for one in spans))]
