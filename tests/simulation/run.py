"""Runs seeds: one with its trace, or many with what failed."""

import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.simulation.world import STEPS, World

MOST_FAILURES = 20
"""After so many there is enough to look at."""
Progress = Callable[[str], None]


@dataclass
class Result:
    """What many seeds came to."""

    seeds: int = 0
    failed: dict[int, str] = field(default_factory=dict)
    """By seed, the invariant that broke."""
    erased: int = 0
    """Segments certified in all: a simulation in which nothing is erased shows nothing."""
    held: int = 0
    """Holds acknowledged in all."""


def run(seed: int, *, steps: int = STEPS, trace: Progress | None = None) -> World:
    """One seed.

    Raises:
        Broken: an invariant does not hold; anything else: a fault that no role foresees.
    """
    world = World(seed, steps=steps, trace=trace)
    try:
        world.run()
    finally:
        world.close()
    return world


def run_many(
    seeds: Iterable[int],
    *,
    seconds: float,
    say: Progress,
    steps: int = STEPS,
    until_one_fails: bool = False,
) -> Result:
    """Many seeds, until they or the time are over."""
    result, began, told = Result(), time.monotonic(), 0.0
    for seed in seeds:
        passed = time.monotonic() - began
        if passed > seconds:
            say(f"the time is over after {result.seeds} seeds")
            break
        try:
            world = run(seed, steps=steps)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this seed's
            result.failed[seed] = f"{type(error).__name__}: {error}"
            where = traceback.extract_tb(error.__traceback__)[-1]
            say(f"seed {seed} failed: {result.failed[seed]} ({where.filename}:{where.lineno})")
            say(f"  {replay(seed)}")
        else:
            result.erased += len(world.oracle.certified)
            result.held += len(world.oracle.holds)
        result.seeds += 1
        if len(result.failed) >= (1 if until_one_fails else MOST_FAILURES):
            break
        if passed - told > 30:
            told = passed
            say(f"{result.seeds} seeds in {passed:.0f} s, {len(result.failed)} failed")
    return result


def replay(seed: int) -> str:
    """The command that plays exactly this seed again."""
    return f"python -m tests.simulation --seed {seed} --verbose"
