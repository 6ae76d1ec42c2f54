"""`python -m reelwarden_common.contracts`: write, check or release what travels on the bus."""

import argparse
import sys
from collections.abc import Sequence

from reelwarden_common.contracts import files


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0, or 1 where something is not in step."""
    parser = argparse.ArgumentParser(prog="python -m reelwarden_common.contracts", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="bring the files to what the code says")
    what.add_argument("--check", action="store_true", help="exit 1 where they differ, or break a release")
    what.add_argument("--release", metavar="VERSION", help="keep today's schemas as those of a release")
    chosen = parser.parse_args(arguments)
    made = files.generated()
    if chosen.write:
        sys.stdout.write("\n".join(files.write(made) or ["nothing to do"]) + "\n")
        return 0
    problems = files.drifted(made)
    if problems:
        problems.append(f"mend it with: {files.MEND}")
    for folder in files.releases():
        problems += files.broken_promises(folder)
    if chosen.release and not problems:
        problems += _keep(chosen.release)
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


def _keep(version: str) -> list[str]:
    try:
        files.release(version)
    except FileExistsError:
        return [f"{version} is kept already; what was released does not change"]
    return []


if __name__ == "__main__":
    sys.exit(main())
