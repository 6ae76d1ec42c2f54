"""A thousand stories of a school and its district: no fault breaks what must always hold."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.playing import play


@pytest.mark.parametrize("first", [0, 250, 500, 750])
def test_nothing_breaks_what_must_always_hold(first: int) -> None:
    told = play("--first", str(first), "--seeds", "250")
    assert not told["failed"], told["replay"]
    assert told["erased"] > 5 * told["seeds"]
    assert told["holds"] > 2 * told["seeds"]


def test_a_seed_tells_the_same_story_twice() -> None:
    command = [sys.executable, "-m", "tests.simulation", "--seed", "7", "--verbose"]
    root = Path(__file__).parents[2]
    one, other = (subprocess.run(command, cwd=root, capture_output=True, check=True).stdout for _ in range(2))
    assert one == other
    assert len(one.splitlines()) > 100
