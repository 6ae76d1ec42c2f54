"""Every act on footage is in the custody log (invariant 9): an event is a leaf, or it is said why not."""

import json
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reelwarden_common import events
from reelwarden_common.contracts.example import example_of
from reelwarden_common.contracts.forms import form_of, schema_of
from reelwarden_common.envelope import Envelope
from reelwarden_common.events import report
from reelwarden_common.events.base import ANY_ROLE, Event
from reelwarden_common.events.ingest import SegmentsRecorded
from reelwarden_common.messaging.sqlite import open_database
from reelwarden_common.messaging.topology import Place, role, speakers
from reelwarden_report.custody.hours import TYPE, told
from reelwarden_report.custody.leaves import MEASURES
from reelwarden_report.custody.notes import Signer
from reelwarden_report.district.registrar.handlers import BATCHES, HANDLERS
from reelwarden_report.site.notary.schema import MIGRATIONS
from reelwarden_report.site.notary.store import NotaryStore
from tests.report.test_custody_history import AT, segment
from tests.report.test_registrar import append, drain, units_of

NO_ACTS = {
    "measures, and what is counted": {
        "index.coverage.counted",
        "ledger.readings.measured",
        "notary.site.alive",
        "reaper.clock.judged",
        "reaper.vault.measured",
        "replicator.backlog.measured",
        "scanner.camera.clock",
        "scanner.camera.silent",
        "scanner.day.counted",
        "scanner.storage.forecast",
        "scanner.storage.measured",
        "desk.training.counted",
        "inspector.inspection.completed",
    },
    "said again of what is in the log": {"reaper.hold.kept", "index.day.differs", "replicator.object.stored"},
    "the same footage under another name": {"scanner.segment.moved", "index.segment.conflict"},
    "work that waits for somebody": {"desk.task.due", "desk.task.overdue", "desk.task.done"},
    "what people find and do about it, in the report's own record": {
        "inspector.finding.opened",
        "inspector.finding.assigned",
        "inspector.finding.closed",
        "inspector.finding.escalated",
        "inspector.violation.recorded",
        "inspector.violation.closed",
        "inspector.feedback.received",
    },
    "orders whose result is in the log": {"ledger.verification.requested", "index.camera.registered"},
    "the bus's own": {"any.message.refused"},
    "the logs' own checkpoints": {
        "notary.checkpoint.signed",
        "notary.checkpoint.countersigned",
        "registrar.checkpoint.signed",
        "registrar.checkpoint.countersigned",
    },
}
MUST = {
    *("keeper.hold.asked", "keeper.hold.decided", "keeper.hold.released", "keeper.hold.lapsed"),
    *("reaper.hold.frozen", "reaper.hold.inforce", "reaper.segment.erased", "replicator.object.erased"),
    *("desk.viewing.started", "desk.viewing.stopped", "desk.still.taken", "desk.copy.released"),
    *("exporter.export.ready", "exporter.export.failed", "desk.access.denied", "desk.access.changed"),
    *("any.key.changed", "scanner.segment.recorded", "scanner.segment.lost", "scanner.segment.altered"),
}


def examples() -> list[Event]:
    """One of each event, as the contracts show it."""
    forms = ((event, form_of(event)) for event in events.ALL)
    return [event.model_validate(example_of(form, schema_of(form))) for event, form in forms]


def test_whatever_is_said_is_a_leaf_or_it_is_said_why_not() -> None:
    spared = {subject for subjects in NO_ACTS.values() for subject in subjects}
    heard = {event.SUBJECT for event in role("registrar").hears} - {one.SUBJECT for one in MEASURES}
    heard -= NO_ACTS["the logs' own checkpoints"]
    assert heard | spared == {event.SUBJECT for event in events.ALL}
    assert not heard & spared
    assert heard >= MUST
    at_site = {event.SUBJECT for event in role("notary").hears}
    said_there = {
        event.SUBJECT
        for event in events.ALL
        if event.SUBJECT in heard and any(one.place is Place.SCHOOL for one in speakers(event))
    }
    assert said_there - at_site == {"any.letter.settled"}, (
        "the school's own log has what happens at the school"
    )


async def test_a_leaf_is_written_for_each(report_pool: asyncpg.Pool) -> None:
    units = units_of(report_pool)
    spared = {subject for subjects in NO_ACTS.values() for subject in subjects}
    wanted = set()
    for number, event in enumerate(examples()):
        if event.SUBJECT in spared:
            continue
        speaker = "desk" if event.role() == ANY_ROLE else event.role()
        envelope = Envelope(f"act-{number}", event.ce_type(), "s001", speaker, AT)
        async with units.begin() as store:
            if type(event) in BATCHES:
                await BATCHES[type(event)]([(event, envelope)], store)
            else:
                await HANDLERS[type(event)](event, envelope, store)
                wanted.add(event.ce_type())
    async with units.begin() as store:
        (waiting,) = await store.hours.waiting()
        await store.close_hour(waiting)
    rows = await report_pool.fetch("SELECT text FROM custody_entry WHERE school = 's001'")
    found = {json.loads(row["text"])["type"] for row in rows}
    assert found == wanted | {TYPE}


# keys


async def test_a_log_that_is_signed_by_another_key_says_so(report_pool: asyncpg.Pool) -> None:
    first, second = units_of(report_pool), units_of(report_pool, Ed25519PrivateKey.generate())
    for number, units in enumerate((first, first, second, second)):
        await append(units, range(number, number + 1))
        async with units.begin() as store:
            await store.sign_if_grown("s001")
    said = [event for event, _ in await drain(second)]
    (changed,) = (event for event in said if isinstance(event, report.KeyChanged))
    keys = [event.key for event in said if isinstance(event, report.DistrictCheckpointSigned)]
    assert (changed.of, changed.key) == ("log", keys[2])
    assert keys[0].startswith(changed.before)


@pytest.mark.parametrize("changes", [False, True])
def test_so_does_the_notarys(tmp_path: Path, *, changes: bool) -> None:
    conn = open_database(tmp_path / "notary.sqlite", MIGRATIONS)
    key = Ed25519PrivateKey.generate()
    for number in range(2):
        signer = Signer("reelwarden/s001/notary", Ed25519PrivateKey.generate() if changes else key)
        store = NotaryStore(conn, "s001", signer, clock=lambda: AT)
        store.hear(f"e{number}", told(_recorded(number)))
        store.clock = lambda: AT + timedelta(days=1)
        store.close_hours(timedelta(minutes=1))
        assert store.sign_if_grown() is not None
    assert any("key.changed" in one.subject for one in store.take_outgoing()) is changes
    conn.close()


def _recorded(number: int) -> SegmentsRecorded:
    return SegmentsRecorded(segments=(segment("gate", AT + timedelta(minutes=number)),))
