"""How coverage is read: gaps joined over midnight, nothing claimed of what lies outside."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from reelwarden_common.events.report import Severity
from reelwarden_report.district.inspector.domain import (
    WEIGHTS,
    Cause,
    DayCoverage,
    Kind,
    Span,
    day_span,
    days_back,
    gaps,
    kind_of_day,
    recorded_spans,
)

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = date(2026, 3, 2)
START = day_span(MONDAY, ZONE).start


def covered(day: date, recorded: list[tuple[datetime, datetime]]) -> DayCoverage:
    """A day's coverage as the index would answer."""
    span = day_span(day, ZONE)
    inside = [(max(a, span.start), min(b, span.end)) for a, b in recorded if a < span.end and b > span.start]
    edges = [span.start, *(edge for pair in inside for edge in pair), span.end]
    between = [Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]
    return DayCoverage(
        day,
        int(sum((b - a).total_seconds() for a, b in inside) * 1000),
        len(inside),
        inside[0][0] if inside else None,
        inside[-1][1] if inside else None,
        tuple(between),
    )


def test_a_gap_over_midnight_is_one_gap() -> None:
    recorded = [
        (START + timedelta(hours=20), START + timedelta(hours=23)),
        (START + timedelta(hours=26), START + timedelta(hours=27)),
    ]
    days = [covered(MONDAY + timedelta(days=n), recorded) for n in range(3)]
    assert gaps(days, 3) == [Span(START + timedelta(hours=23), START + timedelta(hours=26))]


def test_a_day_without_any_footage_between_two_others_is_a_gap() -> None:
    recorded = [
        (START + timedelta(hours=1), START + timedelta(hours=2)),
        (START + timedelta(hours=60), START + timedelta(hours=61)),
    ]
    days = [covered(MONDAY + timedelta(days=n), recorded) for n in range(3)]
    assert [gap.seconds for gap in gaps(days, 3)] == [58 * 3600]
    unheard_of = [day for day in days if day.segments]
    assert [gap.seconds for gap in gaps(unheard_of, 3)] == [58 * 3600]


def test_nothing_recorded_is_no_gap() -> None:
    assert gaps([covered(MONDAY, [])], 3) == []
    assert gaps([], 3) == []


@given(st.lists(st.integers(min_value=0, max_value=2 * 86400), min_size=2, max_size=20, unique=True))
def test_recorded_and_gaps_fill_what_lies_between_first_and_last(cuts: list[int]) -> None:
    edges = [START + timedelta(seconds=n) for n in sorted(cuts)]
    recorded = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    days = [covered(MONDAY + timedelta(days=n), recorded) for n in range(2)]
    missing = sum(gap.seconds for gap in gaps(days, 0))
    shown = sum(s.seconds for d in days for s in recorded_spans(day_span(d.day, ZONE), d))
    assert shown == sum((b - a).total_seconds() for a, b in recorded)
    assert missing == (recorded[-1][1] - recorded[0][0]).total_seconds() - shown


def test_days_end_today_by_the_local_calendar() -> None:
    late = datetime(2026, 3, 2, 17, tzinfo=UTC)
    assert days_back(late, 1, ZONE) == [date(2026, 3, 2), date(2026, 3, 3)]
    assert day_span(date(2026, 3, 29), ZoneInfo("Europe/Berlin")).seconds == 23 * 3600


def test_the_calendar_decides_which_inspection_it_is() -> None:
    assert [kind_of_day(date(2026, 3, d)) for d in (1, 2, 3)] == ["monthly", "weekly", "daily"]


def test_faults_are_mended_within_a_day() -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    assert Cause(Kind.LOST).deadline(at) == at + timedelta(hours=24)
    assert WEIGHTS[Kind.CUT_OFF].severity is Severity.SERIOUS
