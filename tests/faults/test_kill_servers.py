"""PostgreSQL killed in mid-batch; an S3 store that is down, slow, or answers 500: all waits, and goes on."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from signal import SIGCONT, SIGKILL, SIGSTOP

import pytest
import pytest_asyncio

from reelwarden_common.clock import system_clock
from reelwarden_common.events.access import ExportReady, Manner, RetrievalAuthorised
from reelwarden_common.events.backup import BacklogMeasured
from tests.support.backends import unique
from tests.support.deaths import PAST_CLAIM, SCHOOL, Deaths, children, deaths
from tests.support.fates import Step
from tests.support.ingest import until
from tests.support.s3_front import Mood

MIDST = {
    "index": [Step("copied", "after", "footage:FootageStore._copy", signal=SIGSTOP)],
    "ledger": [Step("judged", "after", "store:LedgerStore.judged", signal=SIGSTOP)],
    "keeper": [Step("issued", "after", "store:KeeperStore.issue", signal=SIGSTOP)],
}
"""Their transaction has done its work, and is not committed."""
EXPORTS = f"rw-exports-{SCHOOL}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deaths]:
    async with deaths(tmp_path_factory.mktemp("servers"), MIDST) as made:
        await asyncio.to_thread(made.store.admin.make_bucket, EXPORTS, object_lock=True)
        made.town.settings["RW_LONGEST_PAUSE_SECONDS"] = "2"
        await made.start("exporter")
        yield made


async def test_the_database_is_killed_in_mid_batch(world: Deaths) -> None:
    """Index, keeper and ledger stand still, each with its work done and not committed, when it is killed."""
    span = await world.hold()
    await world.hold_is_known()
    world.arm(MIDST)
    world.film(span)
    another = await world.hold()
    await world.all_died()
    server = world.postgres.pid
    assert server is not None
    backends = children(server)
    assert len(backends) > len(MIDST)
    await world.postgres.kill()
    for pid in backends:
        with suppress(ProcessLookupError):
            os.kill(pid, SIGKILL)
    for role in MIDST:
        os.kill(world.child(role), SIGCONT)
    await world.postgres.start()
    await world.hold_is_known()
    world.film(another)
    world.town.pass_(PAST_CLAIM)
    await world.all_is_well()


async def down(world: Deaths) -> Callable[[], Awaitable[object]]:
    await world.store.server.kill()
    return world.store.server.start


async def in_a_mood(world: Deaths, mood: Mood) -> Callable[[], Awaitable[object]]:
    async def mend() -> None:
        world.front.mood = Mood.WELL

    world.front.mood, world.front.refused = mood, 0
    return mend


async def slow(world: Deaths) -> Callable[[], Awaitable[object]]:
    return await in_a_mood(world, Mood.SLOW)


async def answers_500(world: Deaths) -> Callable[[], Awaitable[object]]:
    return await in_a_mood(world, Mood.FAILS)


async def does_it_and_answers_500(world: Deaths) -> Callable[[], Awaitable[object]]:
    return await in_a_mood(world, Mood.FORGETS)


@pytest.mark.parametrize("trouble", [down, slow, answers_500, does_it_and_answers_500])
async def test_the_store_is(
    world: Deaths, trouble: Callable[[Deaths], Awaitable[Callable[[], Awaitable[object]]]]
) -> None:
    """A round and an export while it is; nothing is stored twice, nothing counts that was not read back."""
    before = len(await world.town.heard(BacklogMeasured, "SITE", SCHOOL))
    mend = await trouble(world)
    await world.round()
    application = await export(world)

    async def is_told() -> bool:
        events = (await world.town.heard(BacklogMeasured, "SITE", SCHOOL))[before:]
        return any(event.failing for event in events)

    if trouble is not slow:
        await until(is_told, every=0.2)
        assert world.held[-1].id not in await verified(world)
        assert application not in await exported(world)
    await mend()
    await world.all_is_well()
    await the_export_is_ready_once(world, application)
    for film in world.kept[-1:]:
        assert film.id in await verified(world)
        assert any(film.id in path for path in world.front.read), "it counts, and was never read back"


async def export(world: Deaths) -> str:
    """The desk lets somebody see what is held."""
    application = unique("a")
    event = RetrievalAuthorised(
        application=application,
        number=f"{SCHOOL}-2026-{len(world.causes):04d}",
        manner=Manner.VIEW,
        native=False,
        spans=(world.held[-1].span,),
        deadline=system_clock() + timedelta(days=3),
    )
    await world.town.say("desk", SCHOOL, event)
    return application


async def verified(world: Deaths) -> set[str]:
    rows = await (await world.admin()).fetch("SELECT segment FROM backup.objects WHERE state = 'verified'")
    return {row["segment"] for row in rows}


async def exported(world: Deaths) -> list[str]:
    return [event.application for event in await world.town.heard(ExportReady, "SITE", SCHOOL)]


async def the_export_is_ready_once(world: Deaths, application: str) -> None:
    async def ready() -> bool:
        return application in await exported(world)

    await until(ready, every=0.2)
    assert set(Counter(await exported(world)).values()) == {1}
    listed = world.store.admin.list_objects(EXPORTS, recursive=True, include_version=True)
    found = Counter(one.object_name for one in await asyncio.to_thread(list, listed))
    assert set(found.values()) == {1}, f"stored twice: {found}"
