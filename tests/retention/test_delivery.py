"""Keepers, reaper and what they say to each other, on the real bus: hub, leaf, line and intake."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nats.aio.client import Client
from pydantic import SecretStr

from reelwarden_common.clock import system_clock
from reelwarden_common.db import migrate
from reelwarden_common.envelope import Message, decode, encode
from reelwarden_common.events.access import ApplicationApproved, ApplicationClosed, SweepConfirmed
from reelwarden_common.events.base import CameraSpan, Event
from reelwarden_common.events.ingest import SegmentsQuery, SegmentsRecorded
from reelwarden_common.events.letters import (
    Act,
    Letter,
    LettersAnswer,
    LettersQuery,
    LetterTask,
    LetterTaskAnswer,
    Outcome,
)
from reelwarden_common.events.retention import (
    HoldAsked,
    HoldDecided,
    HoldFrozen,
    HoldInForce,
    HoldsKept,
    PlanApplied,
    PlanIssued,
    PlanRefused,
    SegmentsErased,
    SweepStopped,
)
from reelwarden_common.messaging import retry
from reelwarden_common.messaging.questions import Answer, ask, serve
from reelwarden_common.messaging.topology import LETTERS, SETTLE_LETTER
from reelwarden_common.role import running
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.ops import hub_of, operator
from reelwarden_retention.district.keeper import app as keeper_app
from reelwarden_retention.district.keeper.settings import Settings as KeeperSettings
from reelwarden_retention.shapes import Plan, signed
from reelwarden_retention.site.reaper import app as reaper_app
from reelwarden_retention.site.reaper import freeze
from reelwarden_retention.site.reaper.settings import Settings as ReaperSettings
from tests.support.backends import DATABASE_PASSWORD
from tests.support.ingest import intake, until
from tests.support.retention import (
    SCHOOL,
    TEN,
    Site,
    Time,
    database_url,
    district_toml,
    filed,
    key_file,
)

E = TypeVar("E", bound=Event)
OLD = system_clock().replace(microsecond=0) - timedelta(days=33)
RECENT = system_clock().replace(microsecond=0) - timedelta(hours=1)


@dataclass
class Stage:
    """A district with one school, its servers running; roles are started by the tests."""

    folder: Path
    bus: EmbeddedBus
    toml: Path
    key: Ed25519PrivateKey
    database_url: str
    admin_url: str
    hub: Client
    leaf: Client
    site: Site
    number: int = 0
    scanner: list[Client] = field(default_factory=list)

    def keeper(self, **more: Any) -> Any:
        settings = KeeperSettings(
            nats_url=self.bus.url(),
            nats_seed=SecretStr(self.bus.seed("keeper")),
            district_toml=self.toml,
            database_url=SecretStr(self.database_url),
            keeper_key=self.folder / "keeper.pem",
            **more,
        )
        return _run(keeper_app.build(settings))

    def reaper(self, **more: Any) -> Any:
        settings = ReaperSettings(
            nats_url=self.bus.url(SCHOOL),
            nats_seed=SecretStr(self.bus.seed("reaper", SCHOOL)),
            district_toml=self.toml,
            school=SCHOOL,
            state_dir=self.folder / "reaper",
            keeper_public_key=self.folder / "keeper.pub.pem",
            sweep_seconds=0.5,
            vault_seconds=0.3,
            **more,
        )
        return _run(reaper_app.build(settings))

    async def say(self, role: str, event: Event, *, at_school: bool = False) -> None:
        """Publish as a role that this test plays."""
        self.number += 1
        message: Message = encode(
            event, school=SCHOOL, role=role, event_id=f"test-{self.number}", time=system_clock()
        )
        client = await self.bus.connect(role, SCHOOL if at_school else None)
        try:
            await client.jetstream().publish(message.subject, message.body, headers=message.headers)
        finally:
            await client.close()

    async def heard(self, kind: type[E], *, at_school: bool = False) -> list[E]:
        """What the bus holds of a kind, oldest first."""
        client = self.leaf if at_school else self.hub
        js, found = client.jetstream(), []
        for stream in ("SITE", "DISTRICT") if at_school else ("SITE", "DISTRICT", "OFFICE"):
            state = (await js.stream_info(stream)).state
            for sequence in range(state.first_seq, state.last_seq + 1) if state.messages else ():
                raw = await js.get_msg(stream, sequence)
                event, _ = decode(raw.subject or "", raw.headers, raw.data or b"")
                if isinstance(event, kind):
                    found.append(event)
        return found

    async def wait(self, kind: type[E], count: int = 1, *, at_school: bool = False) -> list[E]:
        """The same, once there are so many."""

        async def enough() -> list[E] | None:
            found = await self.heard(kind, at_school=at_school)
            return found if len(found) >= count else None

        found: list[E] = await until(enough)
        return found

    async def scan(self) -> None:
        """Play the scanner: say what was recorded, answer what is asked."""
        await self.say("scanner", SegmentsRecorded(segments=tuple(self.site.recorded)), at_school=True)
        if not self.scanner:
            client = await self.bus.connect("scanner", SCHOOL)
            self.scanner.append(client)
            await serve(
                client, "scanner", SCHOOL, Answer("scanner.query.segments", SegmentsQuery, self.site.answer)
            )


@asynccontextmanager
async def _run(build: Any) -> AsyncIterator[None]:
    async with build as role, running(role):
        yield


@pytest_asyncio.fixture(loop_scope="session")
async def stage(tmp_path: Path, fresh_database: str) -> AsyncIterator[Stage]:
    await migrate(fresh_database, "retention", DATABASE_PASSWORD)
    toml, key = district_toml(tmp_path), Ed25519PrivateKey.generate()
    key_file(tmp_path, key)
    time = Time(now=system_clock())
    site = Site(tmp_path / "recordings/s001", tmp_path / "played-scanner", time, key)
    async with EmbeddedBus(tmp_path / "bus", [SCHOOL]) as bus:
        hub, leaf = await bus.connect("topology"), await bus.connect("topology", SCHOOL)
        made = Stage(
            tmp_path,
            bus,
            toml,
            key,
            database_url(fresh_database, "retention"),
            fresh_database,
            hub,
            leaf,
            site,
        )
        try:
            async with intake(bus, toml):
                yield made
        finally:
            for client in (hub, leaf, *made.scanner):
                await client.close()
            site.close()


def span(start: Any, end: Any) -> CameraSpan:
    return CameraSpan(camera="gate", start=start, end=end)


async def test_from_an_application_to_a_hold_in_force_to_an_erasure(stage: Stage) -> None:
    """Two keepers, one reaper: the hold is in force, the first sweep asks, what is not held is erased."""
    old = [stage.site.write(OLD + n * TEN) for n in range(4)]
    new = [stage.site.write(RECENT + n * TEN) for n in range(6)]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(stage.keeper())
        await stack.enter_async_context(stage.keeper())
        await stack.enter_async_context(stage.reaper())
        await stage.scan()
        held_until = system_clock() + timedelta(days=30)
        spans = [span(RECENT + TEN, RECENT + 4 * TEN), span(OLD, OLD + TEN)]
        await stage.say("desk", filed("a1", spans, held_until))
        in_force = await stage.wait(HoldInForce, 2)
        assert {e.cause for e in in_force} == {"a1"}
        assert all(e.complete and e.gone == () for e in in_force)
        issued = await stage.heard(PlanIssued)
        assert [p.version for p in issued] == [1, 2]
        applied = (await stage.wait(PlanApplied, 2))[-1]
        assert {p.camera: p.days for p in applied.periods} == {"gate": 30, "yard": 90}

        [stopped] = await stage.wait(SweepStopped)
        assert (stopped.reason, stopped.segments) == ("first-sweep", 2)
        await stage.say("desk", SweepConfirmed(sweep=stopped.sweep, actor="a-9"))
        [erased] = await stage.wait(SegmentsErased)
        assert {c.segment for c in erased.certificates} == {s.id for s in old[2:]}
    assert [stage.site.exists(s) for s in old] == [True, True, False, False]
    assert all(map(stage.site.exists, new))


async def test_forged_outdated_and_foreign_plans_are_refused_aloud(stage: Stage) -> None:
    """Even the keeper's own credential on the bus moves no site without the keeper's key."""
    async with stage.keeper():
        [first] = await stage.wait(PlanIssued)
        await stage.say("desk", SweepConfirmed(sweep="any", actor="a-9"))
        await stage.wait(PlanIssued, 2)
    plan = Plan.model_validate_json(first.plan)
    thief = Ed25519PrivateKey.generate()
    short = plan.policies[0].period.model_copy(update={"days": 1})
    low = plan.policies[0].model_copy(update={"period": short})
    attempts = {
        "forged": signed(plan.model_copy(update={"version": 9}), thief),
        "outdated": first,
        "other-school": signed(plan.model_copy(update={"version": 9, "school": "s002"}), stage.key),
        "malformed": first.model_copy(update={"version": 9}),
        "below-floor": signed(plan.model_copy(update={"version": 9, "policies": (low,)}), stage.key),
    }
    async with stage.reaper():
        await stage.wait(PlanApplied, 2, at_school=True)
        for event in attempts.values():
            await stage.say("keeper", event)
        refused = await stage.wait(PlanRefused, len(attempts))
        assert [r.reason for r in refused] == list(attempts)
        assert len(await stage.heard(PlanApplied)) == 2


async def test_a_keeper_restored_from_an_old_backup_finds_back(stage: Stage) -> None:
    """Its database is emptied: the site refuses its first plans, tells what it keeps, and goes on with it."""
    held_until = system_clock() + timedelta(days=30)
    stage.site.write(RECENT)
    async with stage.reaper():
        await stage.scan()
        async with stage.keeper():
            await stage.say("desk", filed("a1", [span(RECENT, RECENT + TEN)], held_until))
            await stage.wait(HoldInForce)
        await _forget_everything(stage)
        before = len(await stage.heard(PlanIssued))
        async with stage.keeper():
            issued = await stage.wait(PlanIssued, before + 2)
            plan = Plan.model_validate_json(issued[-1].plan)
            assert plan.epoch == 2
            assert [h.cause for h in plan.holds] == ["a1"]
            await stage.wait(PlanApplied, 3)
        [refused] = await stage.heard(PlanRefused)
        assert refused.reason == "outdated"
        kept = (await stage.wait(HoldsKept, 4))[-1]
        assert (kept.epoch, [h.cause for h in kept.holds]) == (2, ["a1"])


async def _forget_everything(stage: Stage) -> None:

    admin = await asyncpg.connect(stage.admin_url)
    try:
        await admin.execute("TRUNCATE retention.plans, retention.holds, retention.policies, retention.outbox")
    finally:
        await admin.close()


async def test_a_school_that_is_cut_off_freezes_by_itself_and_is_merged(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.site.write(RECENT)
    async with stage.keeper(), stage.reaper():
        await stage.scan()
        await stage.wait(PlanApplied)
        await stage.bus.links[SCHOOL].cut()
        monkeypatch.setenv("RW_STATE_DIR", str(stage.folder / "reaper"))
        words = ["--camera", "gate", "--purpose", "accident", "--actor", "officer-1"]
        times = ["--from", RECENT.isoformat(), "--to", (RECENT + TEN).isoformat()]
        assert freeze.main([*words, *times]) == 0
        name = capsys.readouterr().out.split()[-1]
        [there] = await stage.wait(HoldInForce, at_school=True)
        assert (there.hold, there.complete) == (name, True)
        assert await stage.heard(HoldFrozen) == []
        await stage.bus.links[SCHOOL].restore()
        plans = await stage.wait(PlanIssued, 2)
        assert [h["id"] for h in json.loads(plans[-1].plan)["holds"]] == [name]
        await stage.wait(PlanApplied, 2, at_school=True)


async def test_a_decision_given_up_as_too_early_holds_after_all(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Approval and end arrive before the application; replayed in any order each counts once, in its own."""
    monkeypatch.setattr(retry, "EARLY_ATTEMPTS", 1)
    until_then = system_clock() + timedelta(days=30)
    approved = ApplicationApproved(
        application="a1",
        version=2,
        approvers=("a-2",),
        approver_roles=("leader",),
        form_digest="ab" * 32,
        valid_until=until_then,
        hold_until=until_then,
    )

    async with stage.keeper(), stage.keeper(), operator(hub_of(stage.folder)) as ops:

        async def waiting() -> tuple[Letter, ...]:
            query = LettersQuery()
            return (await ask(ops, LETTERS, "district", query, LettersAnswer, role="keeper")).letters

        async def replay(letter: Letter) -> LetterTaskAnswer:
            task = LetterTask(letter=letter.letter, act=Act.REPLAY, by="zhou")
            return await ask(ops, SETTLE_LETTER, "district", task, LetterTaskAnswer, 30, role="keeper")

        async def both() -> bool:
            return len(await waiting()) == 2

        await stage.say("desk", approved)
        await stage.say("desk", ApplicationClosed(application="a1", version=3, outcome="done"))
        await until(both)
        closing, approval = await waiting()
        assert approval.detail == "application a1: version 2 came, 1 did not yet"
        assert await stage.heard(HoldAsked) == []

        await stage.say("desk", filed("a1", [span(RECENT, RECENT + TEN)], until_then))
        await stage.wait(HoldAsked)
        refused = await replay(closing)
        assert refused.outcome is Outcome.FAILED
        assert refused.detail == "application a1: version 3 came, 2 did not yet"
        results = await asyncio.gather(*(replay(approval) for _ in range(3)))
        assert Outcome.REPLAYED in {one.outcome for one in results}
        assert {one.outcome for one in results} <= {Outcome.REPLAYED, Outcome.UNKNOWN}
        assert (await replay(closing)).outcome is Outcome.REPLAYED
        assert await waiting() == ()
        assert len(await stage.wait(HoldDecided)) == 1
        assert len(await stage.heard(HoldAsked)) == 1
