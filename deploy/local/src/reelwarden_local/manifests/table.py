"""What each district role needs to run: the one table from which manifests are written.

Memory: the most that a role's process had beside a district of 20,000 cameras (`make bench-district`), and as
much again. Processor: the steady need, not a limit: a role that is slowed down falls behind.
"""

from dataclasses import dataclass

from reelwarden_common.messaging.topology import role, subscriptions
from reelwarden_local.roles import DISTRICT_ROLES

IMAGE = "reelwarden:0.1.0"
USER = 10001
"""Numeric, so that an orchestrator can tell that it is not root."""
PORT = 8080
SECRETS = "/run/reelwarden"
DISTRICT = "/etc/reelwarden"
PACKAGES = "/var/lib/reelwarden/packages"
"""Where the desk keeps packages until they are handed over; shared by its replicas."""
STOP_SECONDS = 60
LAG = 500
"""Messages that wait for a role, for each replica that it should have."""


@dataclass(frozen=True)
class Shape:
    """How one role runs."""

    role: str
    least: int = 1
    most: int = 1
    """More than `least`: scaled by what waits for it."""
    millicores: int = 100
    megabytes: int = 400
    database: bool = True
    store: bool = False
    people: bool = False
    """Browsers and programs reach it."""
    outside: bool = False
    """It speaks to servers outside of the cluster: mail, webhooks, sign-in."""

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams in which it has a durable consumer of its own name."""
        return tuple(str(stream) for stream in subscriptions(role(self.role)))


SHAPES = (
    Shape("intake", millicores=200, megabytes=256, database=False),
    Shape("index", least=1, most=4, millicores=500),
    Shape("keeper", millicores=200),
    Shape("desk", least=2, most=4, millicores=300, megabytes=600, store=True, people=True, outside=True),
    Shape("ledger", least=1, most=4, millicores=200, store=True),
    Shape("inspector", least=2, most=4, millicores=300, megabytes=600, people=True, outside=True),
    Shape("registrar", millicores=100, store=True, outside=True),
    Shape("messenger", millicores=100, outside=True),
)
assert tuple(sorted(shape.role for shape in SHAPES)) == tuple(sorted(DISTRICT_ROLES))  # noqa: S101 - of this file
