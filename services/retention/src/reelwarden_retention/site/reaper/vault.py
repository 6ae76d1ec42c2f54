"""Holds brought into force: every file that a hold covers lies in the vault, its digest checked (R3.1)."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reelwarden_common.errors import Transient
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import Segment, SegmentsAnswer, SegmentsQuery
from reelwarden_common.events.retention import HoldInForce
from reelwarden_common.identity import digest_of
from reelwarden_common.messaging.sqlite import SqliteUnits
from reelwarden_common.telemetry import log
from reelwarden_retention.site.reaper import rows
from reelwarden_retention.site.reaper.domain import (
    Footage,
    KeptHold,
    Kind,
    Piece,
    Presence,
    forgotten_part,
    gone_and_gaps,
)
from reelwarden_retention.site.reaper.laying import Laying
from reelwarden_retention.site.reaper.store import FORGET_AFTER, ReaperStore

AskScanner = Callable[[SegmentsQuery], Awaitable[SegmentsAnswer]]
WINDOW = timedelta(minutes=15)
"""Asked for at once: an answer must fit into one message, also where segments last two seconds."""
COMMIT_EVERY = 50
LOOK_AGAIN = timedelta(hours=1)
"""A complete hold is looked after so often, besides whenever something of its span changes."""
SOON = timedelta(seconds=10)
"""An incomplete one, besides whenever a segment of its span arrives."""


@dataclass(frozen=True)
class Known:
    """What the scanner answered for a hold."""

    segments: tuple[Segment, ...]
    complete_to: datetime | None
    missing: tuple[CameraSpan, ...]
    away: tuple[Segment, ...]


class Vault:
    """The vault of one school's storage."""

    def __init__(
        self,
        units: SqliteUnits[ReaperStore],
        ask: AskScanner,
        laying: Laying,
    ) -> None:
        self._units, self._ask, self._laying = units, ask, laying

    async def turn(self) -> None:
        """Look after every hold whose turn it is; one that fails does not keep the others waiting."""
        await self._laying.finish()
        async with self._units.begin() as store:
            waiting = store.to_look_after(LOOK_AGAIN)
        for kept, told in waiting:
            try:
                await self._look_after(kept, told)
            except (Transient, OSError) as error:
                log("reaper").warning("hold_waits", hold=kept.hold.id, error=str(error))

    async def _look_after(self, kept: KeptHold, told: str | None) -> None:
        async with self._units.begin() as store:
            margin = store.margins()[kept.hold.span.camera]
        known = await self._what_is_known(kept, margin)
        async with self._units.begin() as store:
            fresh = [s for s in known.segments if store.catalogue.one(s.id) is None]
            store.catalogue.record(rows.of_segment(segment) for segment in fresh)
            covered = store.catalogue.overlapping(kept, margin)
        for start in range(0, len(covered), COMMIT_EVERY):
            await self.keep(covered[start : start + COMMIT_EVERY])
        async with self._units.begin() as store:
            kept_now = [one for one in store.catalogue.overlapping(kept, margin) if one.vault is not None]
            now, span = store.clock(), kept.hold.span
            forgotten = forgotten_part(span, now - FORGET_AFTER, _gaps_told(told))
            event = self._in_force(kept, known, kept_now, store.catalogue.ever_recorded(span), forgotten)
            text = json.dumps(event.model_dump(mode="json", exclude={"complete_to"}), sort_keys=True)
            if text != told:
                store.publish(store.school, event)
            store.looked_after(kept.hold.id, now + (LOOK_AGAIN if event.complete else SOON), text)

    async def _what_is_known(self, kept: KeptHold, margin: timedelta) -> Known:
        """Ask the scanner piece by piece; the truth reaches as far as its first piece that is incomplete."""
        span = kept.hold.span
        start, end = span.start - margin, span.end + margin
        segments: dict[str, Segment] = {}
        missing: list[CameraSpan] = []
        away: dict[str, Segment] = {}
        complete_to: datetime | None = None
        while start < end:
            until = min(start + WINDOW, end)
            question = SegmentsQuery(camera=span.camera, start=start, end=until)
            while True:
                answer = await self._ask(question)
                segments |= {one.id: one for one in answer.segments}
                missing += answer.missing
                away |= {one.id: one for one in answer.away}
                complete_to = answer.complete_to
                if answer.next is None:
                    break
                question = question.model_copy(update={"after": answer.next})
            if complete_to is None or complete_to < until:
                break
            start = until
        return Known(tuple(segments.values()), complete_to, tuple(missing), tuple(away.values()))

    async def keep(self, covered: Sequence[Footage]) -> None:
        """Put into the vault what is not there, and note what cannot be had any more."""
        if lacking := [one for one in covered if not self._laying.has(one)]:
            await self._laying.lay(lacking)

    def _in_force(
        self,
        kept: KeptHold,
        known: Known,
        vaulted: Sequence[Footage],
        remembered: Sequence[Footage],
        forgotten: Sequence[Piece],
    ) -> HoldInForce:
        span = kept.hold.span
        whole = [one for one in vaulted if one.kind is Kind.SEGMENT and f"/{one.digest}." in f"{one.vault}"]
        there = {one.id for one in whole}
        reached = span.start if known.complete_to is None else known.complete_to
        missing = [gap for gap in known.missing if gap.start < reached]
        missing = [g.model_copy(update={"end": min(g.end, reached)}) for g in missing]
        missing += [
            CameraSpan(camera=one.camera, start=one.start, end=one.end)
            for one in known.segments
            if one.id not in there
        ]
        absent = [one for one in remembered if one.presence is not Presence.PRESENT and one.vault is None]
        recorded: list[Piece] = [*known.segments, *known.away, *remembered, *forgotten]
        gone, gaps = gone_and_gaps(missing, span, whole, recorded, absent)
        return HoldInForce(
            hold=kept.hold.id,
            cause=kept.hold.cause,
            complete=reached >= span.end,
            segments=len(whole),
            bytes=sum(one.size for one in whole),
            digest=digest_of(one.digest for one in whole if one.digest is not None),
            complete_to=known.complete_to,
            gone=tuple(gone),
            gaps=tuple(gaps),
        )


def _gaps_told(told: str | None) -> tuple[CameraSpan, ...]:
    return () if told is None else HoldInForce.model_validate_json(told).gaps
