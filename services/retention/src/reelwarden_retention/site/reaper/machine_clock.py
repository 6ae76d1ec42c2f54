"""What this machine knows about its own clock: which boot, how long up, synchronised or not."""

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from reelwarden_common.clock import Clock, system_clock

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIMEX_BYTES = 512
"""More than any kernel's `struct timex`; all zero asks without changing anything."""
_UNSYNCHRONISED = 5


def boot_id() -> str:
    """Another one after each boot."""
    return _BOOT_ID.read_text(encoding="ascii").strip()


def uptime() -> timedelta:
    """Since boot, sleep included; no setting of the wall clock changes it."""
    return timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME))


def synchronised() -> bool:
    """Whether the kernel says that its clock follows a reference (NTP, PTP)."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (AttributeError, OSError):
        return False
    return 0 <= int(state) < _UNSYNCHRONISED


@dataclass(frozen=True)
class MachineClock:
    """The clock that the reaper goes by, with what speaks for it."""

    now: Clock = system_clock
    uptime: Callable[[], timedelta] = uptime
    boot: Callable[[], str] = boot_id
    synchronised: Callable[[], bool] = synchronised
