"""The NATS configurations of a district as files: for `deploy/nats` and for ops who run their own servers.

Keys are placeholders (`CHANGE-hub-desk`) that no server takes; a test and `make check` compare the committed
sample with what the topology table gives.
"""

from collections.abc import Sequence
from pathlib import Path

from reelwarden_common.messaging.nats_config import (
    HubUsers,
    ServerPlace,
    Tls,
    Uplink,
    hub_accounts,
    hub_config,
    hub_users,
    leaf_config,
    leaf_users,
)
from reelwarden_common.messaging.topology import follower

SAMPLE_SCHOOLS = ("s001", "s002")
SAMPLE_FOLLOWED = ("district", "s001")
CLIENT_PORT, LEAF_PORT = 4222, 7422


def placeholders(schools: Sequence[str], followed: Sequence[str]) -> HubUsers:
    """Keys that say where a real one belongs."""
    return HubUsers(
        roles={user: f"CHANGE-hub-{user}" for user in hub_users()},
        uplinks={s: f"CHANGE-{s}-uplink" for s in schools},
        intakes={s: f"CHANGE-{s}-intake" for s in schools},
        followers={s: f"CHANGE-hub-{follower(s)}" for s in followed},
    )


def render(
    schools: Sequence[str], followed: Sequence[str] = SAMPLE_FOLLOWED, hub: str = "hub.example"
) -> dict[str, str]:
    """File name → text: the hub's two files and one a school. `hub` is the name that leaves connect to."""
    tls = Tls(Path("/etc/nats/tls/hub.pem"), Path("/etc/nats/tls/hub-key.pem"), Path("/etc/nats/tls/ca.pem"))
    hub_place = ServerPlace("0.0.0.0", CLIENT_PORT, Path("/var/lib/nats"), tls=tls)
    leaf_place = ServerPlace("127.0.0.1", CLIENT_PORT, Path("/var/lib/nats"))
    files = {
        "hub.conf": hub_config(hub_place, LEAF_PORT),
        "accounts.conf": hub_accounts(schools, placeholders(schools, followed)),
    }
    for school in schools:
        users = {user: f"CHANGE-{school}-{user}" for user in leaf_users()}
        uplink = Uplink(f"CHANGE-{school}-uplink-seed", Path("/etc/nats/ca.pem"))
        files[f"leaf-{school}.conf"] = leaf_config(school, leaf_place, [f"{hub}:{LEAF_PORT}"], users, uplink)
    return files


def drifted(folder: Path) -> list[str]:
    """Names of the sample's files that differ from what the table gives now."""
    return [
        name
        for name, text in render(SAMPLE_SCHOOLS).items()
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text
    ]


def write(
    folder: Path, schools: Sequence[str] = SAMPLE_SCHOOLS, followed: Sequence[str] = SAMPLE_FOLLOWED
) -> list[Path]:
    """Write the files; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in render(schools, followed).items():
        (folder / name).write_text(text, encoding="utf-8")
        written.append(folder / name)
    return written
