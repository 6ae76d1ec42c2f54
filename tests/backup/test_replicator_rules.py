"""The replicator's rules by themselves, and that what it knows does not depend on the order of hearing."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwarden_backup.shapes import object_key
from reelwarden_backup.site.replicator.domain import (
    LOCK_MARGIN,
    LONGEST_PAUSE,
    Rules,
    lock_end,
    pause_after,
    spans_of,
)
from reelwarden_backup.site.replicator.files import OutsideStorage, open_footage, target
from reelwarden_backup.site.replicator.heard import Heard
from reelwarden_backup.site.replicator.rows import microseconds, moment
from reelwarden_backup.site.replicator.schema import MIGRATIONS
from reelwarden_common.events.backup import StoredObject
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import Segment, TimeSource
from reelwarden_common.events.retention import CameraPeriod, Certificate, Hold, HoldsKept, HoldSource
from reelwarden_common.messaging.sqlite import open_database
from reelwarden_common.period import KeepPeriod, believed_end

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
PERIOD = KeepPeriod(30, timedelta(hours=12), "Asia/Shanghai")
RULES = Rules("s001", "everything", frozenset(), {}, PERIOD, frozenset(), timedelta(seconds=10))
MOMENTS = st.integers(0, 60 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes))


@given(MOMENTS, MOMENTS)
def test_a_lock_never_outlasts_the_due_time(due: datetime, now: datetime) -> None:
    end = lock_end(due, now)
    if end is None:
        assert due - now <= LOCK_MARGIN
    else:
        assert now < end <= due


@given(st.integers(0, 10_000))
def test_pauses_grow_and_are_bounded(tries: int) -> None:
    assert timedelta(0) < pause_after(tries) <= pause_after(tries + 1) <= LONGEST_PAUSE


@given(MOMENTS)
def test_microseconds_are_exact(when: datetime) -> None:
    odd = when + timedelta(microseconds=1)
    assert moment(microseconds(odd)) == odd


def test_the_key_is_of_the_utc_day() -> None:
    assert object_key("gate", datetime(2026, 3, 2, 23, 59, tzinfo=UTC), "ab") == "gate/2026-03-02/ab.mp4"


def segment(number: int, camera: str, start: datetime, file_age: timedelta) -> Segment:
    return Segment(
        id=f"{number:032x}",
        camera=camera,
        start=start,
        end=start + timedelta(seconds=10),
        duration_ms=10_000,
        size=1,
        digest="0" * 64,
        codec="h264",
        width=1,
        height=1,
        time_source=TimeSource.NAME,
        uncertainty_ms=0,
        locator=f"{number}.mp4",
        file_time=start + file_age,
    )


@given(st.lists(st.tuples(st.sampled_from(["gate", "yard"]), MOMENTS), min_size=1, max_size=20))
def test_a_record_spans_exactly_what_it_contains(parts: list[tuple[str, datetime]]) -> None:
    objects = [
        StoredObject(
            segment=f"{number:032x}",
            camera=camera,
            start=start,
            end=start + timedelta(seconds=10),
            digest="0" * 64,
            size=1,
            bucket="b",
            key="k",
            object_version="v",
            stored_at=NOW,
        )
        for number, (camera, start) in enumerate(parts)
    ]
    spans = {span.camera: span for span in spans_of(objects)}
    assert set(spans) == {camera for camera, _ in parts}
    for camera, span in spans.items():
        starts = [start for name, start in parts if name == camera]
        assert span == CameraSpan(camera=camera, start=min(starts), end=max(starts) + timedelta(seconds=10))


SEGMENTS = st.builds(
    segment,
    st.integers(0, 9),
    st.sampled_from(["gate", "yard"]),
    MOMENTS,
    st.integers(-3, 3).map(lambda days: timedelta(days=days)),
)
SPANS = st.tuples(st.sampled_from(["gate", "yard"]), MOMENTS, st.integers(1, 5000))
PERIODS = st.builds(
    CameraPeriod,
    camera=st.sampled_from(["gate", "yard"]),
    days=st.integers(1, 90),
    grace_minutes=st.just(720),
    zone=st.sampled_from(["Asia/Shanghai", "Europe/Berlin"]),
    managed=st.booleans(),
)


def hold(number: int, span: tuple[str, datetime, int]) -> Hold:
    camera, start, minutes = span
    return Hold(
        id=f"h{number}",
        source=HoldSource.CASE,
        cause="c",
        span=CameraSpan(camera=camera, start=start, end=start + timedelta(minutes=minutes)),
        purpose="case",
        until=NOW + timedelta(days=30),
    )


def certificate(one: Segment) -> Certificate:
    return Certificate(
        segment=one.id,
        camera=one.camera,
        start=one.start,
        end=one.end,
        digest=one.digest,
        size=one.size,
        locator=one.locator,
        due=one.end,
        erased_at=NOW,
        plan="0" * 64,
    )


def fresh() -> sqlite3.Connection:
    return open_database(Path(":memory:"), MIGRATIONS)


@given(
    st.lists(SEGMENTS, max_size=8, unique_by=lambda one: one.id),
    st.lists(st.integers(0, 9), max_size=3),
    st.lists(SPANS, max_size=3),
    st.lists(PERIODS, max_size=2, unique_by=lambda one: one.camera),
    st.data(),
)
def test_the_order_of_hearing_does_not_matter(
    segments: list[Segment],
    erased: list[int],
    spans: list[tuple[str, datetime, int]],
    periods: list[CameraPeriod],
    data: st.DataObject,
) -> None:
    """Footage, holds, plans and erasures come in different streams; each may be ahead of the others."""
    conn = fresh()
    heard = Heard(conn, RULES, lambda: NOW)
    holds = HoldsKept(epoch=1, version=1, holds=tuple(hold(n, span) for n, span in enumerate(spans)))
    gone = [one for one in segments if int(one.id, 16) in erased]
    acts: list[Callable[[], None]] = [
        *(lambda one=one: heard.record(one) for one in segments),
        *(lambda one=one: heard.record(one) for one in segments[:2]),
        *(lambda one=one: heard.erase(certificate(one)) for one in gone),
        lambda: heard.keep_holds(holds, NOW),
        lambda: heard.keep_periods(periods),
    ]
    for act in data.draw(st.permutations(acts)):
        act()
    by_camera = {one.camera: one for one in periods}
    for one in segments:
        row = conn.execute("SELECT * FROM segments WHERE id = ?", (one.id,)).fetchone()
        assert (row["state"] == "gone") == (one in gone)
        if one in gone:
            continue
        said = by_camera.get(one.camera)
        period = KeepPeriod(said.days, timedelta(minutes=said.grace_minutes), said.zone) if said else PERIOD
        assert moment(row["due_us"]) == period.due(believed_end(one.end, one.file_time))
        margin = RULES.hold_margin
        covered = any(
            h.span.camera == one.camera
            and one.start < h.span.end + margin
            and one.end > h.span.start - margin
            for h in holds.holds
        )
        assert bool(row["held"]) == covered
    assert heard.unmanaged() == frozenset(one.camera for one in periods if not one.managed)
    conn.close()


def test_a_hold_that_the_site_no_longer_keeps_ends_unless_the_list_may_go_on() -> None:
    conn = fresh()
    heard = Heard(conn, RULES, lambda: NOW)
    one = segment(1, "gate", NOW, timedelta())
    heard.record(one)
    first = hold(1, ("gate", NOW, 5))
    many = tuple(hold(number, ("yard", NOW, 1)) for number in range(2, 502))

    def held() -> bool:
        return bool(conn.execute("SELECT held FROM segments").fetchone()["held"])

    heard.keep_holds(HoldsKept(epoch=1, version=1, holds=(first,)), NOW)
    assert held()
    heard.keep_holds(HoldsKept(epoch=1, version=2, holds=many), NOW)
    assert held()
    heard.keep_holds(HoldsKept(epoch=1, version=1, holds=()), NOW - timedelta(seconds=1))
    assert held()  # said before, and heard late
    heard.keep_holds(HoldsKept(epoch=1, version=3, holds=()), NOW)
    assert not held()
    conn.close()


@pytest.mark.parametrize(
    "locator", ["/etc/passwd", "../x.mp4", "a/../../x.mp4", "", ".reelwarden/vault/x.mp4", "link/x.mp4"]
)
def test_no_locator_leads_out_of_the_storage(tmp_path: Path, locator: str) -> None:
    storage, outside = tmp_path / "storage", tmp_path / "outside"
    storage.mkdir()
    outside.mkdir()
    (outside / "x.mp4").write_bytes(b"secret")
    (storage / "link").symlink_to(outside)
    with pytest.raises(OutsideStorage):
        open_footage(storage, locator)
    with pytest.raises(OutsideStorage):
        target(storage, locator)
