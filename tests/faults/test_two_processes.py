"""Processes of the index and the keeper: two of each while one is killed; one of each in a storm."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nats.aio.client import Client

from reelwarden_common.db import migrate
from reelwarden_common.envelope import Message, decode
from reelwarden_common.events.access import ApplicationRejected
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import CameraRegistered, SegmentMoved, SegmentsRecorded
from reelwarden_common.events.retention import HoldAsked, HoldReleased, PlanIssued
from reelwarden_common.messaging import declare
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.processes import RoleProcess
from reelwarden_local.roles import module_of
from reelwarden_local.servers import free_port
from reelwarden_retention.shapes import Plan
from tests.support.backends import DATABASE_PASSWORD
from tests.support.ingest import DAY, TEN, message, migrated, say, segments, stored, until, write_district
from tests.support.retention import database_url, filed, key_file
from tests.support.storm import Storm

SCHOOLS = ("s001", "s002")
CAMERAS = ("gate", "yard")
MOVED = "frigate/moved/{number}.mp4"


@dataclass(frozen=True)
class Amount:
    """How much is said."""

    messages: int
    """Of 20 segments each, per school and camera; half of them are said twice."""
    applications: int
    """Per school; each is filed, and rejected with the next message."""


MUCH, SOME = Amount(80, 25), Amount(20, 10)


class Office:
    """A bus, a database, and processes of roles on them."""

    def __init__(
        self, folder: Path, bus: EmbeddedBus, admin: asyncpg.Connection, urls: Mapping[str, str]
    ) -> None:
        self.bus = bus
        self.url = bus.url()
        self.admin = admin
        self._folder = folder
        self._urls = urls
        self._started = 0

    def process(self, role: str) -> RoleProcess:
        """One more process of a role, as the stack would start it."""
        self._started += 1
        name, port = f"{role}-{self._started}", free_port()
        settings = {
            "RW_NATS_URL": self.url,
            "RW_NATS_SEED": self.bus.seed(role),
            "RW_DISTRICT_TOML": str(self._folder / "district.toml"),
            "RW_DATABASE_URL": self._urls[role],
            "RW_KEEPER_KEY": str(self._folder / "keeper.pem"),
            "RW_HTTP_PORT": str(port),
        }
        return RoleProcess(name, module_of(role), settings, {role: port}, self._folder / name)


@pytest_asyncio.fixture(loop_scope="session")
async def office(
    tmp_path: Path, fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    monkeypatch.setattr(declare, "ACK_WAIT", timedelta(seconds=3))  # what a killed process held comes soon
    write_district(tmp_path, SCHOOLS, CAMERAS)
    key_file(tmp_path, Ed25519PrivateKey.generate())
    await migrate(fresh_database, "retention", DATABASE_PASSWORD)
    urls = {
        "index": await migrated(fresh_database),
        "keeper": database_url(fresh_database, "retention"),
    }
    async with EmbeddedBus(tmp_path / "bus", SCHOOLS) as bus:
        admin = await asyncpg.connect(fresh_database)
        try:
            yield Office(tmp_path, bus, admin, urls)
        finally:
            await admin.close()


def footage(messages: int) -> Iterator[Message]:
    """Every message's second half is the next one's first; a segment of each moves right after."""
    for number in range(messages):
        for school in SCHOOLS:
            for camera in CAMERAS:
                some = segments(school, camera, DAY + number * 10 * TEN, 20)
                yield message(school, SegmentsRecorded(segments=tuple(some)))
                place = MOVED.format(number=number)
                moved = SegmentMoved(segment=some[-1].id, camera=camera, locator=place, was=some[-1].locator)
                yield message(school, moved)


def applications(count: int) -> Iterator[Message]:
    until_ = datetime.now(UTC) + timedelta(days=30)
    for number in range(count):
        for school in SCHOOLS:
            span = CameraSpan(camera="gate", start=DAY + number * TEN, end=DAY + (number + 1) * TEN)
            name = f"{school}-a{number}"
            yield message(school, filed(name, [span], until_), role="desk")
            no = ApplicationRejected(application=name, version=2, approver="a-2", reason="unfounded")
            yield message(school, no, role="desk")


async def heard(topology: Client, stream: str, kind: type[Any]) -> dict[str, list[Any]]:
    """Per school, what a stream holds of a kind, in its order."""
    found: dict[str, list[Any]] = {school: [] for school in SCHOOLS}
    for one in await stored(topology, stream):
        if one.subject.split(".", 2)[2] == kind.SUBJECT:
            event, envelope = decode(one.subject, one.headers, one.data)
            found[envelope.school].append(event)
    return found


@pytest.mark.timeout(180)
async def test_nothing_is_missing_doubled_or_forked_while_processes_are_killed(office: Office) -> None:
    async with AsyncExitStack() as stack:
        pairs = {role: [office.process(role), office.process(role)] for role in ("index", "keeper")}
        both = [process for pair in pairs.values() for process in pair]
        for process in both:
            stack.push_async_callback(process.stop)
        await asyncio.gather(*(process.start() for process in both))
        clients = {name: await office.bus.connect(name) for name in ("intake", "desk", "topology")}
        for client in clients.values():
            stack.push_async_callback(client.close)

        speaking = asyncio.gather(
            say(clients["intake"], footage(MUCH.messages)),
            say(clients["desk"], applications(MUCH.applications)),
        )
        await until(lambda: office.admin.fetchval("SELECT count(*) > 200 FROM ingest.segments"))
        await until(lambda: office.admin.fetchval("SELECT count(*) > 6 FROM retention.plans"))
        for role, pair in pairs.items():
            await pair[0].kill()
            stack.push_async_callback((another := office.process(role)).stop)
            await another.start()
        await speaking

        await _all_is_whole(office, clients["topology"], MUCH)


@pytest.mark.timeout(180)
async def test_a_storm_of_lost_acks_doubles_and_delays_changes_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No confirmation arrives until all was delivered many times over, in any order."""
    async with AsyncExitStack() as stack:
        storm = await stack.enter_async_context(Storm(office.bus.hub.port, Random(5)))
        monkeypatch.setattr(office, "url", storm.url)
        for role in ("index", "keeper"):
            stack.push_async_callback((process := office.process(role)).stop)
            await process.start()
        clients = {name: await office.bus.connect(name) for name in ("intake", "desk", "topology")}
        for client in clients.values():
            stack.push_async_callback(client.close)
        await asyncio.gather(
            say(clients["intake"], footage(SOME.messages)),
            say(clients["desk"], applications(SOME.applications)),
        )
        said = {
            "FOOTAGE.index": len(SCHOOLS) * len(CAMERAS) * SOME.messages,
            "OFFICE.keeper": len(SCHOOLS) * 2 * SOME.applications,
        }

        async def raged() -> bool:
            again = all(storm.lost[consumer] >= 2 * number for consumer, number in said.items())
            return again and min(storm.doubled, storm.delayed) > 30

        await until(raged, seconds=90)
        storm.raging = False
        await _all_is_whole(office, clients["topology"], SOME)


async def _all_is_whole(office: Office, topology: Client, said: Amount) -> None:
    """Once nothing waits any more: rows, plans and what was said, each exactly once."""

    async def settled() -> bool:
        left = await office.admin.fetchval(
            "SELECT (SELECT count(*) FROM ingest.outbox) + (SELECT count(*) FROM retention.outbox)"
        )
        js = topology.jetstream()
        ends = (("FOOTAGE", "index"), ("SITE", "index"), ("OFFICE", "keeper"))
        infos = [await js.consumer_info(stream, role) for stream, role in ends]
        return left == 0 and all((i.num_pending, i.num_ack_pending) == (0, 0) for i in infos)

    await until(settled, seconds=60)
    await _index_is_whole(office, topology, said.messages)
    await _plans_are_one_chain(topology, said.applications)
    assert not await stored(topology, "DLQ")


async def _index_is_whole(office: Office, topology: Client, messages: int) -> None:
    expected = len(SCHOOLS) * len(CAMERAS) * (messages + 1) * 10
    rows = await office.admin.fetch("SELECT school, camera, start_at, digest, locator FROM ingest.segments")
    assert len(rows) == len({row["digest"] for row in rows}) == expected
    starts = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["start_at"]):
        starts[row["school"], row["camera"]].append(row["start_at"])
    whole = [DAY + n * TEN for n in range((messages + 1) * 10)]
    assert dict(starts) == {(school, camera): whole for school in SCHOOLS for camera in CAMERAS}
    moved = {(row["school"], row["camera"], row["locator"]) for row in rows if "moved" in row["locator"]}
    assert moved == {
        (s, c, MOVED.format(number=n)) for s in SCHOOLS for c in CAMERAS for n in range(messages)
    }
    registered = await heard(topology, "DISTRICT", CameraRegistered)
    assert {s: sorted(e.camera for e in events) for s, events in registered.items()} == {
        s: sorted(CAMERAS) for s in SCHOOLS
    }


async def _plans_are_one_chain(topology: Client, applications: int) -> None:
    issued = await heard(topology, "DISTRICT", PlanIssued)
    asked = await heard(topology, "OFFICE", HoldAsked)
    released = await heard(topology, "OFFICE", HoldReleased)
    for school in SCHOOLS:
        plans = [Plan.model_validate_json(event.plan) for event in issued[school]]
        assert [(plan.epoch, plan.version) for plan in plans] == [
            (1, n) for n in range(1, 2 * applications + 2)
        ]
        assert [plan.previous for plan in plans] == [None, *(e.digest for e in issued[school][:-1])]
        causes = {f"{school}-a{n}" for n in range(applications)}
        assert sorted(e.hold.cause for e in asked[school]) == sorted(causes)
        assert sorted(e.cause for e in released[school]) == sorted(causes)
        assert len(plans[-1].holds) == len(plans[-1].releases) == applications
