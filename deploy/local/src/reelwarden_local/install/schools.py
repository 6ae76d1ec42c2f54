"""Letting a school in and out, from the operator's machine: one command each, while everything runs."""

import asyncio
import subprocess
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import nats.errors
import tomli_w
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from reelwarden_common.messaging.declare import declare_hub
from reelwarden_common.messaging.login import make_seed, public_key
from reelwarden_common.messaging.nats_config import ENROLLER, TOPOLOGY_USER, enrol_subject
from reelwarden_common.messaging.topology import Stream
from reelwarden_local.install.folder import DistrictFolder, FolderProblem, SchoolState
from reelwarden_local.install.hub_admin import HubAdmin, HubAway, administered, connected
from reelwarden_local.install.invitation import (
    Answer,
    Invitation,
    NotInvited,
    Request,
    StoreAccess,
    read_request,
    refused,
)
from reelwarden_local.words import Words

CONNECT_SECONDS = 120.0
"""So long a school that was let in has to connect its server before its invitation is closed all the same."""
_DEPLOY_SECONDS = 300
Tell = Callable[[Words], None]


async def apply(folder: DistrictFolder, *, accounts: bool = True) -> None:
    """Write the hub's configuration, bring it to the servers, and have them read it.

    Args:
        folder: The district's.
        accounts: Whether a school's account may have come or gone, and not only an invitation.

    Raises:
        FolderProblem: the deploy command failed.
        HubAway: a server does not answer, or refuses what it reads.
    """
    folder.write(datetime.now(UTC))
    await asyncio.to_thread(_deploy, folder)
    async with _hub(folder) as hub:
        await hub.reload(accounts=accounts)


def _hub(folder: DistrictFolder) -> AbstractAsyncContextManager[HubAdmin]:
    return administered(folder.login("sys"), len(folder.plan.hub))


def _deploy(folder: DistrictFolder) -> None:
    command = folder.plan.deploy
    if not command:
        return
    try:
        done = subprocess.run(
            command, cwd=folder.path, capture_output=True, text=True, timeout=_DEPLOY_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FolderProblem(f"{' '.join(command)}: {error}") from error
    if done.returncode:
        raise FolderProblem(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-500:]}")


async def declare(folder: DistrictFolder) -> None:
    """Bring the hub's streams and consumers to what the table and the schools say.

    Raises:
        HubAway: it does not answer, or refused.
    """
    plan, schools = folder.plan, list(folder.enrolled())
    each = plan.nats_store_gb * 1024**3 // 8  # five streams share the disk, with room to spare
    async with connected(folder.login(TOPOLOGY_USER), TOPOLOGY_USER) as client:
        try:
            await declare_hub(client.jetstream(timeout=10), schools, each, plan.followed, plan.replicas)
        except (nats.errors.Error, OSError) as error:
            raise HubAway(f"streams and consumers: {error or type(error).__name__}") from error


def invite(folder: DistrictFolder, school: str, valid: timedelta, *, again: bool = False) -> Invitation:
    """Make an invitation; one that was made before is worth nothing from then on.

    Raises:
        Refused: district.toml has no such school.
        FolderProblem: it is let in already, and `again` was not said.
    """
    folder.config.school(school)
    known = folder.school(school)
    if known and known.state == "enrolled" and not again:
        raise FolderProblem(
            Words(
                f"{school} 已经接入（{known.since:%Y-%m-%d %H:%M %Z}）：要换密钥或换机器，请加 --again。",
                f"{school} is let in since {known.since:%Y-%m-%d %H:%M %Z}: to change its keys or machine, "
                "say --again.",
            )
        )
    now, seed = datetime.now(UTC), make_seed()
    was = known if known and known.state == "enrolled" else SchoolState(state="invited", since=now)
    folder.keep_school(school, was.model_copy(update={"invitation": public_key(seed), "until": now + valid}))
    return Invitation(
        school=school,
        hubs=tuple(folder.plan.hub_urls.split(",")),
        authority=(folder.path / "nats" / "tls" / "ca.pem").read_text(encoding="ascii"),
        seed=seed,
        until=now + valid,
    )


async def admit(folder: DistrictFolder, school: str, wait: timedelta, tell: Tell) -> bool:
    """Wait for a school that was invited, let it in, and close the invitation once its server is connected.

    Returns:
        Whether it came in time. It may be waited for again as long as its invitation is open.

    Raises:
        HubAway, FolderProblem: see `apply`.
    """
    ends = asyncio.get_running_loop().time() + wait.total_seconds()
    async with connected(folder.login(ENROLLER), ENROLLER) as client:
        coming = await client.subscribe(enrol_subject(school))
        await client.flush()
        while (left := ends - asyncio.get_running_loop().time()) > 0:
            try:
                message = await coming.next_msg(timeout=left)
            except (nats.errors.TimeoutError, TimeoutError):
                break
            if await _answer(folder, school, message, tell):
                await _until_connected(folder, school, tell)
                close(folder, school)
                await apply(folder, accounts=False)
                return True
    return False


async def _answer(folder: DistrictFolder, school: str, message: Msg, tell: Tell) -> bool:
    try:
        answer = await let_in(folder, school, read_request(message.data))
    except NotInvited as error:
        tell(Words(f"{school} 的请求格式不对：{error}", f"{school} asked out of form: {error}"))
        answer = refused(
            "请求格式不对：两边的版本相同吗？", "not in form: is it the same version on both sides?"
        )
    await message.respond(answer.line())
    if answer.refusal:
        tell(Words(*answer.refusal))
    else:
        tell(Words(f"{school} 已接入，等待其服务器连接 …", f"{school} is let in; waiting for its server …"))
    return answer.refusal is None


async def let_in(folder: DistrictFolder, school: str, request: Request) -> Answer:
    """Judge a request and act on it; the same request gets the same answer again.

    Raises:
        HubAway, FolderProblem: see `apply`.
    """
    known, now = folder.school(school), datetime.now(UTC)
    key = known.open_invitation(now) if known else ""
    if known is None or not key or request.school != school:
        return refused("没有有效的邀请。", "there is no open invitation.")
    if known.came_by == key and known.uplink != request.uplink:
        return refused(
            f"邀请码已被另一台机器使用：如果不是贵校所为，请学区立即运行 reelwarden school revoke {school}。",
            "the invitation was used by another machine: if that was not the school, have the district run "
            f"`reelwarden school revoke {school}` at once.",
        )
    if known.came_by != key:
        entered = {"state": "enrolled", "since": now, "uplink": request.uplink, "notary": request.notary}
        folder.keep_school(school, known.model_copy(update={**entered, "came_by": key}))
        await apply(folder)
        await declare(folder)
        async with _hub(folder) as hub:
            await hub.kick(school)  # a server with the key before
    secrets = folder.store_secrets()
    store = folder.plan.store
    return Answer(
        now=datetime.now(UTC),
        leaves=tuple(server.leaves for server in folder.plan.hub),
        district_toml=school_part(folder, school),
        keeper_keys=folder.keeper_keys(),
        registrar=folder.registrar_key(school),
        store=StoreAccess(
            endpoint=store.endpoint,
            secure=store.secure,
            access_key=f"site-{school}",
            secret_key=secrets[f"site-{school}"],
        ),
    )


def school_part(folder: DistrictFolder, school: str) -> str:
    """The district's file as far as it concerns one school: no other school, no people (R2.3)."""
    whole = folder.config.file.model_dump(mode="json", exclude_unset=True, by_alias=True)
    whole["schools"] = [one for one in whole["schools"] if one["id"] == school]
    whole.pop("people", None)
    whole.pop("oidc", None)
    return tomli_w.dumps(_without_none(whole))


def _without_none(value: Any) -> Any:  # noqa: ANN401 - whatever TOML holds
    if isinstance(value, dict):
        return {key: _without_none(one) for key, one in value.items() if one is not None}
    return [_without_none(one) for one in value] if isinstance(value, list) else value


async def _until_connected(folder: DistrictFolder, school: str, tell: Tell) -> None:
    ends = asyncio.get_running_loop().time() + CONNECT_SECONDS
    async with _hub(folder) as hub:
        while asyncio.get_running_loop().time() < ends:
            await asyncio.sleep(0.2)
            if await hub.leaves(school):
                tell(Words(f"{school} 已连接。", f"{school} is connected."))
                return
    tell(
        Words(
            f"{school} 还没有连接：请在学校查看 reelwarden-nats 服务的日志。",
            f"{school} has not connected yet: look at the log of reelwarden-nats at the school.",
        )
    )


def close(folder: DistrictFolder, school: str) -> None:
    """End a school's invitation."""
    if known := folder.school(school):
        folder.keep_school(school, known.model_copy(update={"invitation": "", "until": None, "came_by": ""}))


async def revoke(folder: DistrictFolder, school: str) -> int:
    """Let a school in no more, at once; returns how many connections were ended.

    What it said before stays; it keeps its footage by its last plan (design: a school that is cut off).

    Raises:
        FolderProblem: it was never let in.
        HubAway: the hub does not answer: it is not done yet.
    """
    known = folder.school(school)
    if known is None:
        raise FolderProblem(Words(f"{school} 从未接入。", f"{school} was never let in."))
    gone = SchoolState(state="revoked", since=datetime.now(UTC), notary=known.notary)
    folder.keep_school(school, gone)
    await apply(folder)
    async with _hub(folder) as hub:
        ended = await hub.kick(school)
    async with connected(folder.login(TOPOLOGY_USER), TOPOLOGY_USER) as client:
        await _forget_place(client, school)
    return ended


async def _forget_place(client: Client, school: str) -> None:
    try:
        await client.jetstream(timeout=10).delete_consumer(Stream.DISTRICT, school)
    except NotFoundError:
        return
    except (nats.errors.Error, OSError) as error:
        raise HubAway(f"its place in DISTRICT: {error or type(error).__name__}") from error
