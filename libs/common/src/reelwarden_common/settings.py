"""What every role is told from outside: environment variables `RW_*`, secrets also from files.

A secret `RW_NATS_SEED` may instead be a file `rw_nats_seed` in the folder named by
`RW_SECRETS_DIR` (how orchestrators mount secrets).
"""

import os
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from reelwarden_common.messaging.login import Login


class RoleSettings(BaseSettings):
    """Common to all roles; each role's `settings.py` adds its own."""

    model_config = SettingsConfigDict(env_prefix="RW_", extra="ignore", frozen=True)

    nats_url: str = "nats://127.0.0.1:4222"
    """`tls://` but for loopback; the servers of a cluster separated by commas."""
    nats_seed: SecretStr = SecretStr("")
    """The seed of this role's user (`SU…`)."""
    nats_ca_file: Path | None = None
    """Who vouches for the server's certificate (PEM); without it, whom this machine believes."""
    district_toml: Path = Path("district.toml")
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=0, ge=0, le=65535)
    """Health, metrics and (where a role has them) pages; 0 takes any free port."""
    log_level: str = "INFO"

    @property
    def login(self) -> Login:
        """How this role enters the bus."""
        return Login(self.nats_url, self.nats_seed.get_secret_value(), self.nats_ca_file)

    @classmethod
    def read(cls) -> Self:
        """Settings from environment and secret files.

        Raises:
            pydantic.ValidationError: naming each variable that is wrong or missing.
        """
        folder = os.environ.get("RW_SECRETS_DIR")
        return cls(_secrets_dir=folder) if folder else cls()


class SiteSettings(RoleSettings):
    """Roles at a school."""

    school: str
    state_dir: Path
    """Where the role keeps its SQLite file; on a disk of its own if possible."""


class DistrictSettings(RoleSettings):
    """Roles at the district."""

    database_url: SecretStr = SecretStr("")


class S3Settings(BaseSettings):
    """Access to an S3 store, for the roles that have it."""

    model_config = SettingsConfigDict(env_prefix="RW_S3_", extra="ignore", frozen=True)

    endpoint: str = "127.0.0.1:8333"
    access_key: str = ""
    secret_key: SecretStr = SecretStr("")
    secure: bool = False
    """TLS; only loopback may go without."""
    region: str = "us-east-1"

    @classmethod
    def read(cls) -> Self:
        """Settings from environment and secret files."""
        folder = os.environ.get("RW_SECRETS_DIR")
        return cls(_secrets_dir=folder) if folder else cls()
