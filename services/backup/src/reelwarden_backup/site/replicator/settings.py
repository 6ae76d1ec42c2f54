"""What the replicator is told from outside, besides what every role at a school is."""

from pydantic import Field

from reelwarden_common.settings import SiteSettings


class Settings(SiteSettings):
    """`RW_*`; the store's address and keys are `RW_S3_*`."""

    store_parallel: int = Field(default=4, ge=1, le=64)
    """How many files are copied at once."""
    run_seconds: float = Field(default=300, gt=0)
    """How often what was stored is written up as a backup record (R4.1)."""
    backlog_seconds: float = Field(default=60, gt=0)
    """How often the backlog is told."""
    turn_seconds: float = Field(default=0.5, gt=0)
    """How often it looks for work."""
