"""What the keeper is told from outside."""

from pathlib import Path

from pydantic import Field

from reelwarden_common.settings import DistrictSettings


class Settings(DistrictSettings):
    """Keeper."""

    keeper_key: Path = Path("keeper.pem")
    """Ed25519 private key (PKCS 8 PEM) that plans are signed with."""
    lapse_seconds: float = Field(default=60, gt=0)
    """Between two looks for holds that reached their end date."""
    policy_seconds: float = Field(default=60, gt=0)
    """Between two looks whether another version of the rule set is in force (R6)."""
    plan_refresh_hours: float = Field(default=24, gt=0)
    """A plan older than this is issued anew: a site that booted learns the time by it."""
