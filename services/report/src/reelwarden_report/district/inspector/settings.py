"""What the inspector is told from outside."""

from datetime import time

from pydantic import Field

from reelwarden_common.web import WebSettings


class Settings(WebSettings):
    """Settings of the inspector; replicas have the same."""

    cut_off_seconds: float = Field(default=180, gt=0)
    """No pulse for so long: the school is cut off, and nothing about it is shown as good."""
    clock_doubt_seconds: float = Field(default=900, gt=0)
    """A school's clock that is not believed for so long is a finding; at a start a fresh plan is awaited."""
    hold_reach_seconds: float = Field(default=900, gt=0)
    """A hold that is not in force after so long is a finding."""
    review_days: float = Field(default=14, gt=0)
    """So long before an extension or case ends, its review is due (R3.1)."""
    look_seconds: float = Field(default=10, gt=0)
    """How often the clock alone is looked at: pulses, deadlines, holds."""
    coverage_seconds: float = Field(default=10, gt=0)
    """How often the index is asked about days that have changed."""
    live_seconds: float = Field(default=1, gt=0)
    """How often the dashboard's view is made anew while somebody watches."""
    gap_seconds: float = Field(default=3, ge=0)
    """Shorter breaks between two segments are no gaps."""
    webhook_private: bool = False
    """Webhooks may lead into own networks, and without TLS; the messenger has the same setting."""
    morning_time: time = time(9, 0)
    """Local time by which the morning page must be signed (R5.1)."""
    inspection_time: time = time(8, 0)
    """Local time of the daily inspection, which must be read before 09:00 (R5.1)."""
