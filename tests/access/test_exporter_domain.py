"""Which pieces follow each other, and what is missing."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from reelwarden_access.site.exporter.domain import (
    Gap,
    Missing,
    Parameters,
    Piece,
    Source,
    Tried,
    Unusable,
    gaps,
    pause,
    runs,
)
from reelwarden_common.events.ingest import Segment, TimeSource
from tests.access.footage import at, span

H264 = Parameters("h264", 320, 180, "a")


def _segment(start: float, end: float, uncertainty_ms: int = 0, name: str = "x") -> Segment:
    return Segment(
        id=f"{name}-{start}-{end}",
        camera="gate",
        start=at(start),
        end=at(end),
        duration_ms=round((end - start) * 1000),
        size=1,
        digest="ab" * 32,
        codec="h264",
        width=320,
        height=180,
        time_source=TimeSource.NAME,
        uncertainty_ms=uncertainty_ms,
        locator=f"{start}.mp4",
        file_time=at(end),
    )


def _piece(
    start: float, end: float, parameters: Parameters = H264, uncertainty_ms: int = 0, name: str = "x"
) -> Piece:
    return Piece(_segment(start, end, uncertainty_ms, name), Source.DISK, parameters)


SPAN = span("gate", 3, 57)


def _spans(found: list[Gap]) -> list[tuple[float, float, str]]:
    return [
        ((one.span.start - at(0)).total_seconds(), (one.span.end - at(0)).total_seconds(), one.reason.value)
        for one in found
    ]


def test_pieces_that_touch_are_one_run_cut_to_the_span() -> None:
    (run,) = runs(SPAN, [_piece(10, 20), _piece(0, 10), _piece(20, 60)])
    assert run.span == SPAN
    assert [piece.segment.start for piece in run.pieces] == [at(0), at(10), at(20)]
    assert gaps(SPAN, run.pieces, [], at(100)) == []


def test_a_gap_parts_runs_and_is_stated() -> None:
    pieces = [_piece(0, 10), _piece(10, 20), _piece(40, 60)]
    assert [(run.span.start, run.span.end) for run in runs(SPAN, pieces)] == [
        (at(3), at(20)),
        (at(40), at(57)),
    ]
    assert _spans(gaps(SPAN, pieces, [], at(100))) == [(20, 40, "unknown")]


def test_beginnings_and_ends_without_footage_are_gaps() -> None:
    assert _spans(gaps(SPAN, [_piece(10, 50)], [], at(100))) == [(3, 10, "unknown"), (50, 57, "unknown")]
    assert _spans(gaps(SPAN, [], [], at(100))) == [(3, 57, "unknown")]


def test_names_that_know_whole_seconds_only_make_no_gaps() -> None:
    pieces = [_piece(0, 9.4, uncertainty_ms=1000), _piece(11, 60, uncertainty_ms=1000)]
    assert len(runs(SPAN, pieces)) == 1
    assert gaps(SPAN, pieces, [], at(100)) == []


def test_each_gap_says_why() -> None:
    altered = Unusable(_segment(10, 20), {Source.DISK: Tried.ALTERED, Source.VAULT: Tried.ABSENT})
    lost = Unusable(_segment(20, 30), dict.fromkeys(Source, Tried.ABSENT))
    found = gaps(SPAN, [_piece(0, 10)], [altered, lost], at(40))
    assert _spans(found) == [
        (10, 20, "altered"),
        (20, 30, "lost"),
        (30, 40, "unknown"),
        (40, 57, "not-catalogued"),
    ]


def test_other_parameters_begin_another_run() -> None:
    large = Parameters("h264", 640, 360, "b")
    found = runs(SPAN, [_piece(0, 20), _piece(20, 40, large), _piece(40, 60, large)])
    assert [len(run.pieces) for run in found] == [1, 2]
    assert gaps(SPAN, [p for run in found for p in run.pieces], [], at(100)) == []


def test_two_recordings_of_one_hour_stay_apart() -> None:
    """An hour that local clocks tell twice: neither recording may hide the other."""
    pieces = [_piece(n, n + 10, name=name) for n in (0, 10, 20) for name in ("before", "after")]
    found = runs(span("gate", 0, 30), pieces)
    names = [{piece.segment.id.split("-")[0] for piece in run.pieces} for run in found]
    assert sorted(names, key=sorted) == [{"after"}, {"before"}]


def test_the_gravest_reason_counts() -> None:
    assert Unusable(_segment(0, 1), {Source.DISK: Tried.ALTERED}).reason is Missing.ALTERED
    assert Unusable(_segment(0, 1), {Source.BACKUP: Tried.UNREADABLE}).reason is Missing.UNREADABLE
    assert Unusable(_segment(0, 1), dict.fromkeys(Source, Tried.ABSENT)).reason is Missing.LOST


def test_pauses_grow_and_are_bounded() -> None:
    assert [pause(n, 60) for n in (1, 2, 3, 7, 1000)] == [timedelta(seconds=s) for s in (1, 2, 4, 60, 60)]


SECONDS = st.integers(0, 120)


@given(st.lists(st.tuples(SECONDS, st.integers(1, 30)), max_size=12), SECONDS, st.integers(1, 60))
def test_runs_and_gaps_together_are_the_span(found: list[tuple[int, int]], start: int, length: int) -> None:
    asked = span("gate", start, start + length)
    pieces = [_piece(first, first + seconds, name=str(n)) for n, (first, seconds) in enumerate(found)]
    covered = [(run.span.start, run.span.end) for run in runs(asked, pieces)]
    missing = [(gap.span.start, gap.span.end) for gap in gaps(asked, pieces, [], at(1000))]
    for second in range(start, start + length):
        middle = at(second + 0.5)
        in_run = any(first <= middle < last for first, last in covered)
        in_gap = any(first <= middle < last for first, last in missing)
        assert in_run != in_gap
    assert all(asked.start <= first < last <= asked.end for first, last in covered + missing)
    assert missing == sorted(missing)
