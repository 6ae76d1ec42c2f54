"""One replica becomes four and one again, of index, desk, inspector and ledger, under load: nobody notices.

The district is the embedded one: cameras record all the time, people look at pages and file applications.
Requests go to replicas in turn, as from a load balancer that is told who is ready.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from reelwarden_common.envelope import decode
from reelwarden_common.events.access import ApplicationFiled
from reelwarden_common.events.backup import ObjectVerified
from reelwarden_common.events.report import FindingOpened
from reelwarden_local.demo import sample
from reelwarden_local.demo.witness import Witness
from reelwarden_local.processes import RoleProcess
from reelwarden_local.roles import module_of
from reelwarden_local.servers import free_port
from reelwarden_local.stack import DATABASE, Stack
from tests.support.ingest import stored, until

SCALED = ("index", "ledger", "inspector", "desk")
MOST = 4
PAGES = {"desk": "/", "inspector": "/"}
TEACHER = "wang.fang"

pytestmark = [pytest.mark.scale, pytest.mark.timeout(600)]


@dataclass
class Balancer:
    """Replicas in turn; one is taken out before it is stopped, as a terminating pod is."""

    ready: dict[str, list[str]] = field(default_factory=lambda: {role: [] for role in PAGES})
    answered: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    _turn: Iterator[int] = field(default_factory=itertools.count)

    def next(self, role: str) -> str:
        return self.ready[role][next(self._turn) % len(self.ready[role])]


class Replicas:
    """The processes of the scaled roles."""

    def __init__(self, stack: Stack, balancer: Balancer) -> None:
        self.stack, self.balancer = stack, balancer
        self.of: dict[str, list[RoleProcess]] = {role: [stack.processes[role]] for role in SCALED}
        self._made = 0
        for role in PAGES:
            balancer.ready[role].append(stack.processes[role].url)

    async def add(self, role: str) -> None:
        self._made += 1
        first, port = self.stack.processes[role], free_port()
        settings = dict(first.environment()) | {"RW_HTTP_PORT": str(port)}
        folder = self.stack.state_dir / "roles" / f"{role}-{self._made}"
        process = RoleProcess(f"{role}-{self._made}", module_of(role), settings, {role: port}, folder)
        await process.start()
        self.of[role].append(process)
        if role in PAGES:
            self.balancer.ready[role].append(process.url)

    async def drop(self, role: str, *, kill: bool = False) -> None:
        """The oldest that we made: taken out of the balancer, then ended, politely or not."""
        process = self.of[role].pop(1)
        if role in PAGES:
            self.balancer.ready[role].remove(process.url)
            await asyncio.sleep(0.5)
        await (process.kill() if kill else process.stop())

    async def close(self) -> None:
        await asyncio.gather(*(p.stop() for role in SCALED for p in self.of[role][1:]))


@asynccontextmanager
async def requests(balancer: Balancer, password: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody looks at pages without a pause; every answer that is no page is kept."""
    async with httpx.AsyncClient(timeout=30, trust_env=False, follow_redirects=True) as http:
        for role in PAGES:
            base = balancer.next(role)
            told = await http.post(
                f"{base}/api/session", json={"id": TEACHER, "password": password}, headers={"origin": base}
            )
            assert told.status_code < 400, told.text

        async def look() -> None:
            while True:
                for role, page in PAGES.items():
                    try:
                        answer = await http.get(balancer.next(role) + page)
                    except httpx.HTTPError as error:
                        balancer.failed.append(f"{role}: {type(error).__name__}")
                        continue
                    balancer.answered[role] += 1
                    if answer.status_code != 200 or "login" in answer.url.path:
                        balancer.failed.append(f"{role}: {answer.status_code} {answer.url.path}")
                await asyncio.sleep(0.05)

        looking = [asyncio.create_task(look()) for _ in range(3)]
        try:
            yield http
        finally:
            for task in looking:
                task.cancel()
            await asyncio.gather(*looking, return_exceptions=True)


async def test_four_replicas_under_load_lose_and_double_nothing(tmp_path: Path) -> None:
    recorders = sample.prepare(tmp_path)
    await asyncio.to_thread(sample.write_past, recorders)
    balancer = Balancer()
    async with AsyncExitStack() as leaving:
        stack = await leaving.enter_async_context(Stack(tmp_path, tmp_path / "district.toml"))
        recording = asyncio.create_task(recorders.record())
        replicas = Replicas(stack, balancer)
        leaving.push_async_callback(replicas.close)
        http = await leaving.enter_async_context(requests(balancer, recorders.password))
        filing = asyncio.create_task(_file(http, balancer, recorders.password, 8))

        for _ in range(MOST - 1):
            await asyncio.gather(*(replicas.add(role) for role in SCALED))
        for role in SCALED:  # a new version rolls through, and one replica dies in the midst
            await replicas.add(role)
            await replicas.drop(role)
            await replicas.drop(role, kill=True)
        for role in SCALED:
            while len(replicas.of[role]) > 1:
                await replicas.drop(role)
        numbers = await filing
        recording.cancel()
        await asyncio.gather(recording, return_exceptions=True)

        assert balancer.failed == []
        assert min(balancer.answered.values()) > 20
        assert len(numbers) == len(set(numbers)) == 8
        await _all_is_whole(stack, recorders, numbers)


async def _file(http: httpx.AsyncClient, balancer: Balancer, password: str, count: int) -> list[str]:
    """Applications, each to another replica, while they come and go."""
    numbers = []
    now = datetime.now(UTC)
    for n in range(count):
        base = balancer.next("desk")
        body = {
            "school": "s001",
            "cameras": ["gate"],
            "start": (now - timedelta(seconds=90 - n)).isoformat(),
            "end": (now - timedelta(seconds=60 - n)).isoformat(),
            "manner": "view",
            "reason": "书包遗失",
            "undertaking": True,
            "password": password,
        }
        told = await http.post(f"{base}/api/applications", json=body, headers={"origin": base})
        assert told.status_code < 300, told.text
        numbers.append(told.json()["number"])
        await asyncio.sleep(2)
    return numbers


async def _all_is_whole(stack: Stack, recorders: sample.SampleRecorders, numbers: list[str]) -> None:
    database = await stack.postgres.admin(DATABASE)
    topology = await stack.bus.connect("topology")
    storages = {s: stack.config.storage(s) for s in stack.schools}
    witness = Witness(database, storages)
    for school, manifest in recorders.manifests.items():
        before = datetime.now(UTC) - timedelta(seconds=15)
        count, missing, doubled = await witness.nothing_missing(school, manifest, before)
        assert (count > 0, missing, doubled) == (True, 0, 0)

    async def read_back() -> bool:
        query = "SELECT count(*) > 0 AND bool_and(state <> 'unverified') FROM backup.objects"
        return bool(await database.fetchval(query))

    await until(read_back, seconds=120)
    verified: Counter[str] = Counter()
    opened: Counter[str] = Counter()
    filed: Counter[str] = Counter()
    for one in await stored(topology, "OFFICE"):
        kind = one.subject.split(".", 2)[2]
        if kind in (ObjectVerified.SUBJECT, FindingOpened.SUBJECT, ApplicationFiled.SUBJECT):
            event, envelope = decode(one.subject, one.headers, one.data)
            if isinstance(event, ObjectVerified):
                verified.update(event.objects)
            elif isinstance(event, FindingOpened):
                opened[event.finding] += 1
            else:
                filed[envelope.id] += 1
    assert max(verified.values()) == 1
    assert not opened or max(opened.values()) == 1
    assert len(filed) == len(numbers)
    assert max(filed.values()) == 1
    assert await database.fetchval("SELECT sum(n) FROM (SELECT count(*) n FROM access.outbox) t") == 0
    dead = (await topology.jetstream().stream_info("DLQ")).state.messages
    assert dead == 0
    await topology.close()
    await database.close()
