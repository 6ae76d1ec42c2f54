"""Heat maps: how full a cell is, and that what is not known is never drawn as good."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from reelwarden_report.district.inspector.domain import DayCoverage, Span, day_span
from reelwarden_report.district.inspector.heat import (
    Cell,
    Frame,
    Level,
    Sight,
    counted,
    day_cell,
    days_held,
    frames,
    hour_cells,
    paths,
)

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 3, 31)
NOW = datetime(2026, 3, 31, 4, tzinfo=UTC)
"""Noon in the district."""
DAY_MS = 86_400_000
SIGHT = Sight(NOW, TODAY, 30, "continuous", datetime(2026, 1, 1, tzinfo=UTC))
YESTERDAY = Frame(date(2026, 3, 30), day_span(date(2026, 3, 30), ZONE))


@pytest.mark.parametrize(
    ("recorded", "level"),
    [
        (None, Level.UNKNOWN),
        (0, Level.NONE),
        (1, Level.SOME),
        (DAY_MS // 2, Level.MOST),
        (DAY_MS * 9 // 10, Level.NEARLY),
        (DAY_MS * 99 // 100, Level.NEARLY),
        (DAY_MS, Level.FULL),
    ],
)
def test_a_day_is_as_full_as_it_was_recorded(recorded: int | None, level: Level) -> None:
    assert day_cell(YESTERDAY, recorded, SIGHT).level is level


def test_of_today_only_what_is_over_counts() -> None:
    today = frames(TODAY, 1, ZONE)[0]
    assert day_cell(today, DAY_MS // 2, SIGHT).level is Level.FULL
    assert day_cell(today, DAY_MS // 4, SIGHT).level is Level.MOST


def test_before_its_first_footage_a_camera_is_not_in_service_and_behind_its_days_erased() -> None:
    young = Sight(NOW, TODAY, 30, "continuous", YESTERDAY.span.start + timedelta(hours=12))
    assert day_cell(YESTERDAY, DAY_MS // 2, young).level is Level.FULL
    before, old = frames(TODAY, 3, ZONE)[0], frames(TODAY, 33, ZONE)[0]
    for said in (0, None):
        assert day_cell(before, said, young).level is Level.BEFORE
    assert {cell.level for cell in hour_cells(before, None, young)} == {Level.BEFORE}
    began = hour_cells(YESTERDAY, DayCoverage(YESTERDAY.day, 43_200_000, 9, None, None, ()), young)
    assert [cell.level for cell in began[:12]] == [Level.BEFORE] * 12
    assert Level.BEFORE not in {cell.level for cell in began[12:]}
    assert day_cell(old, DAY_MS, SIGHT).level is Level.DUE
    never = Sight(NOW, TODAY, 30, "continuous", None)
    assert day_cell(YESTERDAY, 0, never).level is Level.UNKNOWN


def test_on_motion_any_footage_of_a_day_is_enough_and_a_still_hour_is_no_gap() -> None:
    motion = Sight(NOW, TODAY, 30, "motion", SIGHT.first)
    assert day_cell(YESTERDAY, 1000, motion).level is Level.FULL
    assert day_cell(YESTERDAY, 0, motion).level is Level.NONE
    start = YESTERDAY.span.start
    one_hour = DayCoverage(YESTERDAY.day, 3_600_000, 1, start, start + timedelta(hours=1), ())
    assert counted(hour_cells(YESTERDAY, one_hour, motion)) == {Level.FULL: 1, Level.UNKNOWN: 23}
    assert counted(hour_cells(YESTERDAY, one_hour, SIGHT)) == {Level.FULL: 1, Level.NONE: 23}


def test_hours_show_where_a_gap_lies_and_days_have_as_many_as_the_clock_gave_them() -> None:
    start, end = YESTERDAY.span
    gap = Span(start + timedelta(hours=2), start + timedelta(hours=3, minutes=15))
    day = DayCoverage(YESTERDAY.day, DAY_MS - 4_500_000, 9, start, end, (gap,))
    levels = [cell.level for cell in hour_cells(YESTERDAY, day, SIGHT)]
    assert levels[1:5] == [Level.FULL, Level.NONE, Level.MOST, Level.FULL]
    berlin = ZoneInfo("Europe/Berlin")
    short = frames(date(2026, 3, 29), 1, berlin)[0]
    whole = DayCoverage(short.day, 23 * 3_600_000, 1, *short.span, ())
    assert counted(hour_cells(short, whole, SIGHT)) == {Level.FULL: 23}


def test_days_held_are_those_with_footage_within_the_keep_days() -> None:
    recorded = {TODAY - timedelta(days=n): DAY_MS if n % 2 else 0 for n in range(90)}
    assert days_held(recorded, SIGHT) == 15
    assert days_held(dict.fromkeys(recorded, DAY_MS), SIGHT) == 30
    assert days_held({TODAY: None}, SIGHT) == 0


def test_a_day_before_service_is_told_by_its_shape_too() -> None:
    shapes = {level: paths([Cell(level, None)])[0][1] for level in Level}
    assert shapes.pop(Level.BEFORE) == "M0 8h9"
    assert set(shapes.values()) == {"M0 0h9v16h-9z"}


def test_a_row_is_one_path_per_level() -> None:
    drawn = paths([day_cell(YESTERDAY, ms, SIGHT) for ms in (DAY_MS, 0, DAY_MS)])
    assert drawn == [(Level.FULL, "M0 0h9v16h-9zM20 0h9v16h-9z"), (Level.NONE, "M10 0h9v16h-9z")]
