"""What the desk hears: how far holds and exports are, and what somebody must look at."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from reelwarden_access.district.desk import retrieval
from reelwarden_access.district.desk.application import Application, Status
from reelwarden_access.district.desk.store import DeskStore
from reelwarden_common.envelope import Envelope
from reelwarden_common.errors import Refused
from reelwarden_common.events.access import ExportFailed, ExportReady
from reelwarden_common.events.backup import ObjectRestored
from reelwarden_common.events.base import Event
from reelwarden_common.events.ingest import SegmentsLost
from reelwarden_common.events.report import RulesPublished
from reelwarden_common.events.retention import (
    HoldAsked,
    HoldDecided,
    HoldInForce,
    HoldLapsed,
    HoldReleased,
    SegmentsErased,
    SweepStopped,
)
from reelwarden_common.messaging.delivery import Handler


class OtherText(Refused):
    """The text of the rules is not the one of their digest: nobody may acknowledge it."""


class NotTheirs(Refused):
    """A school speaks of an application that is not its own: somebody uses its key."""


async def on_hold_asked(event: HoldAsked, envelope: Envelope, store: DeskStore) -> None:
    if await store.school_of(event.hold.cause):
        await store.holds.asked(event.hold, envelope.time)


async def on_hold_decided(event: HoldDecided, envelope: Envelope, store: DeskStore) -> None:
    if await store.school_of(event.hold.cause):
        await store.holds.decided(event.hold, envelope.time)


async def on_hold_in_force(event: HoldInForce, envelope: Envelope, store: DeskStore) -> None:
    school = await store.school_of(event.cause)
    if school is None:
        return
    if school != envelope.school:
        message = f"{envelope.school} answers for a hold of {school}: application {event.cause}"
        raise NotTheirs(message)
    await store.holds.answered(event, envelope.time)


async def on_hold_released(event: HoldReleased, envelope: Envelope, store: DeskStore) -> None:
    await store.holds.released(event.hold, event.effective_at, envelope.time)


async def on_hold_lapsed(event: HoldLapsed, envelope: Envelope, store: DeskStore) -> None:
    await store.holds.lapsed(event.hold, envelope.time)


async def on_export_ready(event: ExportReady, envelope: Envelope, store: DeskStore) -> None:
    application = await _own(event.application, envelope, store)
    retrieval.check_export(application, event)
    if application.status not in (Status.APPROVED, Status.READY):
        return  # what was shown or handed over must not change behind the record
    await store.exports.ready(event, envelope.time)
    await store.applications.update(application.id, status=Status.READY)


async def on_export_failed(event: ExportFailed, envelope: Envelope, store: DeskStore) -> None:
    application = await _own(event.application, envelope, store)
    await store.exports.failed(application.id, f"{event.reason}: {event.detail}", envelope.time)


async def _own(application: str, envelope: Envelope, store: DeskStore) -> Application:
    found = await store.applications.load(application, lock=True)
    if found.school != envelope.school:
        message = f"{envelope.school} speaks of application {found.number}, which is not its own"
        raise NotTheirs(message)
    return found


async def on_sweep_stopped(event: SweepStopped, envelope: Envelope, store: DeskStore) -> None:
    await store.alarms.sweep_stopped(envelope.school, event, envelope.time)


async def on_segments_lost(event: SegmentsLost, envelope: Envelope, store: DeskStore) -> None:
    await store.alarms.lost(envelope.school, event.segments, envelope.time)


async def on_object_restored(event: ObjectRestored, envelope: Envelope, store: DeskStore) -> None:
    await store.alarms.restored(envelope.school, event.segment, envelope.time)


async def on_segments_erased(event: SegmentsErased, envelope: Envelope, store: DeskStore) -> None:
    await store.alarms.erased(envelope.school, [c.segment for c in event.certificates], envelope.time)


async def on_rules_published(event: RulesPublished, _: Envelope, store: DeskStore) -> None:
    if event.text and sha256(event.text.encode()).hexdigest() != event.digest:
        message = f"version {event.version} of the rules: the text does not have the digest {event.digest}"
        raise OtherText(message)
    await store.people.add_rules(event)


HANDLERS: Mapping[type[Event], Handler[Any]] = {
    HoldAsked: on_hold_asked,
    HoldDecided: on_hold_decided,
    HoldInForce: on_hold_in_force,
    HoldReleased: on_hold_released,
    HoldLapsed: on_hold_lapsed,
    ExportReady: on_export_ready,
    ExportFailed: on_export_failed,
    SweepStopped: on_sweep_stopped,
    SegmentsLost: on_segments_lost,
    ObjectRestored: on_object_restored,
    SegmentsErased: on_segments_erased,
    RulesPublished: on_rules_published,
}
