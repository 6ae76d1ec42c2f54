"""Gets the file of each segment: from disk, vault or backup, its digest checked always."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from reelwarden_access.site.exporter.beside import Beside
from reelwarden_access.site.exporter.domain import Parameters, Piece, Source, Tried, Unusable
from reelwarden_access.site.exporter.files import Located, Storage, digest_of_file, init_of
from reelwarden_access.site.exporter.media import Unplayable
from reelwarden_common.errors import Transient
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import Segment, SegmentsAnswer, SegmentsQuery
from reelwarden_common.s3 import S3, NotAllowed, NotStored
from reelwarden_common.telemetry import log


class Ask(Protocol):
    """Asks the scanner which segments cover a span."""

    async def __call__(self, question: SegmentsQuery, /) -> SegmentsAnswer:
        """The answer; raises Transient when there is none."""
        ...


class SourceAway(Transient):
    """The storage or the store with a segment's file cannot be reached now."""


@dataclass(frozen=True)
class Known:
    """What the scanner knows of one span."""

    segments: Mapping[str, Segment]
    complete_to: datetime | None


async def known_segments(ask: Ask, span: CameraSpan) -> Known:
    """All segments of a span, in as many answers as it takes."""
    found: dict[str, Segment] = {}
    question = SegmentsQuery(camera=span.camera, start=span.start, end=span.end)
    while True:
        answer = await ask(question)
        found |= {one.id: one for one in (*answer.segments, *answer.away)}
        if answer.next is None:
            return Known(found, answer.complete_to)
        question = question.model_copy(update={"after": answer.next})


class Gatherer:
    """Finds files for segments; those from the backup are put into `folder`."""

    def __init__(self, storage: Storage, s3: S3, backup: str, folder: Path, media: Beside) -> None:
        self._storage, self._s3, self._backup, self._folder = storage, s3, backup, folder
        self._media = media
        self.files: dict[str, Located] = {}
        """The file of each piece, by the segment's id."""

    async def get(self, segment: Segment) -> Piece | Unusable:
        """A segment's file, or what was found where it should be.

        Raises:
            SourceAway: it may be had later.
        """
        tried: dict[Source, Tried] = {}
        try:
            init_of(segment)
        except ValueError as error:
            log("exporter").error("initialization_segment_damaged", segment=segment.id, error=str(error))
            return Unusable(segment, dict.fromkeys(Source, Tried.ALTERED))
        for source in Source:
            found = await self._try(segment, source)
            if isinstance(found, Parameters):
                return Piece(segment, source, found, tried)
            tried[source] = found
        if Tried.AWAY in tried.values():
            away = ", ".join(source for source, why in tried.items() if why is Tried.AWAY)
            raise SourceAway(f"segment {segment.id} of {segment.camera} cannot be had: {away} is away")
        return Unusable(segment, tried)

    async def _try(self, segment: Segment, source: Source) -> Parameters | Tried:
        if source is Source.BACKUP:
            return await self._from_backup(segment)
        is_disk = source is Source.DISK
        places = self._storage.on_disk(segment) if is_disk else self._storage.in_vault(segment)
        worst = Tried.ABSENT if self._storage.is_there else Tried.AWAY
        for place in places:
            found = await asyncio.to_thread(_look, place, segment.digest, self._media)
            if isinstance(found, Parameters):
                self.files[segment.id] = place
                return found
            worst = worst if found is Tried.ABSENT else found
        return worst

    async def _from_backup(self, segment: Segment) -> Parameters | Tried:
        """Each version is tried, newest first: what was put over a copy, or hides it, does not count."""
        key = f"{segment.camera}/{segment.start.astimezone(UTC):%Y-%m-%d}/{segment.id}.mp4"
        worst = Tried.ABSENT
        try:
            for version in await self._s3.versions(self._backup, key):
                found = await self._fetch(segment, key, version.version)
                if isinstance(found, Parameters):
                    return found
                worst = worst if found is Tried.ABSENT else found
        except NotStored:
            return worst
        except NotAllowed as error:
            raise SourceAway(f"the backup refuses this school's key: {error}") from error
        return worst

    async def _fetch(self, segment: Segment, key: str, version: str) -> Parameters | Tried:
        suffix = ".mp4" if segment.init is None else ".m4s"
        place = Located(self._folder, f"{segment.id}{suffix}", init_of(segment))
        target = self._folder / place.path
        await self._s3.get_file(self._backup, key, target, version)
        found = await asyncio.to_thread(_look, place, segment.digest, self._media)
        if isinstance(found, Parameters):
            self.files[segment.id] = place
        else:
            target.unlink()
        return found


def _look(place: Located, digest: str, media: Beside) -> Parameters | Tried:
    """Hash a file, then look into it."""
    try:
        with place.open() as file:
            if digest_of_file(file) != digest:
                return Tried.ALTERED
        return media.inspect(place)
    except FileNotFoundError:
        return Tried.ABSENT
    except (Unplayable, OSError):
        return Tried.UNREADABLE
