"""When footage is due: the one definition that retention, backup, index and inspection share.

R3.1 with 条例 art. 17, counted as the rules of time say: local days, so that a school's calendar decides.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

BELIEVED_AHEAD = timedelta(hours=24)
"""A file cannot hold what was recorded after it was written last; a claim further ahead is not believed."""


@dataclass(frozen=True)
class KeepPeriod:
    """How long a camera's footage is kept: whole local days after the recording day, plus a grace."""

    days: int
    grace: timedelta
    zone: str

    def due(self, end: datetime) -> datetime:
        """The moment (UTC) from which footage ending at `end` may be erased.

        >>> from datetime import timedelta
        >>> period = KeepPeriod(30, timedelta(hours=12), "Asia/Shanghai")
        >>> period.due(datetime.fromisoformat("2026-03-02T08:00:00+08:00")).astimezone(
        ...     ZoneInfo("Asia/Shanghai")).isoformat()
        '2026-04-02T12:00:00+08:00'
        """
        zone = ZoneInfo(self.zone)
        recording_day = end.astimezone(zone).date()
        midnight = datetime.combine(
            recording_day + timedelta(days=self.days + 1), datetime.min.time(), tzinfo=zone
        )
        return midnight.astimezone(UTC) + self.grace


def believed_end(claimed: datetime, file_time: datetime) -> datetime:
    """The end of a segment for counting its period: the later of claimed end and file time.

    A claim more than 24 h after the file time is not believed; the file time rules.

    >>> day = datetime(2026, 3, 2, tzinfo=UTC)
    >>> believed_end(day, day + timedelta(days=9)) == day + timedelta(days=9)
    True
    >>> believed_end(day + timedelta(days=900), day) == day
    True
    """
    return file_time if claimed - file_time > BELIEVED_AHEAD else max(claimed, file_time)
