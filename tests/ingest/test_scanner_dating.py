"""When a segment was filmed: the sources weighed against each other."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwarden_common.events.ingest import TimeSource
from reelwarden_ingest.site.scanner.dating import Claim, Dated, clock_offset_ms, date_segment
from reelwarden_ingest.site.scanner.domain import Reason, Rejection

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
TEN = timedelta(seconds=10)
HOUR = timedelta(hours=1)


def name(*instants: datetime) -> Claim:
    return Claim(TimeSource.NAME, instants, 1000)


def inside(instant: datetime) -> Claim:
    return Claim(TimeSource.CONTAINER, (instant,), 100)


def test_the_container_goes_before_the_name() -> None:
    start = NOW - HOUR
    dated = date_segment([inside(start), name(start + TEN)], NOW, TEN, NOW)
    assert dated == Dated(start, TimeSource.CONTAINER, 100)


def test_a_container_clock_that_was_never_set_gives_way_to_the_name() -> None:
    start = NOW - HOUR
    dated = date_segment([inside(datetime(1970, 1, 1, tzinfo=UTC)), name(start)], NOW, TEN, NOW)
    assert dated == Dated(start, TimeSource.NAME, 1000)


@pytest.mark.parametrize(("ahead", "source"), [(24, TimeSource.NAME), (24.1, TimeSource.FILE_TIME)])
def test_a_claim_a_day_after_the_file_time_is_not_believed(ahead: float, source: TimeSource) -> None:
    dated = date_segment([name(NOW + ahead * HOUR - TEN)], NOW, TEN, NOW)
    assert isinstance(dated, Dated)
    assert dated.source is source
    if source is TimeSource.FILE_TIME:
        assert dated.start == NOW - TEN


def test_a_claim_after_the_file_time_is_as_unsure_as_it_is_ahead() -> None:
    dated = date_segment([name(NOW + HOUR - TEN)], NOW, TEN, NOW)
    assert dated == Dated(NOW + HOUR - TEN, TimeSource.NAME, 3_600_000)


def the_day_of(instant: datetime, hours: int = 24) -> Claim:
    return Claim(TimeSource.NAME, (instant,), hours * 3_600_000)


def test_of_a_name_that_tells_a_day_the_file_time_says_the_rest() -> None:
    midnight = NOW - 8 * HOUR
    dated = date_segment([the_day_of(midnight)], NOW - HOUR, TEN, NOW)
    assert dated == Dated(NOW - HOUR - TEN, TimeSource.FILE_TIME, 60_000)
    over_midnight = date_segment([the_day_of(midnight - 24 * HOUR)], midnight + TEN, 3 * TEN, NOW)
    assert over_midnight == Dated(midnight - 2 * TEN, TimeSource.FILE_TIME, 60_000)


@pytest.mark.parametrize("days", [-1, 1, 30])
def test_a_day_that_the_file_time_contradicts_is_not_guessed(days: int) -> None:
    midnight = NOW - 8 * HOUR - timedelta(days=days)
    dated = date_segment([the_day_of(midnight)], NOW - HOUR, TEN, NOW)
    assert isinstance(dated, Rejection)
    assert dated.reason is Reason.UNREADABLE_TIME
    assert "cp -p" in dated.detail


@pytest.mark.parametrize(
    ("claims", "file_time", "reason"),
    [
        ([name(NOW)], datetime(1999, 12, 31, tzinfo=UTC), Reason.CLOCK_IMPLAUSIBLE),
        ([name(NOW)], NOW + HOUR, Reason.CLOCK_IMPLAUSIBLE),
        ([name(datetime(1970, 1, 1, tzinfo=UTC))], NOW, Reason.CLOCK_IMPLAUSIBLE),
        ([], NOW, Reason.UNREADABLE_TIME),
    ],
)
def test_what_cannot_be_dated_is_rejected(claims: list[Claim], file_time: datetime, reason: Reason) -> None:
    rejected = date_segment(claims, file_time, TEN, NOW)
    assert isinstance(rejected, Rejection)
    assert rejected.reason is reason


def test_a_file_server_may_be_a_little_ahead() -> None:
    assert isinstance(date_segment([name(NOW)], NOW + timedelta(minutes=9), TEN, NOW), Dated)


def test_the_file_time_decides_which_of_two_hours_it_was() -> None:
    first, second = NOW - 2 * HOUR, NOW - HOUR
    assert date_segment([name(first, second)], first + TEN, TEN, NOW) == Dated(first, TimeSource.NAME, 1000)
    assert date_segment([name(first, second)], second + TEN, TEN, NOW) == Dated(second, TimeSource.NAME, 1000)


def test_a_copy_leaves_it_open_which_of_two_hours_it_was() -> None:
    dated = date_segment([name(NOW - 30 * HOUR, NOW - 29 * HOUR)], NOW, TEN, NOW)
    assert isinstance(dated, Dated)
    assert dated.uncertainty_ms == 3_600_000


@given(
    st.lists(st.datetimes(timezones=st.just(UTC)), max_size=3),
    st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(1, 86_400_000),
)
def test_whatever_is_claimed_nothing_is_dated_before_2000_or_a_day_ahead(
    claimed: list[datetime], file_time: datetime, duration_ms: int
) -> None:
    duration = timedelta(milliseconds=duration_ms)
    claims = [name(instant) for instant in claimed if instant.year < 9999]
    dated = date_segment(claims, file_time, duration, NOW)
    if isinstance(dated, Dated):
        assert dated.start + duration <= file_time + timedelta(hours=24)
        assert dated.start >= datetime(1999, 12, 31, tzinfo=UTC)
        assert dated.uncertainty_ms > 0


def test_one_late_copy_does_not_move_a_cameras_offset() -> None:
    assert clock_offset_ms([-100, -200, -86_400_000]) == -200
