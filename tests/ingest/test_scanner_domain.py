"""The scanner's rules, without files."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwarden_common.envelope import MAX_BODY
from reelwarden_common.events.ingest import Segment, SegmentsAnswer, TimeSource
from reelwarden_common.period import KeepPeriod
from reelwarden_ingest.site.scanner.domain import (
    Closing,
    Found,
    Keeping,
    Known,
    Reason,
    Rejection,
    Sighting,
    Signature,
    State,
    Step,
    closed_by,
    complete_to,
    next_step,
    takes_place,
    uncovered,
)
from reelwarden_ingest.site.scanner.handlers import SEGMENTS_AN_ANSWER

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
TEN = timedelta(seconds=10)
DIGEST, OTHER = "a" * 64, "b" * 64


def segment(start: datetime, seconds: float, uncertainty_ms: int = 100, identifier: str = "s1") -> Segment:
    return Segment(
        id=identifier,
        camera="gate",
        start=start,
        end=start + timedelta(seconds=seconds),
        duration_ms=round(seconds * 1000),
        size=1,
        digest=DIGEST,
        codec="h264",
        width=1,
        height=1,
        time_source=TimeSource.NAME,
        uncertainty_ms=uncertainty_ms,
        locator="a/b.mp4",
        file_time=start,
    )


@pytest.mark.parametrize(
    ("sighting", "expected"),
    [
        (Sighting(NOW, timedelta(0)), None),
        (Sighting(NOW, timedelta(seconds=19.9)), None),
        (Sighting(NOW, timedelta(seconds=20)), Closing.STABLE),
        (Sighting(NOW, timedelta(0), hooked=True), Closing.HOOK),
        (Sighting(NOW, timedelta(0), successor_time=NOW), Closing.SUCCESSOR),
        (Sighting(NOW, timedelta(0), successor_time=NOW - TEN), None),
        (Sighting(NOW - timedelta(minutes=59), timedelta(0)), None),
        (Sighting(NOW - timedelta(hours=1), timedelta(0)), Closing.STABLE),
    ],
)
def test_a_file_is_closed_by_hook_successor_or_rest(sighting: Sighting, expected: Closing | None) -> None:
    assert closed_by(sighting, TEN, NOW) is expected


def test_an_hour_is_not_rest_for_recorders_of_long_segments() -> None:
    sighting = Sighting(NOW - timedelta(minutes=90), timedelta(0))
    assert closed_by(sighting, timedelta(hours=1), NOW) is None


def found(digest: str | None = DIGEST, *, good: bool = True) -> Found:
    signature = Signature(1, 1, 1)
    if good:
        return Found("a/b.mp4", signature, "gate", digest, segment=segment(NOW, 10))
    return Found("a/b.mp4", signature, "gate", digest, rejection=Rejection(Reason.TRUNCATED, ""))


def known(state: State, digest: str = DIGEST, found_digest: str | None = None, at: str = "a/b.mp4") -> Known:
    return Known("s1", at, digest, state, NOW, 1000, Signature(1, 1, 1), found_digest)


@pytest.mark.parametrize(
    ("what", "here", "twin", "there", "step"),
    [
        (found(), None, None, False, Step.RECORD),
        (found(good=False), None, None, False, Step.REJECT),
        (found(), known(State.PRESENT), known(State.PRESENT), False, Step.UNCHANGED),
        (found(OTHER), known(State.PRESENT), None, False, Step.ALTERED),
        (found(OTHER, good=False), known(State.PRESENT), None, False, Step.ALTERED),
        (found(OTHER), known(State.ALTERED, found_digest=OTHER), None, False, Step.UNCHANGED),
        (found(), known(State.ALTERED, found_digest=OTHER), None, False, Step.BACK),
        (found(None, good=False), known(State.PRESENT), None, False, Step.WAIT),
        (found(), known(State.LOST), known(State.LOST), False, Step.BACK),
        (found(OTHER), known(State.LOST), None, False, Step.RECORD),
        (found(), None, known(State.LOST, at="elsewhere"), False, Step.BACK),
        (found(), None, known(State.PRESENT, at="elsewhere"), True, Step.DUPLICATE),
        (found(), None, known(State.PRESENT, at="elsewhere"), False, Step.MOVED),
        (found(), None, known(State.DISPLACED, at="elsewhere"), False, Step.MOVED),
        (found(), None, known(State.DISPLACED), False, Step.BACK),
        (found(), None, known(State.ALTERED, found_digest=OTHER, at="elsewhere"), False, Step.BACK),
        (found(), None, known(State.ERASED, at="elsewhere"), False, Step.BACK),
    ],
)
def test_what_follows_from_an_examined_file(
    what: Found, here: Known | None, twin: Known | None, there: bool, step: Step
) -> None:
    assert next_step(what, here, twin, twin_there=there) is step


@pytest.mark.parametrize(
    ("digest", "later", "state", "takes"),
    [
        (OTHER, timedelta(seconds=2), State.PRESENT, True),
        (OTHER, timedelta(seconds=-2), State.ALTERED, True),
        (OTHER, timedelta(seconds=1), State.PRESENT, False),
        (OTHER, timedelta(hours=1), State.LOST, False),
        (DIGEST, timedelta(hours=1), State.PRESENT, False),
    ],
)
def test_other_content_with_another_start_takes_a_place(
    digest: str, later: timedelta, state: State, *, takes: bool
) -> None:
    """Within what the clocks leave open it is the same footage, altered."""
    what = replace(found(digest), segment=segment(NOW + later, 10))
    assert takes_place(what, known(state)) is takes
    assert not takes_place(found(OTHER, good=False), known(State.PRESENT))


def test_completeness_ends_where_something_is_pending() -> None:
    assert complete_to(NOW, [], None, TEN) == NOW - 3 * TEN
    assert complete_to(NOW, [], NOW - TEN, TEN) == NOW - TEN
    assert complete_to(NOW, [NOW - 5 * TEN], NOW - TEN, TEN) == NOW - 5 * TEN
    assert complete_to(NOW, [], NOW + TEN, TEN) == NOW - 3 * TEN


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 3_000)), max_size=12),
    st.integers(0, 9_000),
    st.integers(1, 3_000),
)
def test_covered_and_uncovered_make_the_whole(spans: list[tuple[int, int]], start: int, length: int) -> None:
    second = timedelta(seconds=1)
    segments = [segment(NOW + s * second, n, uncertainty_ms=0) for s, n in sorted(spans)]
    begin, end = NOW + start * second, NOW + (start + length) * second
    overlapping = [s for s in segments if s.start < end and s.end > begin]
    missing = uncovered(begin, end, overlapping)
    for moment in range(start, start + length, max(1, length // 50)):
        at = NOW + (moment + 0.5) * second
        covered = any(s.start <= at < s.end for s in overlapping)
        assert covered is not any(a <= at < b for a, b in missing)
    assert all(begin <= a < b <= end for a, b in missing)


def test_what_clocks_leave_between_two_segments_is_no_gap() -> None:
    first, second = segment(NOW, 10, 1000), segment(NOW + timedelta(seconds=11.9), 10, 1000)
    assert uncovered(NOW, NOW + 2 * TEN, [first, second]) == []
    third = segment(NOW + timedelta(seconds=12.2), 10, 1000)
    assert uncovered(NOW, NOW + 2 * TEN, [first, third]) == [(first.end, third.start)]


def test_only_a_recorder_that_erases_by_itself_overwrites() -> None:
    period = KeepPeriod(30, timedelta(hours=12), "Asia/Shanghai")
    ended = NOW - timedelta(days=40)
    assert Keeping(managed=False, period=period).overwritten(ended, NOW)
    assert not Keeping(managed=True, period=period).overwritten(ended, NOW)
    assert not Keeping(managed=False, period=period).overwritten(NOW - timedelta(days=29), NOW)


def test_a_full_answer_fits_into_one_message_of_a_school() -> None:
    one = Segment(
        id="0" * 32,
        camera="c" * 40,
        start=datetime(2026, 3, 2, tzinfo=UTC),
        end=datetime(2026, 3, 2, 0, 0, 10, tzinfo=UTC),
        duration_ms=10_000,
        size=10**9,
        digest="0" * 64,
        codec="h264",
        width=3840,
        height=2160,
        time_source=TimeSource.CONTAINER,
        uncertainty_ms=10_000,
        locator="操" * 100,
        file_time=datetime(2026, 3, 2, tzinfo=UTC),
    )
    full = SegmentsAnswer(segments=(one,) * SEGMENTS_AN_ANSWER, complete_to=None)
    assert len(full.model_dump_json().encode()) < MAX_BODY
