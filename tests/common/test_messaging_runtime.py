"""How a role runs: nothing of it ends in silence, and readiness tells what is missing."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from reelwarden_common import role as runtime
from reelwarden_common.envelope import Envelope, encode
from reelwarden_common.errors import Transient
from reelwarden_common.events.access import ExportFailed
from reelwarden_common.events.backup import ObjectsStored
from reelwarden_common.messaging.postgres import MESSAGING_SQL, PgUnits, open_pool
from reelwarden_common.messaging.publisher import publish_all
from reelwarden_common.messaging.units import NoUnits, Store
from reelwarden_common.role import Loop, Role, check_wiring
from reelwarden_common.settings import RoleSettings
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.servers import Postgres
from tests.support.roles import NOW, SCHOOL, ProbeStore, authorised, bus_of, messages_in, probe, say, until


@pytest.fixture(autouse=True)
def quick_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "WATCH_SECONDS", 0.2)
    monkeypatch.setattr(runtime, "RELAY_PAUSE", 0.1)


FAILED = ExportFailed(application="a-1", reason="no-footage", detail="nothing there")


async def test_ready_means_database_bus_and_consumers(bus: EmbeddedBus, tmp_path: Path) -> None:
    async with Postgres(tmp_path / "postgres", quick=True) as server:
        admin = await server.admin()
        await admin.execute(f"CREATE SCHEMA t; SET search_path TO t; {MESSAGING_SQL}")
        await admin.close()
        pool = await open_pool(server.admin_url(), "t")
        units = PgUnits(pool, "ledger", lambda _conn: Store("ledger"))
        async with probe(bus, "ledger", tmp_path, units=units) as ledger:

            async def problem() -> str:
                return str((await ledger.get("/readyz")).json().get("problem", ""))

            assert await problem() == ""
            await server.kill()
            await until(lambda: _starts(problem, "database:"))
            await server.start()
            await until(lambda: _starts(problem, ""))
            await bus.hub.kill()
            await until(lambda: _starts(problem, "bus:"))
            assert (await ledger.get("/livez")).json() == {"status": "alive", "role": "ledger"}
            await bus.hub.start()
            await until(lambda: _starts(problem, ""))
        await pool.close()


async def _starts(problem: Any, with_: str) -> bool:
    told: str = await problem()
    return told.startswith(with_) if with_ else told == ""


async def test_a_roles_own_readiness_counts(bus: EmbeddedBus, tmp_path: Path) -> None:
    async def unbound() -> str:
        return "the storage is not the one this school was bound to"

    async with probe(bus, "exporter", tmp_path, readiness=unbound) as exporter:
        ready = await exporter.get("/readyz")
    assert ready.status_code == 503
    assert ready.json() == {"status": "not ready", "problem": await unbound()}


async def test_a_failing_loop_goes_on(bus: EmbeddedBus, tmp_path: Path) -> None:
    turns: list[int] = []

    async def turn() -> None:
        turns.append(len(turns))
        if len(turns) == 1:
            raise Transient("the disk is busy")
        if len(turns) == 2:
            raise KeyError("surprise")

    async with probe(bus, "exporter", tmp_path, loops=(Loop("sweep", 0.01, turn),)) as exporter:
        await until(lambda: len(turns) > 3)
        assert not exporter.role.bus.closed.is_set()


async def test_a_part_of_the_runtime_that_ends_ends_the_role(bus: EmbeddedBus, tmp_path: Path) -> None:
    async def turn() -> None:
        """Does nothing; the nonsense is in how often."""

    loop = Loop("broken", "often", turn)  # type: ignore[arg-type]
    async with probe(bus, "exporter", tmp_path, loops=(loop,)) as exporter:
        await asyncio.wait_for(exporter.role.bus.closed.wait(), 60)


async def test_the_outbox_outlives_every_fault_of_its_relay(
    bus: EmbeddedBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong, what was decided is said in the end; the gauge tells how much waits."""
    faults = [ValueError("surprise"), Transient("away"), KeyError("surprise")]
    relay, seen = publish_all, asyncio.Event()

    async def failing(*arguments: Any) -> None:
        if faults:
            raise faults.pop()
        if not seen.is_set():
            raise Transient("still away")
        await relay(*arguments)

    monkeypatch.setattr(runtime, "publish_all", failing)
    leaf = await bus.connect("topology", SCHOOL)
    async with probe(bus, "exporter", tmp_path) as exporter:
        async with exporter.role.units.begin() as store:
            store.publish(SCHOOL, FAILED)
        await until(lambda: _gauge(exporter, 1.0))
        seen.set()
        await until(lambda: _gauge(exporter, 0.0))
    assert not faults
    assert [m.subject for m in await messages_in(leaf, "SITE")] == ["rw.s001.exporter.export.failed"]
    await leaf.close()


async def _gauge(exporter: Any, value: float) -> bool:
    return await _told(exporter, f"reelwarden_outbox_rows {value}")


async def _told(exporter: Any, metric: str) -> bool:
    return metric in (await exporter.get("/metrics")).text


async def test_what_was_decided_while_the_bus_was_away_is_said_in_order(
    bus: EmbeddedBus, tmp_path: Path
) -> None:
    leaf_server = bus.leaves[SCHOOL]
    async with probe(bus, "exporter", tmp_path) as exporter:
        for number in range(30):
            async with exporter.role.units.begin() as store:
                store.publish(SCHOOL, FAILED, event_id=f"f-{number}")
            if number == 10:
                await leaf_server.kill()
            if number == 20:
                await leaf_server.start()
        await until(lambda: _drained(exporter))
    leaf = await bus.connect("topology", SCHOOL)
    ids = [m.headers["ce-id"] for m in await messages_in(leaf, "SITE")]
    assert ids == [f"f-{number}" for number in range(30)]
    await leaf.close()


async def _drained(exporter: Any) -> bool:
    return bool(await exporter.role.units.outbox_size() == 0)


async def test_a_trace_runs_through_the_bus_and_the_outbox(bus: EmbeddedBus, tmp_path: Path) -> None:
    """District → school → another role of the school: one trace, each span the child of the one before."""
    trace = "0af7651916cd43dd8448eb211c80319c"

    async def answer(_event: Any, envelope: Envelope, store: Store) -> None:
        store.publish(envelope.school, FAILED, event_id="f-1")

    desk = await bus.connect("desk")
    async with (
        probe(bus, "exporter", tmp_path, answer) as exporter,
        probe(bus, "notary", tmp_path) as notary,
    ):
        await say(desk.jetstream(), authorised(1, traceparent=f"00-{trace}-b7ad6b7169203331-01"))
        await until(lambda: notary.ids == ["f-1"])
    (first,) = exporter.spans.get_finished_spans()
    (second,) = notary.spans.get_finished_spans()
    assert first.name == "handle reelwarden.desk.retrieval.authorised.v1"
    assert first.context.trace_id == second.context.trace_id == int(trace, 16)
    assert first.parent
    assert first.parent.span_id == int("b7ad6b7169203331", 16)
    assert second.parent
    assert second.parent.span_id == first.context.span_id
    await desk.close()


async def test_what_a_loop_says_has_a_trace_of_its_own(bus: EmbeddedBus, tmp_path: Path) -> None:
    stores: list[ProbeStore] = []

    async def turn() -> None:
        if not stores:
            async with exporter.role.units.begin() as store:
                stores.append(store)
                store.publish(SCHOOL, FAILED, event_id="f-1")

    async with probe(bus, "notary", tmp_path) as notary:
        loop = Loop("export", 0.1, turn)
        async with probe(bus, "exporter", tmp_path, loops=(loop,)) as exporter:
            await until(lambda: notary.ids == ["f-1"])
    (heard,) = notary.spans.get_finished_spans()
    said = [s for s in exporter.spans.get_finished_spans() if s.name == "export"]
    assert heard.parent
    assert heard.parent.span_id in [s.context.span_id for s in said]


async def test_a_batch_links_the_traces_of_all_its_senders(bus: EmbeddedBus, tmp_path: Path) -> None:
    hub = await bus.connect("topology")
    traces = [f"{n:032x}" for n in (1, 2, 3)]
    heard: list[int] = []

    async def together(events: Any, _store: Store) -> None:
        heard.append(len(events))

    await say(
        hub.jetstream(),
        *(
            encode(
                ObjectsStored(objects=()),
                school=SCHOOL,
                role="replicator",
                event_id=t,
                time=NOW,
                traceparent=f"00-{t}-b7ad6b7169203331-01",
            )
            for t in traces
        ),
    )
    async with probe(bus, "ledger", tmp_path, batches={ObjectsStored: together}) as ledger:
        await until(lambda: heard == [3])
    (span,) = ledger.spans.get_finished_spans()
    assert span.context.trace_id == 1
    assert [link.context.trace_id for link in span.links] == [2, 3]
    await hub.close()


async def test_metrics_have_labels_of_bounded_number(bus: EmbeddedBus, tmp_path: Path) -> None:
    desk = await bus.connect("desk")
    async with probe(bus, "exporter", tmp_path) as exporter:
        await say(desk.jetstream(), *(authorised(n) for n in range(20)))
        handled = 'handled_total{outcome="done",type="reelwarden.desk.retrieval.authorised.v1"} 20.0'
        await until(lambda: _told(exporter, handled))
        text = (await exporter.get("/metrics")).text
    ours = [line for line in text.splitlines() if line.startswith("reelwarden_")]
    assert f"reelwarden_events_{handled}" in ours
    assert any(line.startswith('reelwarden_consumer_lag{stream="DISTRICT"} ') for line in ours)
    assert not any(word in line for line in ours for word in (SCHOOL, "rw.", "e-1"))
    await desk.close()


async def test_handlers_that_differ_from_the_table_stop_the_start(bus: EmbeddedBus, tmp_path: Path) -> None:
    made = Role("exporter", RoleSettings(), bus_of(bus, "exporter", tmp_path), NoUnits("exporter"), {})
    with pytest.raises(RuntimeError, match="handlers and topology differ in RetrievalAuthorised"):
        check_wiring(made)
