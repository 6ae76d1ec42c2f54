"""What the reaper is told from outside."""

from pathlib import Path

from pydantic import Field

from reelwarden_common.settings import SiteSettings


class Settings(SiteSettings):
    """Reaper; times in seconds."""

    keeper_public_key: Path = Path("keeper.pub.pem")
    """PEM file with the public keys whose plans are believed; two of them while a key is rotated."""
    floor_days: int = Field(default=30, ge=1)
    """The site's own floor (条例 art. 17): a plan with fewer keep-days is refused."""
    sweep_seconds: float = Field(default=3600, gt=0)
    """Between two sweeps."""
    vault_seconds: float = Field(default=2, gt=0)
    """Between two looks for holds that are not wholly in force."""
    kept_seconds: float = Field(default=86400, gt=0)
    """Between two reports of all holds that are kept."""
    measure_seconds: float = Field(default=60, gt=0)
    """Between two measurements of the vault; told when it has changed, and every hour."""
    vault_share: float = Field(default=0.2, gt=0, le=1)
    """Of the storage's size: the vault's budget. More than that alarms a person, and changes nothing else."""
    brake_segments: int = Field(default=20, ge=0)
    brake_share: float = Field(default=0.2, ge=0, le=1)
    """A sweep of more segments than this, and of more than this share of the catalogue, stops and asks."""
