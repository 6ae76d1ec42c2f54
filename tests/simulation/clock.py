"""True time, and the clock of a machine that may be wrong about it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from reelwarden_retention.site.reaper.machine_clock import MachineClock

BEGINNING = datetime(2026, 3, 2, 8, tzinfo=UTC)


@dataclass
class Time:
    """What time it is."""

    now: datetime = BEGINNING

    def pass_(self, by: timedelta) -> None:
        self.now += by

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Machine:
    """A school's computer: its clock is `ahead` of the truth; the kernel knows whether it follows NTP."""

    time: Time
    ahead: timedelta = timedelta(0)
    booted: datetime = BEGINNING - timedelta(days=3)
    boots: int = 1
    synchronised: bool = True

    def now(self) -> datetime:
        return self.time.now + self.ahead

    def monotonic(self) -> float:
        return (self.time.now - self.booted).total_seconds()

    def jump(self, ahead: timedelta) -> None:
        """Somebody sets the clock, or a battery is empty."""
        self.ahead, self.synchronised = ahead, False

    def boot(self, *, synchronised: bool) -> None:
        """The clock keeps running meanwhile; NTP may be out of reach afterwards."""
        self.booted, self.boots = self.time.now, self.boots + 1
        self.synchronised = synchronised and not self.ahead

    def heal(self) -> None:
        """NTP is back."""
        self.ahead, self.synchronised = timedelta(0), True

    clock: MachineClock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = MachineClock(
            now=self.now,
            uptime=lambda: self.time.now - self.booted,
            boot=lambda: f"boot-{self.boots}",
            synchronised=lambda: self.synchronised,
        )
