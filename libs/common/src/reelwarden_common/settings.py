"""What every role is told from outside: environment variables `RW_*`, secrets also from files.

A secret `RW_NATS_PASSWORD` may instead be a file `rw_nats_password` in the folder named by
`RW_SECRETS_DIR` (how orchestrators mount secrets).
"""

import os
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class RoleSettings(BaseSettings):
    """Common to all roles; each role's `settings.py` adds its own."""

    model_config = SettingsConfigDict(env_prefix="RW_", extra="ignore", frozen=True)

    nats_url: str = "nats://127.0.0.1:4222"
    nats_password: SecretStr = SecretStr("")
    district_toml: Path = Path("district.toml")
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=0, ge=0, le=65535)
    """Health, metrics and (where a role has them) pages; 0 takes any free port."""
    log_level: str = "INFO"

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
