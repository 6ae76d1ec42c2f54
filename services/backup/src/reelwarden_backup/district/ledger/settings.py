"""What the ledger is told from outside, besides what every role at the district is."""

from pydantic import Field

from reelwarden_common.settings import DistrictSettings


class Settings(DistrictSettings):
    """`RW_*`; the store's address and a key that may only read are `RW_S3_*`."""

    verify_seconds: float = Field(default=30, gt=0)
    """How often new objects are looked for."""
    verify_parallel: int = Field(default=4, ge=1, le=64)
    """How many objects are read back at once."""
    sample_seconds: float = Field(default=86_400, gt=0)
    """How old a verification must be, and how often a sample of the oldest is read back again."""
    sample_objects: int = Field(default=500, ge=1)
    """How many objects such a sample has."""
    read_first_hours: float = Field(default=24, gt=0)
    """Within what time a new object is read back; a finding where it is not."""
    read_again_days: float = Field(default=30, gt=0)
    """Within what time each object is read back again; a finding where it is not."""
    measure_seconds: float = Field(default=600, gt=0)
    """How often it is told what was not read back in time."""
    drill_seconds: float = Field(default=604_800, gt=0)
    """How often each school has a restore drill."""
    drill_objects: int = Field(default=20, ge=1)
    """How many objects a school's drill brings back."""
