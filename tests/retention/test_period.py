"""Due is counted in whole local days, in every zone, whatever the clocks there do."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwarden_common.period import BELIEVED_AHEAD, KeepPeriod, believed_end

ZONES = [
    "Asia/Shanghai",
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "Africa/Casablanca",
]
MOMENTS = st.datetimes(
    min_value=datetime(2010, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2035, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.just(UTC),
)
PERIODS = st.builds(
    KeepPeriod,
    days=st.integers(1, 400),
    grace=st.integers(0, 72).map(lambda hours: timedelta(hours=hours)),
    zone=st.sampled_from(ZONES),
)


@pytest.mark.parametrize(
    ("recorded", "days", "zone", "due"),
    [
        ("2026-03-02T00:00:00+08:00", 30, "Asia/Shanghai", "2026-04-02T12:00:00+08:00"),
        ("2026-03-02T23:59:59+08:00", 30, "Asia/Shanghai", "2026-04-02T12:00:00+08:00"),
        ("2026-03-03T00:00:00+08:00", 30, "Asia/Shanghai", "2026-04-03T12:00:00+08:00"),
        ("2026-03-01T12:00:00+01:00", 30, "Europe/Berlin", "2026-04-01T12:00:00+02:00"),
        ("2026-10-01T12:00:00+02:00", 30, "Europe/Berlin", "2026-11-01T12:00:00+01:00"),
        ("2024-01-31T12:00:00+00:00", 29, "UTC", "2024-03-01T12:00:00+00:00"),
        ("2026-03-02T08:00:00+08:00", 90, "Asia/Shanghai", "2026-06-01T12:00:00+08:00"),
    ],
)
def test_examples(recorded: str, days: int, zone: str, due: str) -> None:
    period = KeepPeriod(days, timedelta(hours=12), zone)
    assert period.due(datetime.fromisoformat(recorded)) == datetime.fromisoformat(due)


@given(MOMENTS, PERIODS)
def test_every_second_of_the_days_promised_is_kept(end: datetime, period: KeepPeriod) -> None:
    due = period.due(end)
    zone = ZoneInfo(period.zone)
    last_kept_day = end.astimezone(zone).date() + timedelta(days=period.days)
    noon_of_it = datetime.combine(last_kept_day, time(12), tzinfo=zone)
    assert due > noon_of_it + period.grace
    assert due - end >= timedelta(days=period.days) + period.grace - timedelta(hours=26)
    assert due - end <= timedelta(days=period.days + 1) + period.grace + timedelta(hours=26)


@given(MOMENTS, st.timedeltas(timedelta(0), timedelta(days=3)), PERIODS)
def test_later_footage_is_never_due_earlier(end: datetime, by: timedelta, period: KeepPeriod) -> None:
    assert period.due(end + by) >= period.due(end)


@given(MOMENTS, PERIODS, st.integers(1, 30))
def test_a_longer_period_is_due_later(end: datetime, period: KeepPeriod, more: int) -> None:
    longer = KeepPeriod(period.days + more, period.grace, period.zone)
    assert longer.due(end) > period.due(end)


@given(MOMENTS, MOMENTS)
def test_the_end_that_counts(claimed: datetime, file_time: datetime) -> None:
    end = believed_end(claimed, file_time)
    assert end >= file_time, "a file cannot be due before it was written"
    assert end <= file_time + BELIEVED_AHEAD, "a claim far ahead keeps nothing for ever"
    if claimed <= file_time + BELIEVED_AHEAD:
        assert end >= claimed
