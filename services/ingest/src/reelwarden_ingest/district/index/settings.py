"""What the index is told from outside."""

from pydantic import Field

from reelwarden_common.settings import DistrictSettings


class Settings(DistrictSettings):
    """The index owns the schema `ingest`."""

    index_settle_seconds: float = Field(default=20, ge=0)
    """How long a camera-day's count waits for its segments, which travel in another stream."""
    index_ask_again_seconds: float = Field(default=300, gt=0)
    """How long the answer to a question for a camera-day is waited for; doubled each time."""
