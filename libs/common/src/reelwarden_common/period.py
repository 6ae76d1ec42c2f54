"""When footage is due: the one definition that retention, backup, index and inspection share.

R3.1 with 条例 art. 17, counted as the rules of time say: local days, so that a school's calendar decides.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


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
