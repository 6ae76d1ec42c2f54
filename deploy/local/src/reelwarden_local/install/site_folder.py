"""A school's own folder: its keys, made here and never sent, and what the district told it."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, ConfigDict, ValidationError

from reelwarden_common.errors import Refused
from reelwarden_common.messaging.login import Login, public_key
from reelwarden_common.messaging.nats_config import ServerPlace, Uplink, leaf_config, leaf_users
from reelwarden_local.install.invitation import Answer, StoreAccess
from reelwarden_local.keys import make_key
from reelwarden_local.roles import SITE_ROLES
from reelwarden_local.servers.process import LOOPBACK
from reelwarden_local.servers.state import kept_seeds, write_private
from reelwarden_local.words import Words

NATS_PORT = 4222
HTTP_PORTS = 9301
"""The first of those on which the roles tell their health."""


class NotEnrolled(Refused):
    """The folder holds no school."""


class SiteFile(BaseModel):
    """`site.json`: what this school is."""

    model_config = ConfigDict(frozen=True)

    school: str
    leaves: tuple[str, ...]
    registrar: str
    store: StoreAccess
    nats_port: int = NATS_PORT
    http_ports: int = HTTP_PORTS


class SiteFolder:
    """See the module. Everything below it is 0600 or in a folder that is 0700."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def district_toml(self) -> Path:
        """The district's file as far as it concerns this school."""
        return self.path / "district.toml"

    @property
    def leaf_config(self) -> Path:
        """The configuration of the school's NATS server."""
        return self.path / "nats" / "leaf.conf"

    def seeds(self) -> dict[str, str]:
        """Seeds of the school's own users, and of its uplink; made where missing."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.chmod(0o700)
        return kept_seeds(self.path / "keys" / "seeds.json", [*leaf_users(), "uplink"])

    def new_uplink(self) -> str:
        """Make another key for the uplink; the one before is worth nothing once the district has answered."""
        file = self.path / "keys" / "seeds.json"
        kept = self.seeds()
        kept.pop("uplink")
        write_private(file, json.dumps(kept, indent=2))
        return self.seeds()["uplink"]

    def notary_key(self) -> Path:
        """The private key of the custody log (PEM); made where missing, kept when the school enrols again."""
        return make_key(self.path / "keys" / "notary.pem")

    def site(self) -> SiteFile:
        """What this school is.

        Raises:
            NotEnrolled: nothing was enrolled here.
        """
        try:
            return SiteFile.model_validate_json((self.path / "site.json").read_text(encoding="utf-8"))
        except (OSError, ValidationError) as error:
            raise NotEnrolled(
                Words(
                    f"{self.path} 里没有已接入的学校：请先运行 reelwarden site enroll。",
                    f"{self.path} holds no school that was let in: run `reelwarden site enroll` first.",
                )
            ) from error

    def keep(
        self, school: str, authority: str, answer: Answer, storage: Path, ports: tuple[int, int]
    ) -> SiteFile:
        """Write down what the district answered; `storage` is where this school's recorders write.

        Raises:
            NotEnrolled: the answer lacks something.
        """
        if answer.store is None or not answer.leaves:
            raise NotEnrolled("the district's answer lacks the store or the hub: is it the same version?")
        site = SiteFile(
            school=school,
            leaves=answer.leaves,
            registrar=answer.registrar,
            store=answer.store,
            nats_port=ports[0],
            http_ports=ports[1],
        )
        (self.path / "nats").mkdir(exist_ok=True)
        (self.path / "hub-ca.pem").write_text(authority, encoding="ascii")
        (self.path / "keeper.pub.pem").write_text(answer.keeper_keys, encoding="ascii")
        write_private(self.district_toml, _with_storage(answer.district_toml, storage))
        self._write_leaf(site)
        write_private(self.path / "site.json", site.model_dump_json(indent=2) + "\n")
        return site

    def _write_leaf(self, site: SiteFile) -> None:
        place = ServerPlace(LOOPBACK, site.nats_port, self.path / "nats" / "jetstream")
        users = {user: public_key(self.seeds()[user]) for user in leaf_users()}
        uplink = Uplink(self.seeds()["uplink"], self.path / "hub-ca.pem")
        write_private(self.leaf_config, leaf_config(site.school, place, site.leaves, users, uplink))

    def login(self, user: str) -> Login:
        """How one of the school's users enters its server."""
        return Login(f"nats://{LOOPBACK}:{self.site().nats_port}", self.seeds()[user])

    def roles(self) -> dict[str, dict[str, Any]]:
        """Per role its seed and port, as the host of the site's roles takes them."""
        first, seeds = self.site().http_ports, self.seeds()
        return {role: {"nats_seed": seeds[role], "http_port": first + n} for n, role in enumerate(SITE_ROLES)}

    def environment(self) -> Mapping[str, str]:
        """What all of the school's roles are told."""
        site = self.site()
        return {
            "RW_NATS_URL": f"nats://{LOOPBACK}:{site.nats_port}",
            "RW_SCHOOL": site.school,
            "RW_STATE_DIR": str(self.path / "roles"),
            "RW_DISTRICT_TOML": str(self.district_toml),
            "RW_NOTARY_KEY": str(self.notary_key()),
            "RW_KEEPER_PUBLIC_KEY": str(self.path / "keeper.pub.pem"),
            "RW_REGISTRAR_PUBLIC_KEY": site.registrar,
            "RW_S3_ENDPOINT": site.store.endpoint,
            "RW_S3_SECURE": str(site.store.secure).lower(),
            "RW_S3_ACCESS_KEY": site.store.access_key,
            "RW_S3_SECRET_KEY": site.store.secret_key,
        }


def _with_storage(text: str, storage: Path) -> str:
    told = tomllib.loads(text)
    told["schools"][0]["storage"] = str(storage)
    return tomli_w.dumps(told)
