"""`python -m tests.bench [name …]`: ours against bare loops, one JSON line each; exits 1 if one is not ok.

`python -m tests.bench plan` runs one. Where none is named, `district` and `memory` are left out: they take
many minutes and much disk.
"""

import importlib
import json
import sys

BENCHES = ("index", "scanner", "reconcile", "replicator", "latency", "plan", "dashboard")


def main(names: list[str]) -> int:
    """Run the benches named, or all."""
    good = True
    for name in names or BENCHES:
        found = importlib.import_module(f"tests.bench.{name}").run()
        for result in found if isinstance(found, list) else [found]:
            print(json.dumps(result, ensure_ascii=False), flush=True)
            good = good and result["ok"]
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
