"""What the registrar does with each fact that it hears: write it down; with checkpoints: judge and sign."""

from collections.abc import Mapping, Sequence

from reelwarden_common.envelope import Envelope
from reelwarden_common.events import ingest, report
from reelwarden_common.events.base import Event
from reelwarden_common.messaging.delivery import BatchHandler, Handler
from reelwarden_common.messaging.topology import role
from reelwarden_report.custody import peers
from reelwarden_report.custody.hours import told
from reelwarden_report.custody.leaves import MEASURES, leaf
from reelwarden_report.district.registrar.store import RegistrarStore


async def on_fact(event: Event, envelope: Envelope, store: RegistrarStore) -> None:
    """Every act on footage is in the school's custody log (invariant 9)."""
    await store.append(envelope.school, [leaf(event, envelope)])


async def on_segments(heard: Sequence[tuple[Event, Envelope]], store: RegistrarStore) -> None:
    """What was recorded waits until its hour is over: the log has one entry for it."""
    for event, envelope in heard:
        if isinstance(event, ingest.SegmentsRecorded):
            await store.hours.hear(envelope.school, envelope.id, told(event), store.clock())


async def on_measure(_event: Event, _: Envelope, _store: RegistrarStore) -> None:
    """A measure is no act on footage."""


async def on_site_checkpoint(
    event: report.CheckpointSigned, envelope: Envelope, store: RegistrarStore
) -> None:
    """Countersign the notary's log, but never one that shrank or changed."""
    school = envelope.school
    name = peers.origin(school, "notary")
    key, checkpoint = peers.judge(event, name, await store.known(school), store.pinned.get(school))
    await store.countersign(school, key, checkpoint, event.note)


async def on_our_checkpoint_cosigned(
    event: report.CheckpointCountersigned, envelope: Envelope, store: RegistrarStore
) -> None:
    """Keep the notary's cosignature on our checkpoint, if it is one."""
    school = envelope.school
    ours = await store.checkpoint(school, event.size)
    if ours is None:
        raise peers.BadCheckpoint(f"{school}: no checkpoint of {event.size} entries was ever signed here")
    known = await store.known(school)
    cosigner = peers.witness(school, "notary")
    peers.judge_cosignature(event, ours, cosigner, known.key.public if known else None)
    await store.cosigned(school, event)


BATCHES: Mapping[type[Event], BatchHandler[RegistrarStore]] = {ingest.SegmentsRecorded: on_segments}
HANDLERS: Mapping[type[Event], Handler[RegistrarStore]] = {
    **{heard: on_fact for heard in role("registrar").hears if heard not in BATCHES},
    **dict.fromkeys(MEASURES, on_measure),
    report.CheckpointSigned: on_site_checkpoint,
    report.CheckpointCountersigned: on_our_checkpoint_cosigned,
}
