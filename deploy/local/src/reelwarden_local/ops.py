"""The operators' way in: the `ops` user of a running hub, who asks roles and does nothing else (ADR 0010)."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

import nats.errors
import typer
from nats.aio.client import Client

from reelwarden_common.district import ConfigError, load
from reelwarden_common.errors import ReelwardenError, Refused
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.messaging.questions import NoAnswer
from reelwarden_common.messaging.topology import OPERATOR, ROLES, Place
from reelwarden_local.servers.process import LOOPBACK
from reelwarden_local.words import Words

PASSWORD = "REELWARDEN_OPS_PASSWORD"  # noqa: S105 - the variable's name
PASSWORD_FILE = "REELWARDEN_OPS_PASSWORD_FILE"  # noqa: S105
CONNECT_SECONDS = 5
A = TypeVar("A")

State = Annotated[Path, typer.Option(help="State folder of a running `reelwarden up`.")]
Server = Annotated[
    str | None,
    typer.Option(
        help=f"A hub of your own, nats://host:port; the password of its user `{OPERATOR}` is read from "
        f"{PASSWORD}, or from the file named by {PASSWORD_FILE}. Needs --district."
    ),
]
District = Annotated[Path, typer.Option(help="With --server: the district's district.toml.")]
STATE, DISTRICT = Path(".state/up"), Path("district.toml")


class NoWayIn(Refused):
    """The hub cannot be asked; the message says why and what to do."""


@dataclass(frozen=True)
class Hub:
    """A hub to connect to, and the schools that have roles behind it."""

    url: str
    schools: tuple[str, ...]
    password: str = field(repr=False)

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
        NoWayIn: nothing was started there, or the password is missing.
        ConfigError: the district.toml is wrong.
    """
    if server:
        return Hub(server, tuple(school.id for school in load(district).schools), _own_password())
    try:
        port = json.loads((state / "bus" / "ports.json").read_text())["hub"]
        passwords = json.loads((state / "bus" / "passwords.json").read_text())
        password = passwords[f"hub.{OPERATOR}"]
    except (OSError, ValueError, KeyError) as error:
        raise NoWayIn(_nothing_there(state)) from error
    schools = [user.removesuffix(".uplink") for user in passwords if user.endswith(".uplink")]
    return Hub(f"nats://{LOOPBACK}:{port}", tuple(schools), password)


def _own_password() -> str:
    if password := os.environ.get(PASSWORD):
        return password
    file = os.environ.get(PASSWORD_FILE)
    try:
        password = Path(file).read_text(encoding="utf-8").strip() if file else ""
    except OSError as error:
        raise NoWayIn(
            Words(f"{PASSWORD_FILE} 读不到：{error}", f"{PASSWORD_FILE} cannot be read: {error}")
        ) from error
    if not password:
        raise NoWayIn(
            Words(
                f"没有密码：请设置 {PASSWORD}，或用 {PASSWORD_FILE} 指出密码文件。",
                f"no password: set {PASSWORD}, or name a file that holds it with {PASSWORD_FILE}.",
            )
        )
    return password


def _nothing_there(state: Path) -> Words:
    return Words(
        f"{state} 没有正在运行的系统：请先运行 reelwarden up，或用 --state、--server 指出它。",
        f"nothing runs on {state}: start `reelwarden up`, or name the place with --state or --server.",
    )


@asynccontextmanager
async def operator(hub: Hub) -> AsyncIterator[Client]:
    """A connection as the operators' user.

    Raises:
        NoWayIn: nobody listens there, or the password is not that of `ops`.
    """
    client = Client()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await client.connect(
                hub.url,
                name="reelwarden",
                user=OPERATOR,
                password=hub.password,
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
            f"{hub.url} 不接受用户 {OPERATOR} 的密码。",
            f"{hub.url} does not accept the password of its user {OPERATOR}.",
        )
    reason = str(error) or type(error).__name__
    return Words(
        f"{hub.url} 没有应答（{reason}）：系统在运行吗？",
        f"{hub.url} does not answer ({reason}): is it running?",
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
