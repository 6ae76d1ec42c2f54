"""`reelwarden status` against a running hub with one school of which one role runs."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from reelwarden_common.events.status import StatusAnswer
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.ops import hub_of, operator
from reelwarden_local.status import BEHIND, Seen, look
from tests.support.roles import SCHOOL, authorised, probe, say, until


@pytest_asyncio.fixture(loop_scope="session")
async def bus(tmp_path: Path) -> AsyncIterator[EmbeddedBus]:
    async with EmbeddedBus(tmp_path / "bus", [SCHOOL]) as made:
        yield made


async def exporter(bus: EmbeddedBus) -> Seen:
    hub = hub_of(bus.state_dir.parent)
    async with operator(hub) as client:
        seen = {one.role: one for one in await look(hub, client, SCHOOL)}
    assert all(one.answer is None for role, one in seen.items() if role != "exporter")
    return seen["exporter"]


async def test_who_runs_says_how_it_is_and_who_does_not_is_named(
    bus: EmbeddedBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RW_LANG", "en")
    assert "not running, or cut off" in str((await exporter(bus)).problem)
    desk = await bus.connect("desk")
    async with probe(bus, "exporter", tmp_path) as running:
        found = await exporter(bus)
        assert found.problem is None
        assert found.answer
        assert found.answer.version
        assert [one.stream for one in found.answer.waiting] == ["DISTRICT"]
        bad = authorised(1)
        await desk.jetstream().publish(bad.subject, b"{}", headers=bad.headers)
        await say(desk.jetstream(), authorised(2))
        await until(lambda: running.ids == ["e-2"])
        assert "1 dead letter" in str((await exporter(bus)).problem)
    await desk.close()


def test_a_backlog_is_a_problem_beyond_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RW_LANG", "en")
    told = {"version": "1", "started_at": "2026-03-02T08:00:00Z"}
    for pending, problem in ((BEHIND, None), (BEHIND + 1, f"{BEHIND + 1} messages behind")):
        waiting = [{"stream": "SITE", "pending": pending, "unconfirmed": 0}]
        answer = StatusAnswer.model_validate({**told, "waiting": waiting})
        found = Seen("s001", "reaper", answer).problem
        assert (str(found) if found else None) == problem
