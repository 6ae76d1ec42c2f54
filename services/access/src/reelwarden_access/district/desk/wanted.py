"""Which applications of a list are wanted: what the filters of the lists say."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from reelwarden_access.district.desk.application import Status

PAGE = 50
"""Applications on one page."""
MOST = 200
"""As many as a program is told at once."""
MOST_IN_A_TABLE = 10_000
"""Rows of an exported list."""
_LAST_PAGE = 200
_DIGITS = 5
_YEARS = range(2000, 2100)


@dataclass(frozen=True)
class Wanted:
    """A part of a list; what is None is not asked for."""

    status: Status | None = None
    school: str | None = None
    since: datetime | None = None
    """Filed at or after."""
    until: datetime | None = None
    """Filed before."""
    number: str = ""
    """A part of its number."""
    most: int = MOST
    skip: int = 0

    @property
    def filtered(self) -> bool:
        """Whether anything is left out on purpose."""
        return any((self.status, self.school, self.since, self.until, self.number))

    def statuses(self, of_list: Collection[Status]) -> list[str]:
        """Those of the list that are asked for."""
        return [str(one) for one in of_list if self.status in (None, one)]

    def all_at_once(self, most: int) -> "Wanted":
        """The same, from the first on."""
        return replace(self, most=most, skip=0)


EVERYTHING = Wanted()


def wanted(query: Mapping[str, str], zone: str) -> Wanted:
    """What an address asks for; what cannot be read is not asked for.

    Args:
        query: `status`, `school`, `since`, `until` (local days, both included), `number`, `page` from 1.
        zone: the district's.
    """
    page = query.get("page", "1")
    number = int(page) if page.isascii() and page.isdigit() and len(page) <= _DIGITS else 1
    return Wanted(
        status=next((one for one in Status if one == query.get("status")), None),
        school=query.get("school") or None,
        since=_midnight(query.get("since", ""), zone),
        until=_midnight(query.get("until", ""), zone, timedelta(days=1)),
        number=query.get("number", "").replace("\0", "").strip()[:60],
        most=PAGE + 1,
        skip=PAGE * (min(max(number, 1), _LAST_PAGE) - 1),
    )


def _midnight(day: str, zone: str, later: timedelta = timedelta()) -> datetime | None:
    try:
        found = date.fromisoformat(day)
    except ValueError:
        return None
    return datetime.combine(found + later, time.min, ZoneInfo(zone)) if found.year in _YEARS else None
