"""Run `python -m …` so that it dies, as by `kill -9`, at named steps: `python -m tests.support.dying …`.

`TEST_STEPS` names functions of ours, `package.module:Class.method`, separated by spaces; each is wrapped, and
otherwise does what it does. `TEST_FATES` names a file of lines `before <function> <nth> <signal> <words>`, or
`after …`: at the n-th call whose arguments contain the words, the process takes the line away and sends
itself the signal. Its parent, which has imported everything and does nothing else, then forks another, as a
supervisor would.
"""

import ctypes
import importlib
import inspect
import os
import runpy
import signal
import sys
from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from reelwarden_common import clock
from tests.support.fates import fates, write_fates
from tests.support.moved_clock import moved_clock

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_calls: Counter[str] = Counter()


def reached(place: str, given: tuple[object, ...]) -> None:
    """Die if it is time."""
    file = Path(os.environ["TEST_FATES"])
    lines = fates(file)
    for line in lines:
        when, function, nth, number, words = line.split(" ", 4)
        if place == f"{when} {function}" and words in repr(given):
            _calls[line] += 1
            if _calls[line] == int(nth):
                write_fates(file, [one for one in lines if one != line])
                os.kill(os.getpid(), signal.Signals[number])


def mortal(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, with a step before and after it."""

    @wraps(work)
    def at_once(*given: Any, **more: Any) -> Any:
        reached(f"before {name}", (*given, more))
        done = work(*given, **more)
        reached(f"after {name}", (*given, more))
        return done

    @wraps(work)
    async def awaited(*given: Any, **more: Any) -> Any:
        reached(f"before {name}", (*given, more))
        done = await work(*given, **more)
        reached(f"after {name}", (*given, more))
        return done

    return awaited if inspect.iscoroutinefunction(work) else at_once


def wrap(name: str) -> None:
    module, _, path = name.partition(":")
    *outer, last = path.split(".")
    owner: Any = importlib.import_module(module)
    for part in outer:
        owner = getattr(owner, part)
    setattr(owner, last, mortal(name, getattr(owner, last)))


def main() -> None:
    _python, _m, command, *sys.argv[1:] = sys.argv[1:]
    clock.system_clock = moved_clock  # before the modules that are wrapped take the other one
    importlib.import_module(sys.argv[1])
    for step in os.environ["TEST_STEPS"].split():
        wrap(step)
    status = signal.SIGKILL.value
    while os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        child = os.fork()
        if not child:
            ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
            runpy.run_module(command, run_name="__main__", alter_sys=True)
            return
        _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
