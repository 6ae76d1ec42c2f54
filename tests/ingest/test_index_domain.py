"""The index's rules, without a database."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwarden_common.errors import Refused
from reelwarden_ingest.district.index.domain import (
    COLUMNS,
    HOUR,
    OLDEST,
    ask_again_after,
    hours_of,
    id_bytes,
    sort_out,
)
from tests.support.ingest import DAY, segment

NOW = DAY + timedelta(days=1)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
lengths = st.integers(-10, 25 * 3600).map(lambda s: timedelta(seconds=s))


@given(st.lists(st.tuples(st.sampled_from(["gate", "yard"]), moments, lengths), max_size=30))
def test_every_segment_is_indexed_or_quarantined_and_its_hours_are_touched(
    given_: list[tuple[str, datetime, timedelta]],
) -> None:
    said = [segment("s001", camera, start, end=start + length) for camera, start, length in given_]
    found = sort_out("s001", NOW, said, NOW)
    assert len(found.rows) + len(found.wild) == len(said)
    for one in found.rows:
        values = dict(zip(COLUMNS, one, strict=True))
        start, end = values["start_at"], values["end_at"]
        assert isinstance(start, datetime)
        assert isinstance(end, datetime)
        assert OLDEST <= start <= NOW + timedelta(hours=24)
        assert timedelta(0) <= end - start <= timedelta(hours=24)
        assert start.date() in found.days
        assert {("s001", values["camera"], hour) for hour in hours_of(start, end)} <= found.hours


@given(moments, lengths.filter(lambda length: length >= timedelta(0)))
def test_hours_of_a_span_cover_it(start: datetime, length: timedelta) -> None:
    hours = hours_of(start, start + length)
    assert hours[0] <= start < hours[0] + HOUR
    assert hours[-1] < start + length <= hours[-1] + HOUR or length == timedelta(0)
    assert all(b - a == HOUR for a, b in pairwise(hours))


@pytest.mark.parametrize("identifier", ["", "x", "AB" * 16, "ab" * 15, "ab" * 17, "ab" * 16 + "\n"])
def test_odd_ids_are_refused(identifier: str) -> None:
    with pytest.raises(Refused):
        id_bytes(identifier)


def test_asks_less_and_less_often_then_no_more() -> None:
    first = timedelta(minutes=5)
    assert [ask_again_after(n, first) for n in (1, 2, 3, 4)] == [first, 2 * first, 4 * first, None]
