"""Telling the hub's servers what has changed: as its user `sys`, from the operator's machine."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from reelwarden_common.errors import Transient
from reelwarden_common.messaging.login import Login
from reelwarden_common.messaging.nats_config import SYSTEM_USER

SETTLE_SECONDS = 1.5
"""Between the two reloads that a new account needs: after one alone its decisions never arrive."""
_PING_SECONDS = 5.0
_ANSWER_SECONDS = 10.0


class HubAway(Transient):
    """The hub does not answer, or refused; the message says what."""


async def _quiet(_error: Exception) -> None:
    """Told by whoever asks."""


@asynccontextmanager
async def connected(login: Login, user: str) -> AsyncIterator[Client]:
    """A connection for a short piece of work.

    Raises:
        HubAway: nobody answers there, or lets this user in.
    """
    try:
        client = await nats.connect(
            **login.options(),
            name=f"reelwarden {user}",
            inbox_prefix=f"_INBOX.{user}".encode(),
            connect_timeout=5,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            error_cb=_quiet,
        )
    except (nats.errors.Error, OSError, TimeoutError) as error:
        raise HubAway(f"{login.url}: {error or type(error).__name__}") from error
    try:
        yield client
    finally:
        await client.close()


class HubAdmin:
    """The servers of one hub, asked as `sys`."""

    def __init__(self, client: Client, count: int) -> None:
        self._client = client
        self._count = count

    async def servers(self) -> list[str]:
        """Ids of the servers.

        Raises:
            HubAway: not all of them answer.
        """
        found: list[str] = []
        all_here = asyncio.Event()

        async def take(message: Msg) -> None:
            found.append(json.loads(message.data)["server"]["id"])
            if len(found) == self._count:
                all_here.set()

        inbox = self._client.new_inbox()
        listening = await self._client.subscribe(inbox, cb=take)
        await self._client.publish("$SYS.REQ.SERVER.PING", b"", reply=inbox)
        try:
            await asyncio.wait_for(all_here.wait(), _PING_SECONDS)
        except TimeoutError as error:
            raise HubAway(
                f"{len(found)} of the hub's {self._count} server(s) answer: see to the others"
            ) from error
        finally:
            await listening.unsubscribe()
        return found

    async def reload(self, *, accounts: bool) -> None:
        """Have every server read its configuration anew; twice where accounts came or went.

        Raises:
            HubAway: one refuses what it reads, and goes on with the old.
        """
        for turn in range(2 if accounts else 1):
            if turn:
                await asyncio.sleep(SETTLE_SECONDS)
            for server in await self.servers():
                await self._ask(f"$SYS.REQ.SERVER.{server}.RELOAD", {})

    async def leaves(self, school: str) -> list[tuple[str, int]]:
        """The connections of a school's server, as (server of the hub, connection's number).

        Raises:
            HubAway: a server does not answer.
        """
        found = []
        for server in await self.servers():
            told = await self._ask(f"$SYS.REQ.SERVER.{server}.LEAFZ", {})
            found += [
                (server, int(leaf["id"]))
                for leaf in told.get("data", {}).get("leafs", [])
                if leaf.get("account") == f"S_{school}"
            ]
        return found

    async def kick(self, school: str) -> int:
        """End the connections of a school's server; returns how many."""
        leaves = await self.leaves(school)
        for server, number in leaves:
            await self._ask(f"$SYS.REQ.SERVER.{server}.KICK", {"cid": number})
        return len(leaves)

    async def _ask(self, subject: str, form: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = await self._client.request(subject, json.dumps(form).encode(), timeout=_ANSWER_SECONDS)
            told: dict[str, Any] = json.loads(answer.data)
        except (nats.errors.Error, OSError, ValueError) as error:
            raise HubAway(f"{subject.rpartition('.')[2]}: {error or type(error).__name__}") from error
        if problem := told.get("error"):
            raise HubAway(f"{subject.rpartition('.')[2]}: {problem.get('description', problem)}")
        return told


@asynccontextmanager
async def administered(login: Login, count: int) -> AsyncIterator[HubAdmin]:
    """The hub of so many servers, as its user `sys`.

    Raises:
        HubAway: it does not answer.
    """
    async with connected(login, SYSTEM_USER) as client:
        yield HubAdmin(client, count)
