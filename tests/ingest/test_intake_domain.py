"""Intake's rules: where a pull goes on, what is admitted, how fast."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwarden_common.envelope import MAX_BODY, Malformed
from reelwarden_common.messaging.topology import Stream, school_fact_subjects
from reelwarden_ingest.district.intake.domain import Bucket, Origin, Position, admitted, start_of

ALLOWED = school_fact_subjects(Stream.FOOTAGE, "s001")
GOOD = "rw.s001.scanner.segment.recorded"
sequences = st.integers(0, 1000)
positions = st.none() | st.builds(Position, st.sampled_from([1, 2]), sequences)


@given(positions, positions, sequences, st.integers(0, 1000))
def test_a_pull_never_leaves_a_message_out(
    saved: Position | None, newest: Position | None, first: int, more: int
) -> None:
    origin = Origin(1, first, first + more)
    start = start_of(origin, saved, newest)
    taken = [p.sequence for p in (saved, newest) if p and p.created == 1]
    if not taken or max(taken) > origin.last:
        assert start == max(1, first)
    else:
        assert start == max(max(taken) + 1, first, 1)


@given(st.builds(Position, st.integers(0, 2**63), st.integers(0, 2**63)))
def test_a_position_is_read_back_from_its_source(position: Position) -> None:
    assert Position.of_source(position.source("s001", "FOOTAGE")) == position


@pytest.mark.parametrize(
    "source", ["", "a.b.c", "s.FOOTAGE.1.x", "s.FOOTAGE.-1.1", "s.F.1." + "9" * 21, "s.F.²."]
)
def test_what_is_no_source_is_no_position(source: str) -> None:
    assert Position.of_source(source) is None


def test_only_known_headers_come_along() -> None:
    headers = {"ce-id": "1", "traceparent": "t", "content-type": "application/json"}
    hostile = {"Nats-Rollup": "all", "rw-source": "x", "Ce-Id": "2", "ce-": "3", "ce-id ": "4"}
    assert admitted("s001", ALLOWED, GOOD, headers | hostile, b"{}") == headers
    assert admitted("s001", ALLOWED, GOOD, None, b"{}") == {}


@pytest.mark.parametrize(
    ("subject", "headers", "body"),
    [
        ("rw.s002.scanner.segment.recorded", {}, b""),
        ("rw.district.scanner.segment.recorded", {}, b""),
        ("rw.s001.keeper.plan.issued", {}, b""),
        ("rw.s001.scanner.day.counted", {}, b""),
        ("rw.s001.scanner.segment.recorded.more", {}, b""),
        ("$JS.API.STREAM.PURGE.DISTRICT", {}, b""),
        ("rw.*.scanner.segment.recorded", {}, b""),
        ("", {}, b""),
        (GOOD, {}, b"x" * (MAX_BODY + 1)),
        (GOOD, {"ce-id": "x" * 600}, b""),
        (GOOD, {"ce-id": "a\r\nNats-Rollup: all"}, b""),
        (GOOD, {f"ce-x{n}": "1" for n in range(40)}, b""),
    ],
)
def test_what_a_school_may_not_say_is_refused(subject: str, headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(Malformed):
        admitted("s001", ALLOWED, subject, headers, body)


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 5)), max_size=50))
def test_who_waits_as_told_never_exceeds_the_rate(steps: list[tuple[int, float]]) -> None:
    bucket, now, taken = Bucket.full(10, seconds=2), 100.0, 0
    began = now
    for cost, idle in steps:
        now += idle
        bucket, wait = bucket.take(cost, now)
        now += wait
        taken += cost
        assert taken <= 20 + 10 * (now - began) + 1e-6


def test_a_quota_of_a_day_is_used_at_once_or_spread_and_never_exceeded() -> None:
    day, quota = 86_400.0, 1_000_000.0
    bucket, wait = Bucket.full(quota / day, seconds=day).take(quota, 5.0)
    assert wait == 0
    bucket, wait = bucket.take(quota / 24, 5.0)
    assert wait == pytest.approx(3600)
    _, wait = bucket.take(0, 5.0 + day)
    assert wait == 0
