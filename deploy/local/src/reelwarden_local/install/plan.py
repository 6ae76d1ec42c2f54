"""What a district's installation is: addresses and places, one JSON file that the operator may edit."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from reelwarden_common.errors import Refused
from reelwarden_local.servers.state import write_private

HostPort = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+:\d{1,5}$")]
ServerName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,40}$")]


class BadPlan(Refused):
    """`plan.json` is missing or not right; the message says where."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HubServer(_Table):
    """One server of the hub."""

    name: ServerName = "hub"
    clients: HostPort
    """Where roles and operators connect."""
    leaves: HostPort
    """Where schools connect; reachable from their networks."""
    routes: HostPort | None = None
    """Where the hub's other servers connect; wanted where there are several."""
    names: tuple[str, ...] = ()
    """More host names or addresses that its certificate should bear."""


class Store(_Table):
    """The S3 store, as district and schools reach it."""

    endpoint: HostPort
    secure: bool = True
    region: str = "us-east-1"


class Plan(_Table):
    """All that `reelwarden district init` needs to know besides district.toml."""

    hub: tuple[HubServer, ...] = Field(min_length=1)
    database: str
    """`postgresql://host:port/name?sslmode=…`, without a user: each role has its own."""
    store: Store
    desk_url: str
    """Where browsers reach the desk."""
    dashboard_url: str
    followed: tuple[str, ...] = ()
    """Schools, or `district`, whose events programs outside may follow over NATS (docs/programs.md)."""
    nats_config: Path = Path("/etc/nats")
    """Where the folder `nats` lies on the hub's servers."""
    nats_store: Path = Path("/var/lib/nats")
    nats_store_gb: int = Field(default=64, ge=1)
    role_secrets: str = "/run/reelwarden"
    """Where a role finds its folder of secrets; `{role}` stands for its name, where all share one machine."""
    district_toml: Path = Path("/etc/reelwarden/district.toml")
    """Where a role finds the district's file."""
    deploy: tuple[str, ...] = ()
    """A command that brings the folder `nats` to the hub's servers; run after each change of it."""

    @model_validator(mode="after")
    def _routes_where_several(self) -> "Plan":
        if len(self.hub) > 1 and not all(server.routes for server in self.hub):
            raise ValueError("each of several servers of the hub needs `routes`")
        if len({server.name for server in self.hub}) < len(self.hub):
            raise ValueError("servers of the hub need names of their own")
        return self

    def secrets_of(self, role: str) -> Path:
        """Where a role finds its folder of secrets."""
        return Path(self.role_secrets.format(role=role))

    @property
    def hub_urls(self) -> str:
        """As clients write it."""
        return ",".join(f"tls://{server.clients}" for server in self.hub)

    @property
    def replicas(self) -> int:
        """How many servers keep each stream."""
        return 3 if len(self.hub) >= 3 else 1  # noqa: PLR2004 - a majority of two is two

    def database_url(self, user: str, password: str) -> str:
        """A role's own way into the database."""
        scheme, _, rest = self.database.partition("://")
        return f"{scheme}://{user}:{password}@{rest}"

    def write(self, path: Path) -> None:
        """Write it down."""
        write_private(path, self.model_dump_json(indent=2) + "\n")


def read_plan(path: Path) -> Plan:
    """Read it back.

    Raises:
        BadPlan: it is not there, or not right.
    """
    try:
        return Plan.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadPlan(f"{path}: {error.strerror}; `reelwarden district init` makes it") from error
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'plan'}: {one['msg']}"
            for one in error.errors(include_url=False, include_input=False)
        )
        raise BadPlan(f"{path}: {told}") from error
