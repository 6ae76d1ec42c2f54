"""What the ledger does when it hears something: it writes it down."""

from collections.abc import Mapping

from reelwarden_backup.district.ledger.store import LedgerStore
from reelwarden_common.envelope import Envelope
from reelwarden_common.events.access import RestoreAsked
from reelwarden_common.events.backup import (
    BacklogMeasured,
    ObjectRestored,
    ObjectsErased,
    ObjectsStored,
    RestoreFailed,
    RunRecorded,
)
from reelwarden_common.events.base import Event
from reelwarden_common.events.ingest import SegmentsLost
from reelwarden_common.messaging.delivery import Handler


async def on_objects_stored(event: ObjectsStored, envelope: Envelope, store: LedgerStore) -> None:
    await store.add(envelope.school, event)


async def on_objects_erased(event: ObjectsErased, envelope: Envelope, store: LedgerStore) -> None:
    await store.erase(envelope.school, event)


async def on_run_recorded(event: RunRecorded, envelope: Envelope, store: LedgerStore) -> None:
    await store.history.keep_run(envelope.school, event)


async def on_backlog_measured(event: BacklogMeasured, envelope: Envelope, store: LedgerStore) -> None:
    await store.history.keep_backlog(envelope.school, event, envelope.time)


async def on_segments_lost(event: SegmentsLost, envelope: Envelope, store: LedgerStore) -> None:
    await store.history.lose(envelope.school, event)


async def on_restore_asked(event: RestoreAsked, envelope: Envelope, store: LedgerStore) -> None:
    await store.ask_restore(envelope.school, event.segment, event.actor)


async def on_object_restored(event: ObjectRestored, envelope: Envelope, store: LedgerStore) -> None:
    await store.history.mark(envelope.school, event.segment, "restored")


async def on_restore_failed(event: RestoreFailed, envelope: Envelope, store: LedgerStore) -> None:
    await store.not_restored(envelope.school, event)


HANDLERS: Mapping[type[Event], Handler[LedgerStore]] = {
    ObjectsStored: on_objects_stored,
    ObjectsErased: on_objects_erased,
    RunRecorded: on_run_recorded,
    BacklogMeasured: on_backlog_measured,
    SegmentsLost: on_segments_lost,
    RestoreAsked: on_restore_asked,
    ObjectRestored: on_object_restored,
    RestoreFailed: on_restore_failed,
}
