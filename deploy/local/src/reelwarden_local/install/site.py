"""At the school: enrol by an invitation, then run the roles beside the school's own NATS server."""

import asyncio
import os
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import nats
import nats.errors
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import ValidationError

from reelwarden_common.district import load
from reelwarden_common.errors import Transient
from reelwarden_common.messaging.declare import declare_leaf
from reelwarden_common.messaging.login import Login, public_key
from reelwarden_common.messaging.nats_config import TOPOLOGY_USER, enrol_subject
from reelwarden_local import site_host
from reelwarden_local.install.hub_admin import HubAway, connected
from reelwarden_local.install.invitation import Answer, Invitation, NotInvited, Request
from reelwarden_local.install.site_folder import HTTP_PORTS, NATS_PORT, SiteFile, SiteFolder
from reelwarden_local.words import Words
from reelwarden_report.custody.notes import Signer
from reelwarden_report.custody.peers import origin

_ANSWER_SECONDS = 30.0
_RETRY_SECONDS = 1.0
_STREAM_BYTES = 4 * 1024**3


class NoAnswer(Transient):
    """The district did not answer; it may be asked again with the same invitation."""


async def enrol(
    folder: SiteFolder,
    invitation: Invitation,
    storage: Path,
    ports: tuple[int, int] = (NATS_PORT, HTTP_PORTS),
) -> tuple[SiteFile, Answer, datetime]:
    """Make the school's keys, ask the district to let it in, and keep what it answers.

    Asked again with the same invitation, it goes on where it was: keys that are there are used.

    Returns:
        What this school is, what the district answered, and our clock when the answer came.

    Raises:
        NotInvited: the district refuses; its words are the message.
        NoAnswer: it does not answer.
        ConfigError: what it says of the school cannot be used here.
    """
    folder.seeds()
    if (folder.path / "site.json").exists():
        folder.new_uplink()
    request = Request(
        school=invitation.school,
        uplink=public_key(folder.seeds()["uplink"]),
        notary=_verifier_key(folder, invitation.school),
        version=version("reelwarden-common"),
    )
    answer = await _ask(folder, invitation, request)
    here = datetime.now(UTC)
    if answer.refusal:
        raise NotInvited(Words(*answer.refusal))
    site = folder.keep(invitation.school, invitation.authority, answer, storage, ports)
    load(folder.district_toml)
    return site, answer, here


def _verifier_key(folder: SiteFolder, school: str) -> str:
    private = load_pem_private_key(folder.notary_key().read_bytes(), password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise NotInvited(f"{folder.notary_key()} is no Ed25519 key")
    return str(Signer(origin(school, "notary"), private).key())


async def _ask(folder: SiteFolder, invitation: Invitation, request: Request) -> Answer:
    authority = folder.path / "hub-ca.pem"
    authority.write_text(invitation.authority, encoding="ascii")
    login = Login(",".join(invitation.hubs), invitation.seed, authority)
    try:
        async with connected(login, f"enrol-{invitation.school}") as client:
            told = await client.request(
                enrol_subject(invitation.school),
                request.model_dump_json().encode(),
                timeout=_ANSWER_SECONDS,
            )
        return Answer.model_validate_json(told.data)
    except nats.errors.NoRespondersError as error:
        raise NoAnswer(
            Words(
                f"学区那边没有人在等：请让他们运行 reelwarden school wait {invitation.school}。",
                f"nobody waits at the district: have them run `reelwarden school wait {invitation.school}`.",
            )
        ) from error
    except (nats.errors.Error, HubAway, TimeoutError, OSError, ValidationError) as error:
        reason = str(error) or type(error).__name__
        raise NoAnswer(
            Words(
                f"学区没有应答（{reason}）：网络通吗？邀请码还有效吗？可以用同一邀请码再试。",
                f"the district does not answer ({reason}): is there a network, is the invitation still open? "
                "Try again with the same one.",
            )
        ) from error


async def run(folder: SiteFolder) -> None:
    """Run the school's roles until SIGTERM or SIGINT; waits for its NATS server, and declares its streams.

    Raises:
        NotEnrolled: nothing was enrolled here.
    """
    site = folder.site()
    os.environ.update(folder.environment())
    await _declare(folder, site)
    await site_host.host(folder.roles())


async def _declare(folder: SiteFolder, site: SiteFile) -> None:
    while True:
        try:
            async with connected(folder.login(TOPOLOGY_USER), TOPOLOGY_USER) as client:
                await declare_leaf(client.jetstream(timeout=10), site.school, _STREAM_BYTES)
        except (HubAway, nats.errors.Error, OSError):
            await asyncio.sleep(_RETRY_SECONDS)  # its server is not there yet
        else:
            return
