"""The folder from which a district is installed: keys, server configurations, each role's secrets.

It is the operator's, and the most precious thing of the district beside the footage: whoever has it is the
district (docs/keys.md). Everything but keys and `schools/` is written anew from them by `write`.
"""

import json
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from reelwarden_common.db import SERVICES, role_of
from reelwarden_common.district import DistrictConfig, load
from reelwarden_common.errors import Refused
from reelwarden_common.messaging.login import Login, make_seed, public_key
from reelwarden_common.messaging.nats_config import (
    Cluster,
    HubUsers,
    ServerPlace,
    Tls,
    hub_accounts,
    hub_config,
    hub_users,
)
from reelwarden_common.messaging.topology import follower
from reelwarden_local.install.authority import certify, make_authority
from reelwarden_local.install.plan import HubServer, Plan, read_plan
from reelwarden_local.keys import make_key
from reelwarden_local.roles import DISTRICT_ROLES, service_of
from reelwarden_local.servers.state import kept_secrets, write_private
from reelwarden_local.words import Words
from reelwarden_report.custody.notes import Signer
from reelwarden_report.custody.peers import origin

SIGNING = {"keeper": "RW_KEEPER_KEY", "desk": "RW_DESK_KEY", "registrar": "RW_REGISTRAR_KEY"}
PAGES = ("desk", "inspector", "messenger")
"""Roles that share the key of the sessions."""
STORES = ("desk", "ledger", "registrar")
"""District roles with a key of the S3 store."""
HTTP_PORT = 8080
"""Of every role, in its own container."""


class FolderProblem(Refused):
    """The folder is not what it should be; the message says what to do."""


class SchoolState(BaseModel):
    """How far a school is let in: `schools/<id>.json`."""

    model_config = ConfigDict(frozen=True)

    state: Literal["invited", "enrolled", "revoked"]
    since: AwareDatetime
    invitation: str = ""
    """Public key of the invitation that is open."""
    until: AwareDatetime | None = None
    """When the invitation ends."""
    came_by: str = ""
    """Public key of the open invitation, once it was used for the present uplink."""
    uplink: str = ""
    """Public key with which its server enters the hub."""
    notary: str = ""
    """C2SP verifier key of its custody log."""

    def open_invitation(self, now: datetime) -> str:
        """The invitation's key while it is open, else nothing."""
        return self.invitation if self.until and now < self.until else ""


class DistrictFolder:
    """See the module."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plan: Plan = read_plan(path / "plan.json")
        self.config: DistrictConfig = load(path / "district.toml")
        self._passwords = kept_secrets(
            path / "keys" / "passwords.json", ["session", *(f"db.{s}" for s in SERVICES)]
        )

    # What it knows.

    def school(self, school: str) -> SchoolState | None:
        """How far a school is let in; None: it never was invited.

        Raises:
            FolderProblem: the file about it cannot be read.
        """
        file = self.path / "schools" / f"{school}.json"
        try:
            return SchoolState.model_validate_json(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise FolderProblem(f"{file}: {error}") from error

    def keep_school(self, school: str, state: SchoolState) -> None:
        """Write down how far a school is let in."""
        write_private(
            self.path / "schools" / f"{school}.json",
            state.model_dump_json(indent=2, exclude_defaults=True) + "\n",
        )

    def schools(self) -> dict[str, SchoolState]:
        """Every school that was ever invited."""
        names = sorted(file.stem for file in (self.path / "schools").glob("*.json"))
        return {name: state for name in names if (state := self.school(name))}

    def enrolled(self) -> dict[str, SchoolState]:
        """Those that the hub lets in."""
        return {name: state for name, state in self.schools().items() if state.state == "enrolled"}

    def login(self, user: str) -> Login:
        """How one of the hub's users enters, from the operator's machine."""
        return Login(self.plan.hub_urls, self.seed(user), self.path / "nats" / "tls" / "ca.pem")

    def seed(self, user: str) -> str:
        """The seed of a user of the hub, made where it is missing."""
        file = self.path / "keys" / "nats" / f"{user}.seed"
        if not file.exists():
            write_private(file, make_seed())
        return file.read_text(encoding="utf-8").strip()

    def password(self, service: str) -> str:
        """With which a service enters the database."""
        return self._passwords[f"db.{service}"]

    def store_secrets(self, *more: str) -> dict[str, str]:
        """Secret keys of the S3 store by access key: of `STORES`, and `site-<school>` of each school."""
        names = [*STORES, *(f"site-{school.id}" for school in self.config.schools), *more]
        return kept_secrets(self.path / "keys" / "store.json", names)

    def keeper_keys(self) -> str:
        """PEM: whose plans schools believe; two while the key is rotated."""
        files = sorted((self.path / "keys").glob("keeper*.pub.pem"))
        return "".join(file.read_text(encoding="ascii") for file in files)

    def registrar_key(self, school: str) -> str:
        """The C2SP verifier key of the district's log of a school."""
        pem = (self.path / "keys" / "registrar.pem").read_bytes()
        private = load_pem_private_key(pem, password=None)
        return str(Signer(origin(school, "registrar"), private).key())  # type: ignore[arg-type]  # made by us

    # What it writes.

    def users(self, now: datetime) -> HubUsers:
        """Whom the hub lets in now."""
        known, enrolled = self.schools(), self.enrolled()
        invited = {name: key for name, state in known.items() if (key := state.open_invitation(now))}
        return HubUsers(
            roles={user: public_key(self.seed(user)) for user in hub_users()},
            uplinks={name: state.uplink for name, state in enrolled.items()},
            intakes={name: public_key(self.seed(f"intake-{name}")) for name in enrolled},
            followers={name: public_key(self.seed(follower(name))) for name in self.plan.followed},
            invited=invited,
        )

    def write(self, now: datetime) -> None:
        """Write server configurations and secrets anew from what is known now."""
        nats = self.path / "nats"
        nats.mkdir(exist_ok=True)
        for server in self.plan.hub:
            (nats / f"{server.name}.conf").write_text(self._hub_config(server), encoding="utf-8")
        write_private(nats / "accounts.conf", hub_accounts(list(self.enrolled()), self.users(now)))
        (nats / "accounts.conf").chmod(0o644)  # public keys only
        for role in DISTRICT_ROLES:
            self._write_role(role)

    def _hub_config(self, server: HubServer) -> str:
        plan = self.plan
        tls = plan.nats_config / "tls"
        place = ServerPlace(
            "0.0.0.0",
            _port(server.clients),
            plan.nats_store,
            plan.nats_store_gb * 1024**3,
            Tls(tls / f"{server.name}.pem", tls / f"{server.name}-key.pem", tls / "ca.pem"),
        )
        cluster = None
        if len(plan.hub) > 1:
            routes = [str(other.routes) for other in plan.hub]
            cluster = Cluster(server.name, f"0.0.0.0:{_port(str(server.routes))}", routes)
        return hub_config(place, _port(server.leaves), cluster=cluster)

    def _write_role(self, role: str) -> None:
        """`secrets/<role>/`: one file a secret, and `env/<role>.env` with what is none."""
        folder = self.path / "secrets" / role
        for name, text in self._secrets_of(role).items():
            write_private(folder / name, text)
        (self.path / "env").mkdir(exist_ok=True)
        lines = [f"{name}={value}\n" for name, value in sorted(self.environment_of(role).items())]
        (self.path / "env" / f"{role}.env").write_text("".join(lines), encoding="utf-8")

    def _secrets_of(self, role: str) -> Mapping[str, str]:
        secrets = {
            "rw_nats_seed": self.seed(role),
            "ca.pem": (self.path / "nats" / "tls" / "ca.pem").read_text(encoding="ascii"),
        }
        if role == "intake":
            secrets["rw_intake_seeds"] = json.dumps({s: self.seed(f"intake-{s}") for s in self.enrolled()})
        else:
            service = service_of(role)
            secrets["rw_database_url"] = self.plan.database_url(role_of(service), self.password(service))
        if role in SIGNING:
            secrets[f"{role}.pem"] = (self.path / "keys" / f"{role}.pem").read_text(encoding="ascii")
        if role in PAGES:
            secrets["rw_session_key"] = self._passwords["session"]
        if role in STORES:
            secrets |= {"rw_s3_access_key": role, "rw_s3_secret_key": self.store_secrets()[role]}
        if role == "registrar":
            pinned = {name: state.notary for name, state in self.enrolled().items()}
            secrets["rw_notary_public_keys"] = json.dumps(pinned)
        return secrets

    def environment_of(self, role: str) -> dict[str, str]:
        """What a role is told that is no secret."""
        plan = self.plan
        secrets = plan.secrets_of(role)
        told = {
            "RW_SECRETS_DIR": str(secrets),
            "RW_DISTRICT_TOML": str(plan.district_toml),
            "RW_NATS_URL": plan.hub_urls,
            "RW_NATS_CA_FILE": str(secrets / "ca.pem"),
            "RW_HTTP_HOST": "0.0.0.0",
            "RW_HTTP_PORT": str(HTTP_PORT),
        }
        if role in SIGNING:
            told[SIGNING[role]] = str(secrets / f"{role}.pem")
        if role in PAGES:
            told |= {"RW_DESK_URL": plan.desk_url, "RW_DASHBOARD_URL": plan.dashboard_url}
        if role in STORES:
            told |= {"RW_S3_ENDPOINT": plan.store.endpoint, "RW_S3_SECURE": str(plan.store.secure).lower()}
            told["RW_S3_REGION"] = plan.store.region
        return told


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def init(path: Path, district_toml: Path, plan: Plan, now: datetime) -> DistrictFolder:
    """Make a district's folder: keys, authority, certificates, configurations, secrets.

    Raises:
        FolderProblem: there is one already.
        ConfigError: the district.toml is wrong.
    """
    load(district_toml)
    if (path / "plan.json").exists():
        raise FolderProblem(
            Words(
                f"{path} 里已经有一个学区：请换一个目录，或改其中的 plan.json 后运行 district write。",
                f"{path} holds a district already: choose another folder, or change its plan.json and run "
                "`district write`.",
            )
        )
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)
    shutil.copyfile(district_toml, path / "district.toml")
    plan.write(path / "plan.json")
    for name in SIGNING:
        make_key(path / "keys" / f"{name}.pem")
    folder = DistrictFolder(path)
    certify_hub(folder)
    folder.write(now)
    return folder


def certify_hub(folder: DistrictFolder) -> None:
    """Make certificates for the hub's servers, in place of older ones."""
    tls = folder.path / "nats" / "tls"
    tls.mkdir(parents=True, exist_ok=True)
    keys = folder.path / "keys" / "authority"
    make_authority(keys, f"Reelwarden {folder.config.name}")
    shutil.copyfile(keys / "ca.pem", tls / "ca.pem")
    for server in folder.plan.hub:
        hosts = [server.clients, server.leaves, *([server.routes] if server.routes else [])]
        names = dict.fromkeys([*(host.rpartition(":")[0] for host in hosts), *server.names])
        certify(keys, server.name, list(names))
        for file in (f"{server.name}.pem", f"{server.name}-key.pem"):
            (keys / file).replace(tls / file)
