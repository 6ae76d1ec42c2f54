"""Plays stories in a process of its own, so that what a seed tells does not depend on what ran before it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

MINUTES = 1.1
"""For each test at most: on a machine that does other things, too, fewer seeds are played."""


def play(*arguments: str) -> dict[str, Any]:
    """What `python -m tests.simulation` tells at its end."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--minutes", str(MINUTES), *arguments],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=MINUTES * 60 + 120,
        check=False,
    )
    assert ended.stdout, ended.stderr[-3000:]
    told: dict[str, Any] = json.loads(ended.stdout)
    return told
