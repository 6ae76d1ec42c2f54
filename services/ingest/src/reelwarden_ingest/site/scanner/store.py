"""The catalogue: every segment of the school, each change together with the event that tells it."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.events.ingest import (
    LostSegment,
    RejectedFile,
    Segment,
    SegmentAltered,
    SegmentMoved,
    SegmentsLost,
    SegmentsQuery,
    SegmentsRecorded,
    SegmentsRejected,
)
from reelwarden_common.messaging.units import Store
from reelwarden_ingest.site.scanner import rows, sql
from reelwarden_ingest.site.scanner.cameras import Cameras
from reelwarden_ingest.site.scanner.days import Days
from reelwarden_ingest.site.scanner.domain import (
    LONGEST,
    ON_DISK,
    Found,
    Keeping,
    Known,
    Reason,
    Rejection,
    Signature,
    State,
    Step,
    next_step,
    rejected_id,
    takes_place,
)
from reelwarden_ingest.site.scanner.probe import file_time
from reelwarden_ingest.site.scanner.volumes import Volumes

SEGMENTS_AN_EVENT = 50
BYTES_AN_EVENT = 200_000
"""Long names alone can make an event larger than the bus takes."""
LAST_NAME = "\U0010ffff"
"""Sorts after every file name."""

T = TypeVar("T", Segment, RejectedFile, LostSegment)


class Catalogue(Store):
    """One transaction on the catalogue."""

    def __init__(self, conn: sqlite3.Connection, school: str, clock: Clock = system_clock) -> None:
        super().__init__("scanner", clock)
        self.conn, self.school = conn, school
        self.days, self.cameras, self.volumes = Days(conn), Cameras(conn), Volumes(conn)

    # what is known

    def storage_id(self) -> str | None:
        """The storage that the catalogue was made from; None while it holds nothing."""
        if self.conn.execute("SELECT 1 FROM segments LIMIT 1").fetchone() is None:
            return None
        row = self.conn.execute("SELECT value FROM meta WHERE key = 'storage'").fetchone()
        return None if row is None else str(row["value"])

    def bind(self, storage: str) -> None:
        """Remember the storage's id."""
        self.conn.execute("INSERT OR REPLACE INTO meta VALUES ('storage', ?)", (storage,))

    def signatures(self, folder: str, now: datetime, after: str, upto: str | None) -> dict[str, Signature]:
        """What lies in a folder, by name: segments, and rejected files that need no second look.

        Names from `after` (exclusive) to `upto` (inclusive; None: to the end): a recorder may keep all of a
        camera's files in one folder.
        """
        upto = LAST_NAME if upto is None else upto
        found = {
            row["name"]: rows.signature(row)
            for row in self.conn.execute(sql.PRESENT_IN_FOLDER, (folder, after, upto))
        }
        start = f"{folder}/" if folder else ""
        span = (f"{start}{after}", f"{start}{upto}", rows.microseconds(now))
        for row in self.conn.execute(sql.REJECTED_IN_FOLDER, (folder, *span)):
            found[rows.split(row["locator"])[1]] = rows.signature(row)
        return found

    def signature_at(self, locator: str, now: datetime) -> Signature | None:
        """The same for one path."""
        place = rows.split(locator)
        row = self.conn.execute(sql.PRESENT_AT, place).fetchone()
        if row is None:
            row = self.conn.execute(sql.REJECTED_AT, (locator, rows.microseconds(now))).fetchone()
        return None if row is None else rows.signature(row)

    def folders(self) -> set[str]:
        """All folders that hold catalogued files."""
        return {row["folder"] for row in self.conn.execute(sql.FOLDERS)}

    def overlapping(self, question: SegmentsQuery, limit: int) -> list[tuple[Segment, State]]:
        """Segments that overlap a span, on the disk or lost, by start and id, behind the cursor."""
        earliest = rows.microseconds(question.start - LONGEST)
        span = (earliest, rows.microseconds(question.end), rows.microseconds(question.start))
        behind = (earliest, "") if question.after is None else rows.cursor(question.after)
        found = self.conn.execute(sql.OVERLAPPING, (question.camera, *span, *behind, limit))
        return [(rows.segment(row), State(row["state"])) for row in found]

    def covered_to(self, question: SegmentsQuery) -> datetime:
        """How far the answers before this one cover the span."""
        if question.after is None:
            return question.start
        earliest = rows.microseconds(question.start - LONGEST)
        before = (question.camera, earliest, *rows.cursor(question.after))
        end_us = self.conn.execute(sql.COVERED_TO, before).fetchone()["end_us"]
        return question.start if end_us is None else max(question.start, rows.moment(end_us))

    def kept_after(
        self, locator: str, identifier: str, limit: int
    ) -> list[tuple[Segment, State, str | None]]:
        """Segments on the disk or lost, by place, each with what it was last found to hold if altered."""
        found = self.conn.execute(sql.KEPT_AFTER, (*rows.split(locator), identifier, limit))
        return [_with_state(row) for row in found]

    def kept(self, identifier: str) -> tuple[Segment, State, str | None] | None:
        """One of them by its id."""
        row = self.conn.execute(sql.BY_ID, (identifier,)).fetchone()
        return None if row is None or row["state"] not in (*ON_DISK, State.LOST) else _with_state(row)

    # what was found

    def enter(self, found: Iterable[Found], still_there: Callable[[Known], bool]) -> None:
        """Take examined files in and say what follows.

        `still_there` tells whether what the catalogue last saw of a file is still at its place.
        """
        recorded: list[Segment] = []
        rejected: list[RejectedFile] = []
        for one in found:
            here = self._here(one)
            twin = None if one.segment is None else self._by_id(one.segment.id)
            there = twin is not None and twin.state is State.PRESENT and still_there(twin)
            step = next_step(one, here, twin, twin_there=there)
            if step is Step.RECORD and one.segment is not None:
                recorded.append(self._record(one, one.segment))
            elif step is Step.BACK:
                recorded.append(self._back(one, here if here and here.digest == one.digest else twin))
            elif step is Step.MOVED and twin is not None:
                self._moved(one, twin)
            elif step is Step.ALTERED and here is not None:
                self._altered(one, here)
            elif step is Step.UNCHANGED and here is not None:
                self._sign(here.id, one)
            elif step is Step.DUPLICATE and twin is not None:
                detail = f"the same camera, time and content as {twin.locator}"[:500]
                rejected.extend(self._reject(one, Rejection(Reason.DUPLICATE, detail)))
            elif step is Step.REJECT and one.rejection is not None:
                rejected.extend(self._reject(one, one.rejection))
        self.publish_segments(recorded)
        for files in batches(rejected):
            self.publish(self.school, SegmentsRejected(files=files))

    def _here(self, found: Found) -> Known | None:
        """What the catalogue has at a file's place; other footage that it took the place of, has none now."""
        here = self._at(found.locator)
        if here is None or not takes_place(found, here):
            return here
        self._leave(self._segment(here.id), State.DISPLACED)
        return None

    def publish_segments(self, segments: Sequence[Segment]) -> None:
        """Say that they are recorded, again if need be: who hears it knows them by their ids."""
        for batch in batches(segments):
            self.publish(self.school, SegmentsRecorded(segments=batch))

    def _at(self, locator: str) -> Known | None:
        """A path may have had several segments in its time; the one on the disk counts, then the last."""
        row = self.conn.execute(sql.AT_PLACE, rows.split(locator)).fetchone()
        return None if row is None else rows.known(row)

    def _by_id(self, identifier: str) -> Known | None:
        row = self.conn.execute(sql.BY_ID, (identifier,)).fetchone()
        return None if row is None else rows.known(row)

    def _record(self, found: Found, segment: Segment) -> Segment:
        if segment.init is not None:
            init = (segment.init.digest, segment.init.data)
            self.conn.execute("INSERT OR IGNORE INTO inits VALUES (?, ?)", init)
        self.conn.execute(rows.INSERT, rows.values(segment, found.signature, State.PRESENT, self.clock()))
        self._settled(found.locator, segment.camera, segment.start)
        return segment

    def _back(self, found: Found, known: Known | None) -> Segment:
        if known is None:
            raise LookupError(found.locator)
        return self._put_back(found, known)

    def _put_back(self, found: Found, known: Known) -> Segment:
        folder, name = rows.split(found.locator)
        self.conn.execute(sql.PUT_BACK, (folder, name, rows.microseconds(self.clock()), known.id))
        self._sign(known.id, found)
        segment = self._segment(known.id)
        self._settled(found.locator, segment.camera, segment.start)
        return segment

    def _moved(self, found: Found, known: Known) -> None:
        segment = self._put_back(found, known)
        event = SegmentMoved(
            segment=known.id,
            camera=segment.camera,
            locator=found.locator,
            was=known.locator,
            start=segment.start,
        )
        self.publish(self.school, event)

    def _altered(self, found: Found, known: Known) -> None:
        self.conn.execute(
            "UPDATE segments SET state = ?, found_digest = ?, changed_us = ? WHERE id = ?",
            (State.ALTERED, found.digest, rows.microseconds(self.clock()), known.id),
        )
        self._sign(known.id, found)
        if found.digest is not None:
            altered = self.conn.execute(sql.BY_ID, (known.id,)).fetchone()
            self.publish_altered([rows.altered(altered)])
            self.days.changed(altered["camera"], f"{rows.moment(altered['start_us']):%Y-%m-%d}")

    def publish_altered(self, altered: Iterable[SegmentAltered]) -> None:
        """Say that files hold something else than was recorded."""
        for one in altered:
            self.publish(self.school, one)

    def _sign(self, segment: str, found: Found) -> None:
        signature = found.signature
        self.conn.execute(
            "UPDATE segments SET size = ?, mtime_ns = ?, inode = ? WHERE id = ?",
            (signature.size, signature.mtime_ns, signature.inode, segment),
        )

    def _settled(self, locator: str, camera: str, start: datetime) -> None:
        self.conn.execute("DELETE FROM rejected WHERE locator = ?", (locator,))
        self.days.changed(camera, f"{start:%Y-%m-%d}")

    def _reject(self, found: Found, rejection: Rejection) -> Iterator[RejectedFile]:
        """Enters a rejected file; yields what is new about it: nothing, where it was told before."""
        signature = found.signature
        identifier = rejected_id(self.school, found.locator, signature)
        told = (identifier, rejection.reason)
        before = self.conn.execute("SELECT id, reason FROM rejected WHERE locator = ?", (found.locator,))
        again = None if found.look_again is None else rows.microseconds(found.look_again)
        is_new = told not in map(tuple, before.fetchall())
        self.conn.execute(
            "INSERT OR REPLACE INTO rejected VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                found.locator,
                rows.split(found.locator)[0],
                identifier,
                signature.size,
                signature.mtime_ns,
                signature.inode,
                rejection.reason,
                again,
            ),
        )
        if is_new:
            yield RejectedFile(
                id=identifier,
                camera=found.camera,
                locator=found.locator,
                size=signature.size,
                file_time=file_time(signature),
                digest=found.digest,
                reason=rejection.reason,
                detail=rejection.detail,
            )

    def _segment(self, identifier: str) -> Segment:
        row = self.conn.execute(sql.BY_ID, (identifier,)).fetchone()
        return rows.segment(row)

    # what is gone

    def lose(self, locators: Iterable[str], keeping: Mapping[str, Keeping]) -> None:
        """Files vanished, and not by our hand; what its own recorder might overwrite is not lost."""
        gone: list[str] = []
        for locator in locators:
            self.conn.execute("DELETE FROM rejected WHERE locator = ?", (locator,))
            known = self._at(locator)
            if known is not None and known.state in ON_DISK:
                gone.append(known.id)
        self._lose(gone, keeping)

    def displaced(self, limit: int) -> list[str]:
        """Footage whose place other footage has, and that was not found elsewhere yet."""
        return [row["id"] for row in self.conn.execute(sql.DISPLACED, (limit,))]

    def lose_displaced(self, identifiers: Iterable[str], keeping: Mapping[str, Keeping]) -> None:
        """It was not found elsewhere in time."""
        known = (self._by_id(identifier) for identifier in identifiers)
        self._lose([one.id for one in known if one is not None and one.state is State.DISPLACED], keeping)

    def _lose(self, identifiers: Iterable[str], keeping: Mapping[str, Keeping]) -> None:
        lost: list[LostSegment] = []
        for identifier in identifiers:
            segment = self._segment(identifier)
            kept = self.cameras.keeping(segment.camera, keeping)
            if kept is not None and kept.overwritten(segment.end, self.clock()):
                self._leave(segment, State.OVERWRITTEN)
            else:
                self._leave(segment, State.LOST)
                lost.append(rows.lost(segment))
        self.publish_lost(lost)

    def publish_lost(self, lost: Sequence[LostSegment]) -> None:
        """Say that they are lost."""
        for batch in batches(lost):
            self.publish(self.school, SegmentsLost(segments=batch, noticed_at=self.clock()))

    def erase(self, identifiers: Iterable[str]) -> None:
        """Files were erased by us, with certificates."""
        for identifier in identifiers:
            self.conn.execute("DELETE FROM rejected WHERE id = ?", (identifier,))
            if self.conn.execute("SELECT 1 FROM segments WHERE id = ?", (identifier,)).fetchone():
                self._leave(self._segment(identifier), State.ERASED)

    def _leave(self, segment: Segment, state: State) -> None:
        self.conn.execute(
            "UPDATE segments SET state = ?, changed_us = ? WHERE id = ?",
            (state, rows.microseconds(self.clock()), segment.id),
        )
        self.days.changed(segment.camera, f"{segment.start:%Y-%m-%d}")

    def forget(self, before: datetime) -> int:
        """Drop what was erased before then, and what only that needed; tells how many segments."""
        query = "DELETE FROM segments WHERE state = 'erased' AND changed_us < ?"
        forgotten = self.conn.execute(query, (rows.microseconds(before),)).rowcount
        self.conn.execute(sql.UNNEEDED_INITS)
        return forgotten

    def ready(self, locator: str) -> None:
        """Somebody says that a file is ready to be read."""
        self.conn.execute("INSERT OR IGNORE INTO ready VALUES (?)", (locator,))

    def take_ready(self) -> list[str]:
        """What is ready to be read, or to be looked at again."""
        ready = [tuple(row) for row in self.conn.execute("SELECT locator FROM ready LIMIT 500")]
        self.conn.executemany("DELETE FROM ready WHERE locator = ?", ready)
        now = rows.microseconds(self.clock())
        query = "SELECT locator FROM rejected WHERE look_again_us <= ? LIMIT 500"
        again = self.conn.execute(query, (now,)).fetchall()
        return [locator for (locator,) in (*ready, *map(tuple, again))]


def _with_state(row: sqlite3.Row) -> tuple[Segment, State, str | None]:
    return rows.segment(row), State(row["state"]), row["found_digest"]


def batches(items: Sequence[T]) -> Iterator[tuple[T, ...]]:
    """Items in events that the bus takes."""
    batch: list[T] = []
    size = 0
    for item in items:
        length = len(item.model_dump_json())
        if batch and (len(batch) == SEGMENTS_AN_EVENT or size + length > BYTES_AN_EVENT):
            yield tuple(batch)
            batch, size = [], 0
        batch.append(item)
        size += length
    if batch:
        yield tuple(batch)
