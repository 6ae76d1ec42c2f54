"""The operators' way in: the `ops` user of a running hub, who asks roles and does nothing else (ADR 0010)."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import nats.errors
import typer
from nats.aio.client import Client

from reelwarden_common.district import ConfigError, load
from reelwarden_common.errors import ReelwardenError, Refused
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.messaging.login import Login
from reelwarden_common.messaging.questions import NoAnswer
from reelwarden_common.messaging.topology import OPERATOR, ROLES, Place
from reelwarden_local.servers.process import LOOPBACK
from reelwarden_local.words import Words

SEED = "REELWARDEN_OPS_SEED"
SEED_FILE = "REELWARDEN_OPS_SEED_FILE"
CA_FILE = "REELWARDEN_CA_FILE"
CONNECT_SECONDS = 5
A = TypeVar("A")

State = Annotated[Path, typer.Option(help="State folder of a running `reelwarden up`.")]
Server = Annotated[
    str | None,
    typer.Option(
        help=f"A hub of your own, tls://host:port; its user `{OPERATOR}`'s seed is read from {SEED} or the "
        f"file named by {SEED_FILE}, its authority from the one named by {CA_FILE}. Needs --district."
    ),
]
District = Annotated[Path, typer.Option(help="With --server: the district's district.toml.")]
STATE, DISTRICT = Path(".state/up"), Path("district.toml")


class NoWayIn(Refused):
    """The hub cannot be asked; the message says why and what to do."""


@dataclass(frozen=True)
class Hub:
    """A hub to connect to, and the schools that have roles behind it."""

    login: Login
    schools: tuple[str, ...]

    def roles(self, school: str | None = None, role: str | None = None) -> list[tuple[str, str]]:
        """Every (school, role) that can be asked, `district` standing for the district's own roles.

        Raises:
            NoWayIn: there is no such school or role.
        """
        if school not in (None, DISTRICT_SCHOOL, *self.schools):
            known = ", ".join((DISTRICT_SCHOOL, *self.schools))
            raise NoWayIn(Words(f"没有学校 {school}；有 {known}。", f"no school {school}: {known}."))
        if role not in (None, *(r.name for r in ROLES)):
            known = ", ".join(r.name for r in ROLES)
            raise NoWayIn(Words(f"没有角色 {role}；有 {known}。", f"no role {role}: there are {known}."))
        everything = [(DISTRICT_SCHOOL, r.name) for r in ROLES if r.place is Place.DISTRICT]
        everything += [(s, r.name) for s in self.schools for r in ROLES if r.place is Place.SCHOOL]
        return [(s, r) for s, r in everything if school in (None, s) and role in (None, r)]


def hub_of(state: Path, server: str | None = None, district: Path = DISTRICT) -> Hub:
    """The hub that an operator means: that of a state folder, or one of their own.

    Raises:
        NoWayIn: nothing was started there, or the seed is missing.
        ConfigError: the district.toml is wrong.
    """
    if server:
        config = load(district)
        return Hub(_own_login(server), tuple(school.id for school in config.schools))
    try:
        port = json.loads((state / "bus" / "ports.json").read_text())["hub"]
        seeds = json.loads((state / "bus" / "seeds.json").read_text())
        seed = seeds[f"hub.{OPERATOR}"]
    except (OSError, ValueError, KeyError) as error:
        raise NoWayIn(_nothing_there(state)) from error
    schools = [user.removesuffix(".uplink") for user in seeds if user.endswith(".uplink")]
    return Hub(Login(f"nats://{LOOPBACK}:{port}", seed), tuple(schools))


def _own_login(server: str) -> Login:
    ca_file = os.environ.get(CA_FILE)
    return Login(server, _own_seed(), Path(ca_file) if ca_file else None)


def _own_seed() -> str:
    if seed := os.environ.get(SEED):
        return seed
    file = os.environ.get(SEED_FILE)
    try:
        seed = Path(file).read_text(encoding="utf-8").strip() if file else ""
    except OSError as error:
        raise NoWayIn(
            Words(f"{SEED_FILE} 读不到：{error}", f"{SEED_FILE} cannot be read: {error}")
        ) from error
    if not seed:
        raise NoWayIn(
            Words(
                f"没有密钥：请设置 {SEED}，或用 {SEED_FILE} 指出密钥文件。",
                f"no key: set {SEED}, or name a file that holds it with {SEED_FILE}.",
            )
        )
    return seed


def _nothing_there(state: Path) -> Words:
    return Words(
        f"{state} 没有正在运行的系统：请先运行 reelwarden up，或用 --state、--server 指出它。",
        f"nothing runs on {state}: start `reelwarden up`, or name the place with --state or --server.",
    )


@asynccontextmanager
async def operator(hub: Hub) -> AsyncIterator[Client]:
    """A connection as the operators' user.

    Raises:
        NoWayIn: nobody listens there, or the key is not that of `ops`.
    """
    client = Client()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await client.connect(
                **hub.login.options(),
                name="reelwarden",
                inbox_prefix=f"_INBOX.{OPERATOR}".encode(),
                connect_timeout=CONNECT_SECONDS,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                error_cb=_quiet,
            )
    except (nats.errors.Error, OSError, TimeoutError) as error:
        await client.close()
        raise NoWayIn(_refused(hub, client.last_error or error)) from error
    try:
        yield client
    finally:
        await client.close()


def _refused(hub: Hub, error: Exception) -> Words:
    if "authorization" in str(error).lower():
        return Words(
            f"{hub.login.url} 不接受用户 {OPERATOR} 的密钥。",
            f"{hub.login.url} does not accept the key of its user {OPERATOR}.",
        )
    reason = str(error) or type(error).__name__
    return Words(
        f"{hub.login.url} 没有应答（{reason}）：系统在运行吗？",
        f"{hub.login.url} does not answer ({reason}): is it running?",
    )


async def _quiet(_error: Exception) -> None:
    """Told by whoever asks."""


def asked(state: Path, server: str | None, district: Path, work: Callable[[Hub, Client], Awaitable[A]]) -> A:
    """What a command does as operator; why it cannot be done is told, and ends the command with 2."""

    async def whole() -> A:
        hub = hub_of(state, server, district)
        async with operator(hub) as client:
            return await work(hub, client)

    try:
        return asyncio.run(whole())
    except NoAnswer as error:
        away = Words(
            f"没有应答：那里没有在运行，或学校断线了（{error}）。",
            f"no answer: nothing runs there, or the school is cut off ({error}).",
        )
        print(away, file=sys.stderr)
        raise typer.Exit(2) from error
    except (ReelwardenError, ConfigError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error
