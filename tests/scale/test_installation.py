"""From nothing to a district with two schools by its commands alone, a third while it runs, one let out.

Every process is one that an operator would start: `reelwarden role`, `reelwarden site run`, nats-server on
the files that were written. TLS to the hub is real; database and store are those of the embedded stack.
"""

import asyncio
import json
import os
import subprocess
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from reelwarden_local.install.folder import DistrictFolder
from reelwarden_local.install.store import identities
from reelwarden_local.processes import RoleProcess, keep_alive
from reelwarden_local.recorders.layouts import Layout, RecordedCamera
from reelwarden_local.recorders.recorder import Recorder
from reelwarden_local.recorders.writer import Encoding
from reelwarden_local.roles import DISTRICT_ROLES, SITE_ROLES
from reelwarden_local.servers import LOOPBACK, NatsServer, Postgres, SeaweedFS, free_port, free_ports
from reelwarden_local.stack import DATABASE
from tests.support.ingest import until, write_district

pytestmark = [pytest.mark.scale, pytest.mark.timeout(600)]
FILES = 6


class Command(RoleProcess):
    """A `reelwarden` command that goes on running."""

    def __init__(
        self, words: tuple[str, ...], settings: Mapping[str, str], ports: Mapping[str, int], folder: Path
    ) -> None:
        super().__init__(folder.name, "", settings, ports, folder)
        self._words = words

    def command(self) -> list[str]:
        return [str(Path(sys.executable).with_name("reelwarden")), *self._words]


class Operator:
    """Whoever runs the district: commands in a shell, files in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "district"
        self.environment: dict[str, str] = {"RW_LANG": "en"}

    def run(self, *words: str, entered: str = "", code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "reelwarden_local.cli", *words],
            input=entered,
            capture_output=True,
            text=True,
            env={**os.environ, **self.environment},
            timeout=120,
            check=False,
        )
        assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    async def start(self, *words: str) -> Process:
        return await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "reelwarden_local.cli", *words],
            stdout=PIPE,
            stderr=STDOUT,
            env={**os.environ, **self.environment},
        )


class School:
    """One school: a recorder, a server, the roles."""

    def __init__(self, operator: Operator, name: str) -> None:
        self.operator, self.name = operator, name
        self.root = operator.root / "schools" / name
        self.storage = self.root / "recordings"
        (self.storage / "frigate").mkdir(parents=True)
        camera = RecordedCamera("gate", "gate", Layout.FRIGATE, "frigate", "gate")
        self.recorder = Recorder(
            self.storage, [camera], self.root / "manifest.jsonl", encoding=Encoding(kbits=50)
        )
        self._recorded = 0

    def record(self) -> int:
        """A minute of footage; returns how many files there are now."""
        start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2, minutes=-self._recorded)
        written = self.recorder.backfill("gate", start, start + FILES * self.recorder.cameras["gate"].length)
        self._recorded += len(written)
        return self._recorded

    @asynccontextmanager
    async def enrolled(self) -> AsyncIterator[None]:
        """Invited at the district, enrolled at the school, started."""
        state, ports = self.root / "state", free_ports(6)
        invitation = self.root / "invitation"
        adding = await self.operator.start(
            "school", "add", self.name, "--folder", str(self.operator.folder), "--write-to", str(invitation)
        )
        await until(lambda: _written(invitation))
        places = ("--storage", str(self.storage), "--state", str(state))
        own = ("--nats-port", str(ports[0]), "--http-ports", str(ports[1]), "--json")
        told = self.operator.run("site", "enroll", "-", *places, *own, entered=invitation.read_text())
        checks = {check["name"]: check["state"] for check in json.loads(told)["checks"]}
        assert checks["storage"] == checks["clock"] == checks["camera gate"] == "good"
        leaf = NatsServer("leaf", state / "nats" / "leaf.conf", ports[0], state / "nats")
        roles = Command(("site", "run", "--state", str(state)), {}, {"scanner": ports[1]}, self.root / "site")
        async with leaf, roles:
            assert adding.stdout
            said = (await asyncio.wait_for(adding.stdout.read(), 150)).decode()
            assert await adding.wait() == 0, said
            assert f"{self.name} is connected" in said
            yield


async def _written(file: Path) -> bool:
    return await asyncio.to_thread(lambda: file.exists() and file.read_text().endswith("\n"))


async def _indexed(database: asyncpg.Connection, school: str, count: int) -> bool:
    query = "SELECT count(*) FROM ingest.segments WHERE school = $1"
    return bool(await database.fetchval(query, school) == count)


def _plan(hub: list[int], operator: Operator, database: Postgres, store: SeaweedFS) -> dict[str, Any]:
    place = database.admin_url(DATABASE).partition("@")[2]
    server = {"clients": f"localhost:{hub[0]}", "leaves": f"localhost:{hub[1]}", "names": [LOOPBACK]}
    return {
        "hub": [server],
        "database": f"postgresql://{place}",
        "store": {"endpoint": store.endpoint, "secure": False},
        "desk_url": "http://127.0.0.1:1",
        "dashboard_url": "http://127.0.0.1:2",
        "nats_config": str(operator.folder / "nats"),
        "nats_store": str(operator.root / "jetstream"),
        "nats_store_gb": 2,
        "role_secrets": str(operator.folder / "secrets" / "{role}"),
        "district_toml": str(operator.folder / "district.toml"),
    }


def _role(operator: Operator, role: str, number: int = 0) -> Command:
    """A district role, with its port on this one machine."""
    lines = (operator.folder / "env" / f"{role}.env").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    port = free_port()
    own = {"RW_HTTP_HOST": LOOPBACK, "RW_HTTP_PORT": str(port)}
    name = f"{role}-{number}" if number else role
    return Command(("role", role), settings | own, {role: port}, operator.root / "roles" / name)


async def test_an_operator_installs_a_district_and_lets_schools_in_and_out(tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(Postgres(tmp_path / "postgres"))
        admin = await postgres.admin()
        await admin.execute(f"CREATE DATABASE {DATABASE}")
        await admin.close()
        unstarted = SeaweedFS(tmp_path / "s3", [])
        await unstarted.prepare()  # it knows its ports from then on
        hub = free_ports(2)
        toml = write_district(tmp_path, ("s001", "s002"))
        (tmp_path / "plan.json").write_text(json.dumps(_plan(hub, operator, postgres, unstarted)))

        folder = ("--folder", str(operator.folder))
        operator.run(
            "district",
            "init",
            str(operator.folder),
            "--plan",
            f"{tmp_path}/plan.json",
            "--district",
            str(toml),
        )
        operator.run("store", "seaweedfs", str(tmp_path / "s3.json"), *folder)
        whole = DistrictFolder(operator.folder)
        keys = whole.store_secrets("admin")
        names = ["s001", "s002"]
        store = await stack.enter_async_context(SeaweedFS(tmp_path / "s3", identities(names, keys)))
        operator.environment |= {
            "REELWARDEN_ADMIN_URL": postgres.admin_url(DATABASE),
            "REELWARDEN_S3_ADMIN_ACCESS_KEY": "admin",
            "REELWARDEN_S3_ADMIN_SECRET_KEY": keys["admin"],
        }
        assert store.endpoint == unstarted.endpoint
        operator.run("database", "prepare", *folder)
        operator.run("store", "prepare", *folder)
        server = NatsServer("hub", operator.folder / "nats" / "hub.conf", hub[0], tmp_path / "hub")
        await stack.enter_async_context(server)
        operator.run("bus", "declare", *folder)

        roles = {role: _role(operator, role) for role in DISTRICT_ROLES}
        for process in roles.values():
            stack.push_async_callback(process.stop)
        await asyncio.gather(*(process.start() for process in roles.values()))
        keeping = [asyncio.create_task(keep_alive(process)) for process in roles.values()]
        stack.callback(lambda: [task.cancel() for task in keeping])
        database = await asyncpg.connect(postgres.admin_url(DATABASE))
        stack.push_async_callback(database.close)

        schools = {name: School(operator, name) for name in names}
        for school in schools.values():
            count = school.record()
            await stack.enter_async_context(school.enrolled())
            await until(partial(_indexed, database, school.name, count), seconds=90)

        assert "✗" not in operator.run("doctor", *folder)

        # A third one comes while everything runs: nobody restarts anything by hand.
        text = write_district(tmp_path, ("s001", "s002", "s003")).read_text()
        (operator.folder / "district.toml").write_text(text)
        third = School(operator, "s003")
        count = third.record()
        async with third.enrolled():
            await until(lambda: _indexed(database, "s003", count), seconds=90)

            # The index is doubled, and its first process dies.
            second = _role(operator, "index", 2)
            stack.push_async_callback(second.stop)
            await second.start()
            await roles["index"].kill()
            more = schools["s001"].record()
            await until(lambda: _indexed(database, "s001", more), seconds=90)

            # Out again: at once, and the others stay.
            assert "1 connection(s) ended" in operator.run("school", "revoke", "s003", *folder)
            more = schools["s002"].record()
            await until(lambda: _indexed(database, "s002", more), seconds=90)
        operator.environment |= {
            "REELWARDEN_OPS_SEED_FILE": str(operator.folder / "keys" / "nats" / "ops.seed"),
            "REELWARDEN_CA_FILE": str(operator.folder / "nats" / "tls" / "ca.pem"),
        }
        hub_at = ("--server", whole.plan.hub_urls, "--district", str(operator.folder / "district.toml"))

        async def only_the_third_is_out() -> list[Any]:
            """Intake and registrar start anew without its keys meanwhile."""
            told = await asyncio.to_thread(operator.run, "status", *hub_at, "--json", code=1)
            seen: list[Any] = json.loads(told)
            return seen if {one["place"] for one in seen if one["problem"]} == {"s003"} else []

        seen = await until(only_the_third_is_out)
        assert len(seen) == len(DISTRICT_ROLES) + 3 * len(SITE_ROLES)
        told = json.loads(operator.run("school", "list", "--json", *folder))
        assert told == {"s001": "enrolled", "s002": "enrolled", "s003": "revoked"}
