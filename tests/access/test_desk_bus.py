"""The desk with its own rights on the real bus: decisions reach their school, and no other."""

import asyncio
from pathlib import Path

import httpx
from nats.aio.client import Client
from pydantic import SecretStr

from reelwarden_access.district.desk import app
from reelwarden_common.db import migrate, role_of
from reelwarden_common.events.access import ApplicationApproved, RetrievalAuthorised
from reelwarden_common.messaging.topology import Stream
from reelwarden_common.role import running
from reelwarden_local.bus import EmbeddedBus
from tests.support.backends import DATABASE_PASSWORD, Database
from tests.support.desk import PASSWORD, DeskHouse


async def count(client: Client, stream: Stream, subject: str) -> int:
    """How many messages of a subject a stream holds."""
    info = await client.jetstream().stream_info(stream, subjects_filter=subject)
    return sum((info.state.subjects or {}).values())


async def test_an_authorisation_goes_down_to_its_school_only(
    house: DeskHouse, postgres: Database, fresh_database: str, tmp_path: Path
) -> None:
    """On a database of its own: desks that share one share their outbox."""
    await migrate(fresh_database, "access", DATABASE_PASSWORD)
    name = fresh_database.rsplit("/", 1)[1].split("?", maxsplit=1)[0]
    database = SecretStr(postgres.url(role_of("access"), DATABASE_PASSWORD, name))
    async with EmbeddedBus(tmp_path / "bus", ["s001", "s002"]) as bus:
        settings = house.settings.model_copy(
            update={
                "nats_url": bus.url(),
                "nats_seed": SecretStr(bus.seed("desk")),
                "database_url": database,
            }
        )
        async with app.build(settings) as role, running(role) as url:
            async with house.client_of(url, {}) as http:
                assert (await http.get("/readyz")).status_code == 200
                await sign_in(http, "wang.fang")
                filed = (await http.post("/api/applications", json=house.filing())).json()
                await sign_in(http, "li.lei")
                shown = (await http.get(f"/api/applications/{filed['id']}")).json()
                body = {"digest": shown["digest"], "password": PASSWORD}
                answer = await http.post(f"/api/applications/{filed['id']}/approve", json=body)
                assert answer.status_code == 200, answer.text
            clients = {s: await bus.connect("topology", s) for s in ("s001", "s002")}
            hub = await bus.connect("topology")
            subject = RetrievalAuthorised.subject("s001")
            for _ in range(600):
                if await count(clients["s001"], Stream.DISTRICT, subject):
                    break
                await asyncio.sleep(0.1)
            assert await count(clients["s001"], Stream.DISTRICT, ">") == 1
            assert await count(clients["s002"], Stream.DISTRICT, ">") == 0
            assert await count(hub, Stream.OFFICE, ApplicationApproved.subject("s001")) == 1
            for client in (hub, *clients.values()):
                await client.close()


async def sign_in(http: httpx.AsyncClient, account: str) -> None:
    answer = await http.post("/api/session", json={"id": account, "password": PASSWORD})
    assert answer.status_code == 200
