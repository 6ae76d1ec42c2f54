"""What the scanner is told from outside."""

from pydantic import Field

from reelwarden_common.settings import SiteSettings


class Settings(SiteSettings):
    """Scanner; times in seconds."""

    workers: int = Field(default=2, ge=1, le=64)
    """Threads that read and hash files."""
    scan_seconds: float = Field(default=300, gt=0)
    """Between two comparisons of disk and catalogue; changes are noticed at once in between."""
    lost_after_seconds: float = Field(default=20, ge=0)
    """How long a file may be missing before it is reported as lost: its certificate may be on the way."""
    count_seconds: float = Field(default=60, gt=0)
    """Between two rounds of telling camera-days that changed."""
    measure_seconds: float = Field(default=60, gt=0)
    """Between two measurements of the storage, and two looks for silent cameras."""
    forget_days: float = Field(default=30, gt=0)
    """How long the catalogue remembers what was erased."""
