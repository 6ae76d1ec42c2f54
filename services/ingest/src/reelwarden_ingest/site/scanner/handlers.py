"""What the scanner hears, and the question that it answers."""

from collections.abc import Mapping

from reelwarden_common.envelope import Envelope
from reelwarden_common.events.backup import ObjectRestored
from reelwarden_common.events.base import CameraSpan, Event
from reelwarden_common.events.ingest import CameraRegistered, DayDiffers, SegmentsAnswer, SegmentsQuery
from reelwarden_common.events.retention import SegmentsErased
from reelwarden_common.messaging.delivery import Handler
from reelwarden_ingest.site.scanner.domain import ON_DISK, State, uncovered
from reelwarden_ingest.site.scanner.reports import reached_by
from reelwarden_ingest.site.scanner.scan import Scanner
from reelwarden_ingest.site.scanner.store import Catalogue

SEGMENTS_AN_ANSWER = 300
"""Half of what a school's line takes in one message (256 KB, at about 450 bytes each): paths may be long."""


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

    Where there are more than one answer holds, `complete_to` is where it breaks off: ask again from there.
    """
    async with scanner.units.begin() as catalogue:
        found = catalogue.overlapping(question.camera, question.start, question.end, SEGMENTS_AN_ANSWER + 1)
        reached = reached_by(scanner, catalogue, question.camera)
    end = question.end
    if len(found) > SEGMENTS_AN_ANSWER:
        end = min(end, found.pop()[0].start)
        reached = end if reached is None else min(reached, end)
    segments = tuple(segment for segment, state in found if state in ON_DISK)
    return SegmentsAnswer(
        segments=segments,
        complete_to=reached,
        missing=tuple(
            CameraSpan(camera=question.camera, start=start, end=until)
            for start, until in uncovered(question.start, end, segments)
        ),
        away=tuple(segment for segment, state in found if state is State.LOST),
    )
