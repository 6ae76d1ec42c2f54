"""What the scanner hears, and the question that it answers."""

from collections.abc import Mapping, Sequence

from reelwarden_common.envelope import Envelope
from reelwarden_common.events.backup import ObjectRestored
from reelwarden_common.events.base import CameraSpan, Event
from reelwarden_common.events.ingest import (
    CameraRegistered,
    DayDiffers,
    Segment,
    SegmentsAnswer,
    SegmentsCursor,
    SegmentsQuery,
)
from reelwarden_common.events.retention import SegmentsErased
from reelwarden_common.messaging.delivery import Handler
from reelwarden_ingest.site.scanner.domain import ON_DISK, State, uncovered
from reelwarden_ingest.site.scanner.reports import reached_by
from reelwarden_ingest.site.scanner.scan import Scanner
from reelwarden_ingest.site.scanner.store import BYTES_AN_EVENT, Catalogue

SEGMENTS_AN_ANSWER = 300
"""Half of what a school's line takes in one message (256 KB, at about 450 bytes each)."""


async def on_day_differs(event: DayDiffers, _: Envelope, catalogue: Catalogue) -> None:
    """The index lacks part of a camera-day: say all of it again.

    Raises:
        Refused: there is no such day.
    """
    present, altered, lost = catalogue.days.segments(event.camera, event.day)
    catalogue.publish_segments(present)
    catalogue.publish_altered(altered)
    catalogue.publish_lost(lost)
    catalogue.days.changed(event.camera, event.day)


async def on_camera_registered(event: CameraRegistered, _: Envelope, catalogue: Catalogue) -> None:
    """Who erases a camera's footage, and when: it decides whether what vanishes is lost."""
    catalogue.cameras.register(event.camera, event.keep_days, managed=event.managed)


async def on_segments_erased(event: SegmentsErased, _: Envelope, catalogue: Catalogue) -> None:
    """Certified erasures: these files are not lost."""
    catalogue.erase(certificate.segment for certificate in event.certificates)


async def on_object_restored(event: ObjectRestored, _: Envelope, catalogue: Catalogue) -> None:
    """A lost segment is said to be back: look, and believe its digest only."""
    catalogue.ready(event.locator)


HANDLERS: Mapping[type[Event], Handler[Catalogue]] = {
    DayDiffers: on_day_differs,
    CameraRegistered: on_camera_registered,
    SegmentsErased: on_segments_erased,
    ObjectRestored: on_object_restored,
}


async def answer_segments(question: SegmentsQuery, scanner: Scanner) -> SegmentsAnswer:
    """Which segments cover camera C from A to B, and how far that is the whole truth.

    Where there are more than one answer holds, `next` tells where it breaks off: ask again behind that.
    """
    async with scanner.units.begin() as catalogue:
        found = catalogue.overlapping(question, SEGMENTS_AN_ANSWER + 1)
        covered_to = catalogue.covered_to(question)
        reached = reached_by(scanner, catalogue, question.camera)
    page, end, behind = found[: fitting(found)], question.end, None
    if len(page) < len(found):
        last, following = page[-1][0], found[len(page)][0]
        behind = SegmentsCursor(start=last.start, segment=last.id)
        end = min(end, following.start)
        reached = end if reached is None else min(reached, end)
    segments = tuple(segment for segment, state in page if state in ON_DISK)
    return SegmentsAnswer(
        segments=segments,
        complete_to=reached,
        missing=tuple(
            CameraSpan(camera=question.camera, start=start, end=until)
            for start, until in uncovered(covered_to, end, segments)
        ),
        away=tuple(segment for segment, state in page if state is State.LOST),
        next=behind,
    )


def fitting(found: Sequence[tuple[Segment, State]]) -> int:
    """How many fit into one answer: at least one."""
    size = 0
    for count, (segment, _) in enumerate(found[:SEGMENTS_AN_ANSWER]):
        size += len(segment.model_dump_json().encode())
        if size > BYTES_AN_EVENT and count:
            return count
    return min(len(found), SEGMENTS_AN_ANSWER)
