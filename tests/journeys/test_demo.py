"""`make demo`, as a stranger runs it: the whole story, then the same on somebody's own recordings."""

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reelwarden_local.demo import sample
from reelwarden_local.demo.discover import FootageError
from reelwarden_local.demo.play import play

DEMO_SECONDS = 400
"""Generous: the promise of three minutes is for a machine that does nothing else."""


async def demo(state: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    """Run the command; returns exit code, its JSON, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "reelwarden_local.cli",
        "demo",
        "--state",
        str(state),
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        printed, _ = await asyncio.wait_for(process.communicate(), DEMO_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    told = json.loads((state / "story.json").read_text(encoding="utf-8"))
    return process.returncode or 0, told, printed.decode()


def contents(folder: Path) -> dict[str, tuple[str, int]]:
    """Digest and file time of every file."""
    return {
        path.relative_to(folder).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.timeout(DEMO_SECONDS + 30)
async def test_the_demo_shows_every_rule_that_it_is_about(tmp_path: Path) -> None:
    code, told, printed = await demo(tmp_path / "demo")
    failed = [proof for proof in told["proofs"] if proof["verdict"] != "shown"]
    assert not failed, printed
    assert code == 0
    shown = {rule for proof in told["proofs"] for rule in proof["rules"]}
    assert shown >= {"R2", "R3.1", "R3.2", "R3.3", "R4.1", "R4.2", "R4.3", "R4.4", "R5.1", "R5.2"}
    assert {proof["step"] for proof in told["proofs"]} == set(range(1, 9))


def forget_times(footage: Path) -> None:
    """As a plain `cp -r` of a folder that is recorded into: times new, the last file half-written."""
    files = sorted(path for path in footage.rglob("*.mp4") if path.is_file())
    for path in reversed(files):
        os.utime(path)
    last = files[-1]
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])


@pytest.mark.system
@pytest.mark.parametrize(
    "change", [lambda _footage: None, forget_times], ids=["as recorded", "times forgotten"]
)
@pytest.mark.timeout(DEMO_SECONDS + 30)
async def test_own_footage_is_played_on_a_copy_and_never_touched(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    made = sample.prepare(tmp_path / "made")
    sample.write_past(made)
    footage = tmp_path / "made" / "recordings" / "s001"
    change(footage)
    before = contents(footage)

    code, told, printed = await demo(tmp_path / "demo", "--footage", str(footage))

    assert code == 0, printed
    assert {proof["verdict"] for proof in told["proofs"]} == {"shown", "not shown"}
    indexed = next(proof for proof in told["proofs"] if "missing" in proof["facts"])
    assert indexed["facts"]["missing"] == 0
    assert indexed["facts"]["files"] == len(before)
    assert contents(footage) == before


async def test_a_mistaken_folder_clears_nothing(tmp_path: Path) -> None:
    (tmp_path / "junk").mkdir()
    (tmp_path / "junk" / "holiday.mp4").write_bytes(b"no video")
    state = tmp_path / "demo"
    state.mkdir()
    (state / "story.json").write_text("{}")
    with pytest.raises(FootageError, match="no file name tells"):
        await play(state, tmp_path / "junk")
    assert (state / "story.json").exists()


async def test_a_folder_without_footage_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "reelwarden_local.cli",
        "demo",
        "--state",
        str(tmp_path / "demo"),
        "--footage",
        str(tmp_path / "empty"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 2
    assert "no video files" in printed.decode()
    assert "Traceback" not in printed.decode()
