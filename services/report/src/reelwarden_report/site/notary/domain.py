"""What the school's pulse says, from what was heard last."""

from dataclasses import dataclass
from datetime import datetime

from reelwarden_common.events.report import SiteAlive

UNHEARD = "clock-unheard"
"""The reaper has not said yet what it thinks of the clock: what is unknown is not good."""


@dataclass(frozen=True)
class Measured:
    """The newest measures of this school; None: never heard."""

    plan_epoch: int | None = None
    plan_version: int | None = None
    disk_total: int | None = None
    disk_free: int | None = None
    backlog: int = 0
    clock_doubt: str | None = UNHEARD
    """Why the reaper does not believe the machine's clock; None: it does."""


def pulse(measured: Measured, software: str, now: datetime) -> SiteAlive:
    """The pulse of this minute."""
    return SiteAlive(
        at=now,
        software=software,
        plan_epoch=measured.plan_epoch,
        plan_version=measured.plan_version,
        disk_total=measured.disk_total,
        disk_free=measured.disk_free,
        backlog=measured.backlog,
        clock_believed=measured.clock_doubt is None,
        clock_doubt=measured.clock_doubt,
    )
