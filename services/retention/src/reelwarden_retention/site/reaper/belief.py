"""Whether the machine's clock may be believed: without it nothing is erased. Pure.

A clock is believed when the kernel says that it is synchronised, or when a signed plan that was issued
minutes ago arrived in this boot; and never while it stands before a plan that was issued, or after it was
moved.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True)
class Confirmation:
    """A moment at which a fresh plan agreed with this machine's clock."""

    boot: str
    wall: datetime
    uptime: timedelta


@dataclass(frozen=True)
class ClockEvidence:
    """What speaks for and against the clock now."""

    now: datetime
    uptime: timedelta
    """Since boot, by the clock that nobody can set."""
    boot: str
    synchronised: bool
    """The kernel's word (NTP)."""
    newest_plan: datetime | None
    """When the newest believed plan was issued."""
    confirmed: Confirmation | None


def doubt(evidence: ClockEvidence) -> str | None:
    """Why the clock is not believed; None: it is."""
    if evidence.newest_plan is not None and evidence.now < evidence.newest_plan - TOLERANCE:
        return "clock-behind-plan"
    confirmed = evidence.confirmed
    if confirmed is not None and confirmed.boot == evidence.boot:
        passed = evidence.uptime - confirmed.uptime
        if abs((evidence.now - confirmed.wall) - passed) > TOLERANCE:
            return "clock-jumped"
        return None
    return None if evidence.synchronised else "clock-unconfirmed"


def confirms(issued_at: datetime, now: datetime) -> bool:
    """Whether a plan that just arrived vouches for the clock: it says about the same time."""
    return abs(now - issued_at) <= TOLERANCE
