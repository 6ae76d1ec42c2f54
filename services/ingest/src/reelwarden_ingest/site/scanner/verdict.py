"""From a file's content to what the catalogue enters: a segment, or a rejection with its reason."""

from datetime import datetime, timedelta

from reelwarden_common.events.ingest import InitSegment, Segment, TimeSource
from reelwarden_common.identity import segment_id
from reelwarden_ingest.site.scanner.dating import Claim, date_segment
from reelwarden_ingest.site.scanner.domain import Found, Reason, Rejection, Signature
from reelwarden_ingest.site.scanner.probe import Content, container_start, file_time
from reelwarden_ingest.site.scanner.recorders import Identified

CONTAINER_RESOLUTION_MS = 100
"""A network camera's picture is this late when the recorder stamps it."""
UNREADABLE_AGAIN = timedelta(minutes=10)


def unopened(locator: str, signature: Signature, camera: str | None, rejection: Rejection) -> Found:
    """A file that is rejected without being opened."""
    return Found(locator, signature, camera, None, rejection=rejection)


def judge(school: str, locator: str, identified: Identified | None, content: Content, now: datetime) -> Found:
    """Decides what an opened file is."""
    if identified is None:
        detail = "it fits no camera of district.toml: register the camera, or mend its recorder's layout"
        unknown = Rejection(Reason.UNKNOWN_CAMERA, detail)
        return Found(locator, content.signature, None, content.digest, rejection=unknown)
    camera = identified.camera.id
    if content.movie is None or content.digest is None:
        again = now + UNREADABLE_AGAIN if content.digest is None or content.passing else None
        return Found(
            locator, content.signature, camera, content.digest, rejection=content.fault, look_again=again
        )
    movie, duration = content.movie, timedelta(milliseconds=content.movie.duration_ms)
    written = file_time(content.signature)
    inside = container_start(movie)
    claims = [] if inside is None else [Claim(TimeSource.CONTAINER, (inside,), CONTAINER_RESOLUTION_MS)]
    claims += [] if identified.claim is None else [identified.claim]
    dated = date_segment(claims, written, duration, now)
    if isinstance(dated, Rejection):
        again = written if written > now else None
        return Found(locator, content.signature, camera, content.digest, rejection=dated, look_again=again)
    segment = Segment(
        id=segment_id(school, camera, dated.start, content.digest),
        camera=camera,
        start=dated.start,
        end=dated.start + duration,
        duration_ms=movie.duration_ms,
        size=content.signature.size,
        digest=content.digest,
        codec=movie.codec,
        width=movie.width,
        height=movie.height,
        time_source=dated.source,
        uncertainty_ms=dated.uncertainty_ms,
        locator=locator,
        file_time=written,
        init=None if content.init is None else InitSegment.of(content.init),
    )
    return Found(locator, content.signature, camera, content.digest, segment=segment)
