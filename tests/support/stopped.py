"""Processes that are stopped as by Ctrl-Z: they live, keep their connections, and do nothing."""

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path


def stop(pids: Iterable[int]) -> None:
    """Stop processes, and wait until each of their threads stands still: the signal alone takes its time."""
    stopping = list(pids)
    for pid in stopping:
        os.kill(pid, signal.SIGSTOP)
    while not all(_still(pid) for pid in stopping):
        time.sleep(0.001)


def _still(pid: int) -> bool:
    """Whether all its threads are stopped, or ended."""
    try:
        stats = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    except (FileNotFoundError, ProcessLookupError):  # a thread that has just ended: look again
        return False
    return all(stat.rpartition(")")[2].split()[0] in "TZX" for stat in stats)
