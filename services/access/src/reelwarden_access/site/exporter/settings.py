"""What the exporter is told from outside."""

from pydantic import Field

from reelwarden_common.settings import SiteSettings


class Settings(SiteSettings):
    """Exporter; times in seconds. The S3 store is set by `RW_S3_*`."""

    export_seconds: float = Field(default=0.5, gt=0)
    """Between two looks for work."""
    erase_exports_seconds: float = Field(default=3600, gt=0)
    """Between two rounds of erasing what nobody may retrieve any more."""
    catalogue_patience_seconds: float = Field(default=300, ge=0)
    """How long an export waits for the scanner's catalogue to reach the end of the span; after that the
    rest is stated as a gap."""
    longest_pause_seconds: float = Field(default=60, gt=0)
    """Between two tries while the scanner or the store is away."""
