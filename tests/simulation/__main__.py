"""`python -m tests.simulation`: play seeds; exit code 1 where an invariant broke.

A seed gives the same story each time: hashes of texts are fixed, too, by starting again with them so.
"""

import argparse
import json
import os
import sys
import time

from tests.simulation import mutations
from tests.simulation.run import replay, run, run_many
from tests.simulation.world import STEPS


def main() -> int:
    """Read the command line and play."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this one only")
    parser.add_argument("--verbose", "-v", action="store_true", help="print each step of it")
    parser.add_argument("--first", type=int, default=0, help="first of many seeds (default 0)")
    parser.add_argument("--seeds", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument("--minutes", type=float, default=3, help="stop after so long (default 3)")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of each seed (default {STEPS})")
    parser.add_argument("--until-one-fails", action="store_true", help="stop at the first that fails")
    parser.add_argument("--mutation", choices=sorted(mutations.ALL), help="break this in our code first")
    given = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        command = [sys.executable, "-m", "tests.simulation", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | {"PYTHONHASHSEED": "0"})
    with mutations.applied(given.mutation):
        if given.seed is not None:
            run(given.seed, steps=given.steps, trace=print if given.verbose else None)
            print(f"seed {given.seed}: all invariants held")
            return 0
        began, seeds = time.monotonic(), range(given.first, given.first + given.seeds)
        result = run_many(
            seeds,
            seconds=given.minutes * 60,
            say=_say,
            steps=given.steps,
            until_one_fails=given.until_one_fails,
        )
    told = {
        "seeds": result.seeds,
        "seconds": round(time.monotonic() - began, 1),
        "erased": result.erased,
        "holds": result.held,
        "failed": {str(seed): why for seed, why in result.failed.items()},
        "replay": [replay(seed) for seed in result.failed],
    }
    print(json.dumps(told))
    return 1 if result.failed else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
