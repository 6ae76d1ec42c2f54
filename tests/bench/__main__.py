"""`python -m tests.bench [name …]`: ours against bare loops, one JSON line each; exits 1 if one is not ok."""

import importlib
import json
import sys

BENCHES = ("index", "scanner", "latency")


def main(names: list[str]) -> int:
    """Run the benches named, or all."""
    good = True
    for name in names or BENCHES:
        result = importlib.import_module(f"tests.bench.{name}").run()
        print(json.dumps(result, ensure_ascii=False), flush=True)
        good = good and result["ok"]
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
