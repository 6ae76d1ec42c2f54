"""The embedded district: servers, bus, schemas and every role, on loopback, below one state folder."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from reelwarden_common.db import SERVICES, migrate, role_of
from reelwarden_common.district import DistrictConfig, load
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.install.store import identities, make_buckets
from reelwarden_local.keys import Keys
from reelwarden_local.processes import RoleProcess, keep_alive
from reelwarden_local.roles import DISTRICT_ROLES, SITE_ROLES, module_of, service_of
from reelwarden_local.servers import LOOPBACK, Identity, Postgres, SeaweedFS
from reelwarden_local.servers.state import kept_ports, kept_secrets, write_private
from reelwarden_local.site_host import ROLES_FILE
from reelwarden_local.words import Words

DATABASE = "reelwarden"
Progress = Callable[[Words], None]


class Stack:
    """Everything that a district runs, on this machine.

    Args:
        state_dir: All state lies below it; a second start on the same folder goes on where the first ended.
        district_toml: The district's configuration.
        settings: More `RW_*` variables for every role (how often loops turn, for example).
        progress: Is told each step in a few words.
    """

    def __init__(
        self,
        state_dir: Path,
        district_toml: Path,
        settings: Mapping[str, str] | None = None,
        progress: Progress = lambda _step: None,
    ) -> None:
        self.state_dir = state_dir.absolute()
        self.config: DistrictConfig = load(district_toml)
        self.schools = [school.id for school in self.config.schools]
        self._extra = dict(settings or {})
        self._progress = progress
        self._secrets = self._keep_secrets()
        self.keys = Keys(self.state_dir / "keys", self.schools)
        self.bus = EmbeddedBus(self.state_dir / "bus", self.schools)
        self.postgres = Postgres(self.state_dir / "postgres")
        self.s3 = SeaweedFS(self.state_dir / "s3", self._identities())
        self.processes: dict[str, RoleProcess] = {}
        self._ports: dict[str, int] = {}
        self._watchers: list[asyncio.Task[None]] = []

    def _keep_secrets(self) -> dict[str, str]:
        names = [f"db.{service}" for service in SERVICES]
        names += [
            f"s3.{user}"
            for user in ("admin", "desk", "ledger", "registrar", *(f"site-{s}" for s in self.schools))
        ]
        return kept_secrets(self.state_dir / "secrets.json", [*names, "session"])

    def _identities(self) -> list[Identity]:
        keys = {name[3:]: secret for name, secret in self._secrets.items() if name.startswith("s3.")}
        return identities(self.schools, keys)

    def identity(self, name: str) -> Identity:
        """A key of the S3 store."""
        return next(one for one in self.s3.identities if one.name == name)

    async def start(self) -> Self:
        """Start all of it, servers first.

        Raises:
            ServerError: something did not start; the message ends with its log.
            MigrationError: a schema could not be brought up to date.
        """
        self._progress(
            Words("PostgreSQL、S3 存储、NATS 中心和各校分支", "PostgreSQL, S3 store, NATS hub and leaves")
        )
        await asyncio.gather(self.postgres.start(), self.s3.start(), self.bus.start())
        self._progress(Words("数据库结构和存储桶", "database schemas and buckets"))
        await self._prepare_database()
        await asyncio.to_thread(self._prepare_buckets)
        roles, sites = len(DISTRICT_ROLES), len(self.schools)
        self._progress(
            Words(f"区里 {roles} 个角色，{sites} 所学校", f"{roles} district roles, {sites} school sites")
        )
        self._plan_processes()
        await asyncio.gather(*(process.start() for process in self.processes.values()))
        self._watchers = [asyncio.create_task(keep_alive(p)) for p in self.processes.values()]
        return self

    async def stop(self) -> None:
        """Stop all of it: roles first, then what they stand on."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        await asyncio.gather(*(process.stop() for process in self.processes.values()))
        await asyncio.gather(self.bus.stop(), self.s3.stop(), self.postgres.stop())

    @asynccontextmanager
    async def stores(self) -> AsyncIterator[None]:
        """Run database and S3 store alone, the schemas up to date; no role, no bus.

        Raises:
            ServerError, MigrationError: see `start`.
        """
        try:
            await asyncio.gather(self.postgres.start(), self.s3.start())
            await self._prepare_database()
            yield
        finally:
            await asyncio.gather(self.s3.stop(), self.postgres.stop())

    async def __aenter__(self) -> Self:
        try:
            return await self.start()
        except BaseException:
            await self.stop()
            raise

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _prepare_database(self) -> None:
        admin = await self.postgres.admin()
        try:
            if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                await admin.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await admin.close()
        for service in SERVICES:
            await migrate(self.postgres.admin_url(DATABASE), service, self._secrets[f"db.{service}"])

    def _prepare_buckets(self) -> None:
        admin = self.s3.client(self.identity("admin"))
        for _made in make_buckets(admin, self.schools):
            pass

    def _plan_processes(self) -> None:
        site_ports = [f"{s}.{role}" for s in self.schools for role in SITE_ROLES]
        self._ports = ports = kept_ports(self.state_dir / "ports.json", [*DISTRICT_ROLES, *site_ports])
        for role in DISTRICT_ROLES:
            settings = self._common() | self._district_settings(role) | {"RW_HTTP_PORT": str(ports[role])}
            self._add(role, module_of(role), settings, {role: ports[role]})
        for s in self.schools:
            own = {role: ports[f"{s}.{role}"] for role in SITE_ROLES}
            self._add(
                f"site-{s}", "reelwarden_local.site_host", self._common() | self._site_settings(s, own), own
            )

    def _add(self, name: str, module: str, settings: dict[str, str], ports: dict[str, int]) -> None:
        self.processes[name] = RoleProcess(name, module, settings, ports, self.state_dir / "roles" / name)

    def _common(self) -> dict[str, str]:
        return {
            "RW_DISTRICT_TOML": str(self.config.path.absolute()),
            "RW_S3_ENDPOINT": self.s3.endpoint,
            **self._extra,
        }

    def _s3_settings(self, identity: str) -> dict[str, str]:
        one = self.identity(identity)
        return {"RW_S3_ACCESS_KEY": one.access_key, "RW_S3_SECRET_KEY": one.secret_key}

    def database_url(self, service: str) -> str:
        """A service's own way into the database."""
        return self.postgres.url(role_of(service), self._secrets[f"db.{service}"], DATABASE)

    def _district_settings(self, role: str) -> dict[str, str]:
        settings = {
            "RW_NATS_URL": self.bus.url(),
            "RW_NATS_SEED": self.bus.seed(role),
            "RW_DATABASE_URL": self.database_url(service_of(role)),
            "RW_SESSION_KEY": self._secrets["session"],
            **self.keys.district_settings(role),
        }
        if role == "intake":
            settings["RW_INTAKE_SEEDS"] = json.dumps(self.bus.intake_seeds())
        if role in ("desk", "inspector", "messenger"):
            settings |= {"RW_DESK_URL": self._url("desk"), "RW_DASHBOARD_URL": self._url("inspector")}
        if role == "desk":
            settings["RW_PACKAGES_DIR"] = str(self.state_dir / "roles" / "packages")
        if role in ("desk", "ledger", "registrar"):
            settings |= self._s3_settings(role)
        return settings

    def _site_settings(self, school: str, ports: Mapping[str, int]) -> dict[str, str]:
        folder = self.state_dir / "sites" / school
        roles = {
            role: {"nats_seed": self.bus.seed(role, school), "http_port": port}
            for role, port in ports.items()
        }
        write_private(folder / "roles.json", json.dumps(roles))
        return {
            "RW_NATS_URL": self.bus.url(school),
            "RW_SCHOOL": school,
            "RW_STATE_DIR": str(folder),
            ROLES_FILE: str(folder / "roles.json"),
            **self._s3_settings(f"site-{school}"),
            **self.keys.site_settings(school),
        }

    def _url(self, role: str) -> str:
        return f"http://{LOOPBACK}:{self._ports[role]}"

    @property
    def desk_url(self) -> str:
        """Where people apply, approve and supervise."""
        return self._url("desk")

    @property
    def dashboard_url(self) -> str:
        """Where people see the district live."""
        return self._url("inspector")
