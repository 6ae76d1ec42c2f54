"""The forecast of days: never later than what really happens, and quiet where the disk suffices (R3.1)."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from reelwarden_common.period import KeepPeriod
from reelwarden_ingest.site.scanner.domain import Keeping
from reelwarden_ingest.site.scanner.forecast import DAY, Forecast, Stored, daily_rate, forecast

NOW = datetime(2026, 3, 29, 15, 30, tzinfo=UTC)
ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati")
HOUR = timedelta(hours=1)
GRACE = timedelta(hours=12)


def stored(
    camera: str = "gate",
    *,
    held_days: float = 3,
    daily: int = 24_000,
    keep: int = 30,
    managed: bool = True,
    zone: str = "Asia/Shanghai",
    overwriting: bool = False,
) -> Stored:
    """A camera that wrote evenly, an hour at a time, since so many days."""
    oldest = NOW - held_days * DAY
    hours = round(held_days * 24)
    days = Counter[date]()
    for hour in range(hours):
        days[(oldest + hour * HOUR).date()] += daily // 24
    keeping = Keeping(managed, KeepPeriod(keep, GRACE, zone))
    return Stored(camera, keeping, dict(days), oldest, overwriting)


def really_full(free: int, cameras: list[Stored], days: int) -> float | None:
    """What happens: hour by hour each camera writes its rate, and what is due goes."""
    lying = Counter[tuple[datetime, str]]()
    for one in cameras:
        hours = round((NOW - one.oldest) / HOUR)
        for hour in range(hours):
            due = one.keeping.period.due(one.oldest + (hour + 1) * HOUR)
            if due > NOW:
                lying[due, one.camera] += sum(one.days.values()) // hours
    rates = {one.camera: daily_rate(one, NOW) / 24 for one in cameras}
    room = float(free)
    for hour in range(1, days * 24 + 1):
        at = NOW + hour * HOUR
        for due, camera in [key for key in lying if key[0] <= at]:
            room += lying.pop((due, camera))
        for one in cameras:
            room -= rates[one.camera]
            lying[one.keeping.period.due(at), one.camera] += round(rates[one.camera])
        if room < 0:
            return hour / 24
    return None


def days_of(made: Forecast) -> dict[str, int]:
    return {one.camera: round(one.days) for one in made.cameras}


def test_a_disk_that_fills_before_its_days_are_over_is_foretold() -> None:
    made = forecast(10 * 24_000, [stored(held_days=3)], NOW)
    assert made.full_in_days is not None
    assert round(made.full_in_days) == 10
    assert days_of(made) == {"gate": 13}
    (camera,) = made.cameras
    assert (camera.keep_days, round(camera.held_days, 1), round(camera.daily)) == (30, 3.0, 24_000)


def test_a_disk_that_has_its_days_and_little_more_is_quiet() -> None:
    """What leaves each day makes room: dividing free space by the rate would cry wolf here."""
    made = forecast(3 * 24_000, [stored(held_days=31)], NOW)
    assert made.full_in_days is None
    assert days_of(made) == {"gate": 30}


def test_what_is_overdue_and_still_there_is_held_and_makes_no_room() -> None:
    assert forecast(3 * 24_000, [stored(held_days=60)], NOW).full_in_days is None
    old = Stored("gate", stored().keeping, {date(2026, 1, 1): 10**9, NOW.date(): 15_500}, NOW - 90 * DAY)
    assert forecast(24_000, [old], NOW).full_in_days is not None


def test_cameras_with_more_days_share_the_disk_with_those_with_fewer() -> None:
    cameras = [stored("gate", keep=90), stored("hall", keep=30)]
    made = forecast(60 * 24_000, cameras, NOW)
    assert days_of(made) == {"gate": 34, "hall": 30}
    assert forecast(130 * 24_000, cameras, NOW).full_in_days is None


def test_a_recorder_at_its_own_limit_holds_what_it_holds() -> None:
    free = 100 * 24_000
    young = forecast(free, [stored(managed=False)], NOW)
    assert days_of(young) == {"gate": 103}
    full = forecast(free, [stored(managed=False, held_days=12, overwriting=True)], NOW)
    assert days_of(full) == {"gate": 12}


def test_a_higher_rate_shortens_the_days_of_a_recorder_before_they_are_shorter() -> None:
    """A camera set to twice the bit rate: what is there is still 30 days, what will be there is less."""
    before = stored(managed=False, held_days=30, overwriting=True)
    lately = {day: size * (2 if day >= NOW.date() - DAY else 1) for day, size in before.days.items()}
    made = forecast(0, [Stored("gate", before.keeping, lately, before.oldest, overwriting=True)], NOW)
    (camera,) = made.cameras
    assert round(camera.held_days) == 30
    assert camera.days < 17


def test_the_rate_of_a_first_hour_is_not_known() -> None:
    young = Stored("gate", stored().keeping, {NOW.date(): 10**9}, NOW - timedelta(minutes=50))
    assert forecast(10, [young], NOW).cameras == ()
    assert forecast(10, [], NOW) == Forecast(None, ())


CAMERA = st.builds(
    stored,
    held_days=st.floats(0.5, 40),
    daily=st.integers(1_000, 200_000).map(lambda n: n * 24),
    keep=st.integers(1, 45),
    zone=st.sampled_from(ZONES),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(CAMERA, min_size=1, max_size=3), st.floats(0, 60))
def test_it_comes_in_time_and_is_not_far_off(cameras: list[Stored], room: float) -> None:
    """Against a disk that is played hour by hour."""
    cameras = [
        Stored(f"c{n}", one.keeping, one.days, one.oldest, one.overwriting) for n, one in enumerate(cameras)
    ]
    every_day = sum(daily_rate(one, NOW) for one in cameras)
    free = round(room * every_day)
    told = forecast(free, cameras, NOW).full_in_days
    happened = really_full(free, cameras, 100)
    if happened is not None:  # with a hair's breadth less it may be full a day before: room comes once a day
        in_time = forecast(max(0, round(free - every_day / 12)), cameras, NOW).full_in_days
        assert in_time is not None
        assert in_time <= happened + 0.25
    if told is not None:
        assert really_full(max(0, round(free - every_day)), cameras, 100) is not None


@given(st.lists(CAMERA, min_size=1, max_size=3), st.integers(0, 10**9), st.integers(0, 10**9))
def test_more_room_is_never_full_sooner(cameras: list[Stored], free: int, more: int) -> None:
    less, rich = forecast(free, cameras, NOW), forecast(free + more, cameras, NOW)
    if rich.full_in_days is not None:
        assert less.full_in_days is not None
        assert less.full_in_days <= rich.full_in_days + 1e-6
    assert all(a.days <= b.days + 1e-6 for a, b in zip(less.cameras, rich.cameras, strict=True))
