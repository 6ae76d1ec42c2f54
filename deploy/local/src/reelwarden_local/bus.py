"""The bus of a whole district on one machine: a hub, a line and a leaf per school, all declared.

The same topology as in production, so that what is tried here is what runs there.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import nats
from nats.aio.client import Client

from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.messaging.declare import declare_hub, declare_leaf
from reelwarden_common.messaging.login import Login, public_key
from reelwarden_common.messaging.nats_config import (
    TOPOLOGY_USER,
    HubUsers,
    ServerPlace,
    Uplink,
    hub_accounts,
    hub_config,
    hub_users,
    leaf_config,
    leaf_users,
)
from reelwarden_common.messaging.topology import follower
from reelwarden_local.servers.link import Link
from reelwarden_local.servers.nats import NatsServer
from reelwarden_local.servers.process import LOOPBACK
from reelwarden_local.servers.state import kept_ports, kept_seeds, write_private


class EmbeddedBus:
    """Hub, links and leaves below one state folder; ports and keys survive a restart.

    Args:
        state_dir: Everything of the bus is kept here.
        schools: Their ids; one leaf each.
    """

    def __init__(self, state_dir: Path, schools: Sequence[str]) -> None:
        self.state_dir = state_dir
        self.schools = tuple(schools)
        self.followed = (DISTRICT_SCHOOL, *schools)
        hub, leaf = hub_users(), leaf_users()
        names = [f"hub.{user}" for user in (*hub, *map(follower, self.followed))]
        names += [f"{s}.{user}" for s in self.schools for user in (*leaf, "uplink", "intake")]
        self._seeds = kept_seeds(state_dir / "seeds.json", names)
        lines = [f"{kind}-{school}" for school in self.schools for kind in ("link", "leaf")]
        self._ports = kept_ports(state_dir / "ports.json", ["hub", "hub-leafnodes", *lines])
        port, leaf_port = self._ports["hub"], self._ports["hub-leafnodes"]
        place = ServerPlace(LOOPBACK, port, (state_dir / "hub" / "jetstream").absolute())
        self.hub = NatsServer("hub", hub_config(place, leaf_port), port, state_dir / "hub")
        self.links = {s: Link(leaf_port, port=self._ports[f"link-{s}"]) for s in self.schools}
        self.leaves = {s: self._make_leaf(s) for s in self.schools}

    def hub_users(self) -> HubUsers:
        """Whom the hub lets in, by their public keys."""
        return HubUsers(
            roles={user: self._public(f"hub.{user}") for user in hub_users()},
            uplinks={s: self._public(f"{s}.uplink") for s in self.schools},
            intakes={s: self._public(f"{s}.intake") for s in self.schools},
            followers={s: self._public(f"hub.{follower(s)}") for s in self.followed},
        )

    def leaf_users(self, school: str) -> dict[str, str]:
        """Whom a school's server lets in."""
        return {user: self._public(f"{school}.{user}") for user in leaf_users()}

    def _public(self, name: str) -> str:
        return public_key(self._seeds[name])

    def _make_leaf(self, school: str) -> NatsServer:
        port = self._ports[f"leaf-{school}"]
        folder = self.state_dir / f"leaf-{school}"
        place = ServerPlace(LOOPBACK, port, (folder / "jetstream").absolute())
        hub = f"{LOOPBACK}:{self._ports[f'link-{school}']}"
        uplink = Uplink(self.seed("uplink", school))
        config = leaf_config(school, place, [hub], self.leaf_users(school), uplink)
        return NatsServer(f"leaf-{school}", config, port, folder)

    async def start(self) -> Self:
        """Start hub, lines and leaves, and declare streams and consumers.

        Raises:
            ServerError: a server does not start; the message ends with its log.
        """
        write_private(self.hub.state_dir / "accounts.conf", hub_accounts(self.schools, self.hub_users()))
        await self.hub.start()
        client = await self.connect(TOPOLOGY_USER)
        await declare_hub(client.jetstream(timeout=10), list(self.schools), followed=self.followed)
        await client.close()
        for school in self.schools:
            await self.links[school].start()
            await self.leaves[school].start()
            client = await self.connect(TOPOLOGY_USER, school)
            await declare_leaf(client.jetstream(timeout=10), school)
            await client.close()
        return self

    async def stop(self) -> None:
        """Stop everything, the leaves first."""
        for school in self.schools:
            await self.leaves[school].stop()
            await self.links[school].stop()
        await self.hub.stop()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def url(self, school: str | None = None) -> str:
        """Where clients of the hub, or of a school's leaf, connect."""
        return self.leaves[school].url if school else self.hub.url

    def seed(self, user: str, school: str | None = None) -> str:
        """The seed of a role's user, of a following program's, or of a school's `uplink` or `intake`."""
        return self._seeds[f"{school or 'hub'}.{user}"]

    def intake_seeds(self) -> dict[str, str]:
        """Per school, the seed with which intake enters its account."""
        return {s: self.seed("intake", s) for s in self.schools}

    def login(self, user: str, school: str | None = None) -> Login:
        """How a user enters the hub, or a school's server."""
        return Login(self.url(school), self.seed(user, school))

    async def connect(self, user: str, school: str | None = None) -> Client:
        """A plain client as some user: for set-up and tests."""
        return await nats.connect(
            **self.login(user, school).options(),
            inbox_prefix=b"_INBOX." + user.encode(),
            connect_timeout=5,
        )
