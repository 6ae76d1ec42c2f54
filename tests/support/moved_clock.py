"""A role of ours that goes by a clock which a test moves: `python -m tests.support.moved_clock <module>`.

`TEST_CLOCK` names a file with two numbers, in seconds: how far the wall clock is ahead, and how much longer
the machine has been up. Time that passes moves both; a clock that is set moves the first alone. Timers and
timeouts of the process stay the machine's own.
"""

import os
import runpy
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reelwarden_common import clock

_FILE = Path(os.environ["TEST_CLOCK"])
_REAL = time.clock_gettime


def _ahead() -> tuple[float, float]:
    wall, up = _FILE.read_text(encoding="ascii").split()
    return float(wall), float(up)


def moved_clock() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=_ahead()[0])


def moved_uptime(which: int) -> float:
    return _REAL(which) + (_ahead()[1] if which == time.CLOCK_BOOTTIME else 0)


if __name__ == "__main__":
    module = sys.argv.pop(1)
    clock.system_clock = moved_clock  # before any module of ours has taken the other one
    time.clock_gettime = moved_uptime
    runpy.run_module(module, run_name="__main__")
