"""A hub of three servers, as `district init` lays it out, loses those that lead while a school speaks."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nats
import pytest_asyncio
from nats.aio.client import Client
from pydantic import SecretStr

from reelwarden_common.envelope import Message
from reelwarden_common.events.ingest import DayDiffers
from reelwarden_common.messaging.declare import declare_leaf
from reelwarden_common.role import running
from reelwarden_ingest.district.intake import app as intake_app
from reelwarden_ingest.district.intake.settings import Settings as IntakeSettings
from reelwarden_local.install import schools, site
from reelwarden_local.install.folder import DistrictFolder, init
from reelwarden_local.install.hub_admin import HubAway, connected
from reelwarden_local.install.invitation import Invitation
from reelwarden_local.install.plan import Plan
from reelwarden_local.install.site_folder import SiteFolder
from reelwarden_local.servers import LOOPBACK, NatsServer, free_ports
from tests.support.ingest import message, recorded, say, stored, until, write_district

SCHOOL = "s001"
FACTS = DECISIONS = 400


@dataclass
class ThreeHubs:
    """The servers by name, and the folder that they were made from."""

    folder: DistrictFolder
    servers: dict[str, NatsServer]
    root: Path

    async def connect(self, user: str) -> Client:
        return await nats.connect(
            **self.folder.login(user).options(),
            inbox_prefix=f"_INBOX.{user}".encode(),
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.2,
        )

    async def leader_of(self, stream: str) -> str:
        topology = await self.connect("topology")
        try:
            info = await topology.jetstream(timeout=10).stream_info(stream)
        finally:
            await topology.close()
        assert info.cluster
        return str(info.cluster.leader)


@pytest_asyncio.fixture
async def hubs(tmp_path: Path) -> AsyncIterator[ThreeHubs]:
    ports = free_ports(9)
    named = [(f"hub-{n}", ports[3 * n : 3 * n + 3]) for n in range(3)]
    copies = " && ".join(f"cp nats/accounts.conf {tmp_path}/{name}/" for name, _ in named)
    plan = Plan.model_validate(
        {
            "hub": [
                {
                    "name": name,
                    "clients": f"localhost:{clients}",
                    "leaves": f"localhost:{leaves}",
                    "routes": f"localhost:{routes}",
                    "names": [LOOPBACK],
                }
                for name, (clients, leaves, routes) in named
            ],
            "database": "postgresql://db.example/reelwarden",
            "store": {"endpoint": "s3.example:443"},
            "desk_url": "https://desk.example",
            "dashboard_url": "https://dashboard.example",
            "nats_config": tmp_path / "district" / "nats",
            "nats_store": tmp_path / "STORE",
            "nats_store_gb": 1,
            "deploy": ["sh", "-c", copies],
        }
    )
    folder = init(tmp_path / "district", write_district(tmp_path, (SCHOOL,)), plan, datetime.now(UTC))
    servers = {}
    for name, (clients, _, _) in named:
        own = tmp_path / name
        own.mkdir()
        (own / "accounts.conf").write_text((folder.path / "nats" / "accounts.conf").read_text())
        text = (folder.path / "nats" / f"{name}.conf").read_text()
        servers[name] = NatsServer(name, text.replace(str(tmp_path / "STORE"), str(own / "js")), clients, own)
    async with AsyncExitStack() as stack:
        for server in servers.values():
            await stack.enter_async_context(server)
        await until(lambda: _declared(folder), every=0.5)
        yield ThreeHubs(folder, servers, tmp_path)


async def _declared(folder: DistrictFolder) -> bool:
    """Once the three have found each other and chosen who leads."""
    try:
        await schools.declare(folder)
    except HubAway:
        return False
    return True


async def test_the_leader_dies_under_load_and_nothing_is_lost_or_doubled(hubs: ThreeHubs) -> None:
    invitation = Invitation.read(schools.invite(hubs.folder, SCHOOL, timedelta(hours=1)).text())
    await schools.apply(hubs.folder, accounts=False)
    waiting = asyncio.create_task(schools.admit(hubs.folder, SCHOOL, timedelta(seconds=60), print))
    await asyncio.sleep(0.5)
    own, ports = SiteFolder(hubs.root / "site"), free_ports(6)
    await site.enrol(own, invitation, hubs.root, (ports[0], ports[1]))
    async with NatsServer("leaf", own.leaf_config, ports[0], own.path / "nats"):
        assert await asyncio.wait_for(waiting, 90)
        async with connected(own.login("topology"), "topology") as client:
            await declare_leaf(client.jetstream(timeout=10), SCHOOL, 64 * 1024**2)
        settings = IntakeSettings(
            nats_url=hubs.folder.plan.hub_urls,
            nats_seed=SecretStr(hubs.folder.seed("intake")),
            nats_ca_file=hubs.folder.path / "nats" / "tls" / "ca.pem",
            intake_seeds={SCHOOL: SecretStr(hubs.folder.seed(f"intake-{SCHOOL}"))},
            district_toml=hubs.folder.path / "district.toml",
        )
        async with intake_app.build(settings) as role, running(role):
            scanner = await nats.connect(**own.login("scanner").options(), inbox_prefix=b"_INBOX.scanner")
            index = await hubs.connect("index")
            speaking = [
                asyncio.create_task(_in_steps(scanner, [recorded(SCHOOL, n) for n in range(FACTS)])),
                asyncio.create_task(_in_steps(index, [_decision(n) for n in range(DECISIONS)])),
            ]
            await asyncio.sleep(1)
            fallen = [await _kill_leader(hubs, "FOOTAGE")]
            await asyncio.sleep(4)
            await hubs.servers[fallen[0]].start()
            await asyncio.sleep(2)
            fallen.append(await _kill_leader(hubs, "DISTRICT"))
            await asyncio.gather(*speaking)
            topology = await hubs.connect("topology")
            facts = await until(lambda: _there(topology, "FOOTAGE", FACTS))
            assert [one.headers["ce-id"] for one in facts] == [f"{SCHOOL}-{n:06d}" for n in range(FACTS)]
            async with connected(own.login("topology"), "topology") as client:
                down = await until(lambda: _there(client, "DISTRICT", DECISIONS))
            assert [one.headers["ce-id"] for one in down] == [f"d-{n:06d}" for n in range(DECISIONS)]
            await asyncio.gather(scanner.close(), index.close(), topology.close())


async def _in_steps(client: Client, messages: Sequence[Message]) -> None:
    """As a busy role speaks: a little all the time, for some twelve seconds."""
    for n in range(0, len(messages), 10):
        await say(client, messages[n : n + 10])
        await asyncio.sleep(0.25)


def _decision(number: int) -> Message:
    asked = DayDiffers(camera="gate", day=f"2026-03-{number % 28 + 1:02}")
    return message(SCHOOL, asked, f"d-{number:06d}", role="index")


async def _kill_leader(hubs: ThreeHubs, stream: str) -> str:
    leader = await hubs.leader_of(stream)
    await hubs.servers[leader].kill()
    return leader


async def _there(client: Client, stream: str, count: int) -> list[Any]:
    found = await stored(client, stream)
    return found if len(found) >= count else []
