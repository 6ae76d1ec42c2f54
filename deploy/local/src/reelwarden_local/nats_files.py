"""The NATS configurations of a district as files: for `deploy/nats` and for ops who run their own servers.

Passwords are placeholders (`CHANGE-hub-desk`), so the committed sample holds no secret; a test and
`make check` compare it with what the topology table gives.
"""

from collections.abc import Sequence
from pathlib import Path

from reelwarden_common.messaging.nats_config import (
    Passwords,
    ServerPlace,
    hub_accounts,
    hub_config,
    leaf_config,
)
from reelwarden_common.messaging.topology import follower

SAMPLE_SCHOOLS = ("s001", "s002")
SAMPLE_FOLLOWED = ("district", "s001")
CLIENT_PORT, LEAF_PORT = 4222, 7422


def placeholders(schools: Sequence[str], followed: Sequence[str]) -> Passwords:
    """Passwords that say where a real one belongs."""
    return Passwords(
        hub={user: f"CHANGE-hub-{user}" for user in Passwords.hub_users()},
        leaves={s: {user: f"CHANGE-{s}-{user}" for user in Passwords.leaf_users()} for s in schools},
        uplinks={s: f"CHANGE-{s}-uplink" for s in schools},
        intakes={s: f"CHANGE-{s}-intake" for s in schools},
        followers={s: f"CHANGE-hub-{follower(s)}" for s in followed},
    )


def render(
    schools: Sequence[str], followed: Sequence[str] = SAMPLE_FOLLOWED, hub: str = "hub.example"
) -> dict[str, str]:
    """File name → text: the hub's two files and one a school. `hub` is the name that leaves connect to."""
    passwords = placeholders(schools, followed)
    files = {
        "hub.conf": hub_config(ServerPlace("0.0.0.0", CLIENT_PORT, Path("/var/lib/nats")), LEAF_PORT),
        "accounts.conf": hub_accounts(schools, passwords),
    }
    for school in schools:
        place = ServerPlace("127.0.0.1", CLIENT_PORT, Path("/var/lib/nats"))
        files[f"leaf-{school}.conf"] = leaf_config(school, place, f"{hub}:{LEAF_PORT}", passwords)
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
