"""How many days of each camera's footage the storage will hold at the present rate (R3.1). Pure.

A disk that is full is no surprise: what is written each day, what leaves when it is due and what is free
are known weeks before. What is due already and still lies there is held, or waits for a person: it is not
expected to leave.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from reelwarden_common.period import KeepPeriod
from reelwarden_ingest.site.scanner.domain import Keeping

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WINDOWS = (1, 7)
"""Rates are taken over so many days and today; the higher counts, as school days are busier than Sundays."""
SHORTEST_WINDOW = timedelta(hours=1)
"""What was recorded within less says nothing about a day."""


@dataclass(frozen=True)
class Stored:
    """What one camera has on the disk, and by which rule."""

    camera: str
    keeping: Keeping
    days: Mapping[date, int]
    """Bytes by the UTC day of their start; days without any may be missing."""
    oldest: datetime
    """Start of its oldest segment there."""
    overwriting: bool = False
    """Its recorder erases already: the free space is not for it."""


@dataclass(frozen=True)
class Holding:
    """How many days of a camera's footage are there, and how many there will be."""

    camera: str
    held_days: float
    days: float
    keep_days: int
    daily: float
    """Bytes a day."""


@dataclass(frozen=True)
class Forecast:
    """What becomes of a storage if all goes on as it does."""

    full_in_days: float | None
    """None: what leaves makes room for what comes, or recorders overwrite by themselves."""
    cameras: tuple[Holding, ...]


def daily_rate(stored: Stored, now: datetime) -> float:
    """Bytes a day that a camera writes; 0 while it is not known."""
    rates = [0.0]
    for back in WINDOWS:
        first = (now - back * DAY).astimezone(UTC).date()
        begun = max(datetime.combine(first, time(), UTC), stored.oldest)
        if now - begun >= SHORTEST_WINDOW:
            recorded = sum(size for day, size in stored.days.items() if day >= first)
            rates.append(recorded / ((now - begun) / DAY))
    return max(rates)


def forecast(free: int, cameras: Iterable[Stored], now: datetime) -> Forecast:
    """What the storage will hold.

    Args:
        free: bytes that can still be written.
        cameras: those that have footage there; one without a rate is left out.
        now: when `free` was measured.
    """
    rated = [(stored, daily_rate(stored, now)) for stored in cameras]
    rated = [(stored, daily) for stored, daily in rated if daily > 0]
    full = _full_in_days(free, rated, now)
    every_day = sum(daily for _, daily in rated)
    found = []
    for stored, daily in rated:
        held = max(now - stored.oldest, timedelta(0)) / DAY
        keep = stored.keeping.period.days
        if stored.keeping.managed:
            days = float(keep) if full is None else min(held + full, float(keep))
        else:
            room = 0.0 if stored.overwriting else free / every_day
            days = sum(stored.days.values()) / daily + room
        found.append(Holding(stored.camera, held, days, keep, daily))
    stops = any(stored.keeping.managed for stored, _ in rated)
    return Forecast(full if stops else None, tuple(found))


def _full_in_days(free: int, rated: Sequence[tuple[Stored, float]], now: datetime) -> float | None:
    """Hour by hour: what is written, and what leaves because it is due."""
    rates, leaving, endless = defaultdict[KeepPeriod, float](float), defaultdict[int, float](float), 0.0
    for stored, daily in rated:
        if stored.keeping.managed:
            rates[stored.keeping.period] += daily / 24
        else:
            endless += daily / 24
    for period, day, size in _by_hours(rated):
        leaving[_hours(period.due(day), now)] += size
    room, written = float(free), endless + sum(rates.values())
    hours = max(((period.days + 2) * DAY + period.grace for period in rates), default=DAY) // HOUR
    for hour in range(1, hours + 1):
        room += leaving[hour] - written
        if room < 0:
            return (hour - 1) / 24
        for period, rate in rates.items():
            leaving[_hours(period.due(now + hour * HOUR), now)] += rate
    return (hours + room / endless) / 24 if endless else None


def _by_hours(rated: Iterable[tuple[Stored, float]]) -> Iterator[tuple[KeepPeriod, datetime, float]]:
    """What lies there as if written evenly over its UTC day: an hour's end and its bytes, by period."""
    days: Counter[tuple[KeepPeriod, date]] = Counter()
    for stored, _ in rated:
        for day, size in stored.days.items() if stored.keeping.managed else ():
            days[stored.keeping.period, day] += size
    for (period, day), size in days.items():
        for hour in range(1, 25):
            yield period, datetime.combine(day, time(), UTC) + hour * HOUR, size / 24


def _hours(moment: datetime, now: datetime) -> int:
    """In which hour from now it is, counted from 1; less for what is over."""
    return -(-(moment - now) // HOUR)
