"""What was watched, from what a player said, without any server."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from reelwarden_access.district.desk.watched import Mark, MarkKind, merged, played_spans, watched
from reelwarden_common.events.access import PackagedFile
from reelwarden_common.events.base import CameraSpan

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
FILE = PackagedFile(
    name="view/gate-1.mp4",
    size=9,
    digest="ab" * 32,
    kind="view",
    media_type="video/mp4",
    span=CameraSpan(camera="gate", start=START, end=START + timedelta(minutes=10)),
)


def said(text: str) -> list[Mark]:
    """`play 0, at 2, seek 50<4` …, in seconds."""
    marks = []
    for one in text.split(", "):
        kind, _, where = one.partition(" ")
        to, _, before = where.partition("<")
        marks.append(Mark(MarkKind(kind), FILE.name, int(to) * 1000, int(before) * 1000 if before else None))
    return marks


def spans(text: str) -> list[tuple[int, int]]:
    return [(a // 1000, b // 1000) for a, b in played_spans(said(text)).get(FILE.name, [])]


def test_what_a_player_says_becomes_spans() -> None:
    assert spans("play 0, at 2, at 4, pause 5") == [(0, 5)]
    assert spans("play 0, at 2, pause 3, play 3, at 5, ended 6") == [(0, 6)]
    assert spans("play 0, at 2, seek 60<4, at 62, pause 63") == [(0, 4), (60, 63)]
    assert spans("play 0, at 2, at 4") == [(0, 4)], "the page was closed while it played"
    assert spans("seek 60<0, play 60, at 61, seek 10<62, at 12, pause 12") == [(10, 12), (60, 62)]
    assert spans("pause 3, seek 9<3, pause 9") == []


def test_a_jump_that_nobody_told_is_not_counted_as_watched() -> None:
    assert spans("play 0, at 2, at 500, pause 502") == [(0, 2), (500, 502)]
    assert spans("play 50, at 52, at 3, pause 4") == [(3, 4), (50, 52)]


@given(st.lists(st.tuples(st.sampled_from(MarkKind), st.integers(0, 90_000), st.integers(0, 90_000))))
def test_spans_are_in_order_apart_and_within_what_was_said(told: list[tuple[MarkKind, int, int]]) -> None:
    marks = [Mark(kind, FILE.name, to, before) for kind, to, before in told]
    found = played_spans(marks).get(FILE.name, [])
    assert found == merged(found)
    assert all(a < b for a, b in found)
    assert all(b < c for (_, b), (c, _) in pairwise(found))


def test_what_was_fetched_without_a_player_is_told_as_such() -> None:
    shown = watched([said("play 70, at 72, pause 220")], [FILE.name], [FILE])
    assert [(w.camera, w.start, w.played) for w in shown] == [("gate", START + timedelta(seconds=70), True)]
    silent = watched([], [FILE.name, "stills/x.jpg"], [FILE])
    assert [(w.camera, w.start, w.end, w.played) for w in silent] == [
        ("gate", START, START + timedelta(minutes=10), False)
    ]
