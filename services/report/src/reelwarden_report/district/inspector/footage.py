"""What the inspector writes down about footage: recorded, unusable, altered, lost, erased, covered."""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from itertools import groupby

from reelwarden_common.events import backup, ingest, retention
from reelwarden_report.district.inspector.as_json import as_json
from reelwarden_report.district.inspector.domain import (
    DayCoverage,
    day_span,
    keep_days_of,
    local_days,
)
from reelwarden_report.district.inspector.findings import Findings

_ERASED = """
INSERT INTO erased_day VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (school, camera, day, plan) DO UPDATE SET segments = erased_day.segments + excluded.segments,
    bytes = erased_day.bytes + excluded.bytes, start = least(erased_day.start, excluded.start),
    "end" = greatest(erased_day."end", excluded."end"), due = greatest(erased_day.due, excluded.due),
    erased_from = least(erased_day.erased_from, excluded.erased_from),
    erased_to = greatest(erased_day.erased_to, excluded.erased_to)
"""


class Footage(Findings):
    """The tables about footage."""

    async def recorded(self, school: str, segments: Iterable[ingest.Segment]) -> None:
        """New footage: when each camera was last heard of, and which days have changed."""
        spans: dict[str, tuple[datetime, datetime]] = {}
        days: set[tuple[str, date]] = set()
        for one in segments:
            first, last = spans.get(one.camera, (one.start, one.end))
            spans[one.camera] = min(first, one.start), max(last, one.end)
            days |= {(one.camera, day) for day in local_days(one.start, one.end, self.zone)}
        await self.conn.executemany(
            "INSERT INTO camera_state (school, camera, first_start, last_end) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (school, camera) DO UPDATE SET"
            " first_start = least(camera_state.first_start, excluded.first_start),"
            " last_end = greatest(camera_state.last_end, excluded.last_end), silent_since = NULL",
            [(school, camera, *spans[camera]) for camera in sorted(spans)],
        )
        await self.stale(school, days)

    async def silent(self, school: str, camera: str, since: datetime) -> None:
        await self.conn.execute(
            "UPDATE camera_state SET silent_since = $3 WHERE school = $1 AND camera = $2",
            school,
            camera,
            since,
        )

    async def clock_offset(self, school: str, camera: str, offset_ms: int) -> None:
        await self.conn.execute(
            "UPDATE camera_state SET clock_offset_ms = $3 WHERE school = $1 AND camera = $2",
            school,
            camera,
            offset_ms,
        )

    async def foretold(self, school: str, event: ingest.StorageForecast, at: datetime) -> bool:
        """What a school's storage will hold; False: something newer is known."""
        known = await self.conn.fetchval(
            "SELECT forecast_at FROM school_state WHERE school = $1 FOR UPDATE", school
        )
        if known is not None and known > at:
            return False
        await self.conn.execute(
            "UPDATE school_state SET full_in_days = $2, forecast_at = $3 WHERE school = $1",
            school,
            event.full_in_days,
            at,
        )
        await self.conn.execute("DELETE FROM camera_forecast WHERE school = $1", school)
        await self.conn.executemany(
            "INSERT INTO camera_forecast VALUES ($1, $2, $3, $4, $5, $6)",
            [(school, c.camera, c.held_days, c.days, c.keep_days, c.daily_bytes) for c in event.cameras],
        )
        return True

    async def foretells(self, school: str) -> bool:
        """Whether a school tells each camera's days; older ones tell only how long the free space lasts."""
        query = "SELECT forecast_at IS NOT NULL FROM school_state WHERE school = $1"
        return bool(await self.conn.fetchval(query, school))

    async def stale(self, school: str, days: Iterable[tuple[str, date]]) -> None:
        """These cameras' days are no longer as the index was last asked."""
        now = self.clock()
        await self.conn.executemany(
            "INSERT INTO camera_day (school, camera, day, touched_at) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (school, camera, day) DO UPDATE SET stale = true, touched_at = excluded.touched_at",
            [(school, camera, day, now) for camera, day in sorted(days)],
        )

    async def stale_span(self, school: str, camera: str, start: datetime, end: datetime) -> None:
        """The days of this span have changed."""
        await self.stale(school, {(camera, day) for day in local_days(start, end, self.zone)})

    async def stale_days(self, school: str | None = None, limit: int = 20) -> list[tuple[str, date]]:
        """Schools' days about which the index should be asked again, the oldest news first."""
        rows = await self.conn.fetch(
            "SELECT school, day FROM camera_day WHERE stale AND ($1::text IS NULL OR school = $1)"
            " GROUP BY school, day ORDER BY min(touched_at) LIMIT $2",
            school,
            limit,
        )
        return [(row["school"], row["day"]) for row in rows]

    async def covered(
        self, school: str, cameras: Mapping[str, DayCoverage], day: date, asked_at: datetime
    ) -> None:
        """The index's answer for one day; days that changed after the question stay stale.

        News younger than a few seconds may not have reached the index: that day is asked about once more.
        A camera that the answer does not name has nothing of that day, or no longer; before its first footage
        nothing is said of it.
        """
        settled = asked_at - timedelta(seconds=5)
        await self.conn.executemany(
            "INSERT INTO camera_day (school, camera, day, recorded_ms, segments, gaps, first, last, stale,"
            " touched_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, false, $9)"
            " ON CONFLICT (school, camera, day) DO UPDATE SET recorded_ms = excluded.recorded_ms,"
            " segments = excluded.segments, gaps = excluded.gaps, first = excluded.first,"
            " last = excluded.last, stale = camera_day.touched_at > $9",
            [
                (
                    school,
                    camera,
                    day,
                    one.recorded_ms,
                    one.segments,
                    as_json([[g.start, g.end] for g in one.gaps]),
                    one.first,
                    one.last,
                    settled,
                )
                for camera, one in sorted(cameras.items())
            ],
        )
        await self.conn.execute(
            "UPDATE camera_day SET stale = false, recorded_ms = 0, segments = 0, gaps = '[]', first = NULL,"
            " last = NULL WHERE school = $1 AND day = $2 AND NOT camera = ANY($3)"
            " AND touched_at <= $4",
            school,
            day,
            list(cameras),
            settled,
        )
        await self.conn.execute(
            "INSERT INTO camera_day (school, camera, day, recorded_ms, segments, stale, touched_at)"
            " SELECT school, camera, $2, 0, 0, false, $4 FROM camera_state"
            " WHERE school = $1 AND NOT camera = ANY($3) AND first_start < $5 ON CONFLICT DO NOTHING",
            school,
            day,
            list(cameras),
            settled,
            day_span(day, self.zone).end,
        )

    async def rejected(self, school: str, files: Iterable[ingest.RejectedFile]) -> None:
        await self.conn.executemany(
            "INSERT INTO rejected_file VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
            [
                (school, f.id, f.camera, f.locator, f.size, f.file_time, f.reason, f.detail, self.clock())
                for f in files
            ],
        )

    async def altered(self, school: str, event: ingest.SegmentAltered) -> None:
        await self.conn.execute(
            "INSERT INTO altered_segment VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            school,
            event.segment,
            event.found,
            event.camera,
            event.start,
            event.locator,
            event.digest,
            self.clock(),
        )

    async def lost(self, school: str, event: ingest.SegmentsLost) -> None:
        await self.conn.executemany(
            'INSERT INTO lost_segment (school, segment, camera, start, "end", digest, locator, noticed_at)'
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (school, segment) DO UPDATE"
            " SET noticed_at = excluded.noticed_at, restored_at = NULL, restore_failed = NULL",
            [
                (school, s.id, s.camera, s.start, s.end, s.digest, s.locator, event.noticed_at)
                for s in event.segments
            ],
        )

    async def still_lost(self, school: str, camera: str, day: date) -> int:
        """How many segments of a camera's day are lost and not restored."""
        span = day_span(day, self.zone)
        count = await self.conn.fetchval(
            "SELECT count(*) FROM lost_segment WHERE school = $1 AND camera = $2 AND start >= $3"
            " AND start < $4 AND restored_at IS NULL",
            school,
            camera,
            span.start,
            span.end,
        )
        return int(count)

    async def restored(self, school: str, event: backup.ObjectRestored) -> None:
        await self.conn.execute(
            "UPDATE lost_segment SET restored_at = $3, restore_failed = NULL"
            " WHERE school = $1 AND segment = $2",
            school,
            event.segment,
            self.clock(),
        )

    async def erased(self, school: str, certificates: Iterable[retention.Certificate]) -> None:
        """Count what was certified erased; in order, so that two replicas never wait for each other."""

        def group(one: retention.Certificate) -> tuple[str, date, str]:
            return one.camera, one.start.astimezone(self.zone).date(), one.plan

        found = []
        for (camera, day, plan), each in groupby(sorted(certificates, key=group), key=group):
            some = list(each)
            found.append(
                (
                    school,
                    camera,
                    day,
                    plan,
                    len(some),
                    sum(c.size for c in some),
                    min(c.start for c in some),
                    max(c.end for c in some),
                    max(c.due for c in some),
                    min(c.erased_at for c in some),
                    max(c.erased_at for c in some),
                )
            )
        await self.conn.executemany(_ERASED, found)

    async def plan(self, school: str, event: retention.PlanIssued, issued_at: datetime) -> None:
        """Keep what a plan demands of each camera."""
        await self.conn.execute(
            "INSERT INTO plan VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            school,
            event.digest,
            event.epoch,
            event.version,
            issued_at,
            json.dumps(keep_days_of(event.plan)),
        )
