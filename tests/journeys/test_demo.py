"""`make demo`, as a stranger runs it: the whole story, then the same on somebody's own recordings."""

import asyncio
import hashlib
import io
import json
import os
import re
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from reelwarden_access import verify
from reelwarden_local.cli import app
from reelwarden_local.demo import sample
from reelwarden_local.demo.discover import FootageError
from reelwarden_local.demo.facts import LABELS, VALUES
from reelwarden_local.demo.play import play
from reelwarden_local.demo.story import StepFailedError, Story
from reelwarden_local.demo.witness import until
from reelwarden_local.words import Words
from tests.access.test_package_foreign import COMPLETE, bagit, run

DEMO_SECONDS = 900
"""Generous: the promise of three minutes is for a machine that does nothing else."""


@pytest.fixture(autouse=True)
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RW_LANG", "zh")


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
    assert not {line: words for line in printed.splitlines() if (words := foreign(line))}
    (package,) = (tmp_path / "demo").glob("s001-*[0-9].zip")
    with zipfile.ZipFile(package) as opened:
        opened.extractall(tmp_path / "bag")
    for whole, said in (run(COMPLETE, tmp_path / "bag"), bagit(tmp_path / "bag")):
        assert whole, said
    assert "countersigned" in {note.code for note in verify.verify(package).notes}


def foreign(line: str) -> set[str]:
    """English words in a line of the Chinese story, but for names, ids, places and formats."""
    words = set(re.findall(r"[A-Za-z]{3,}", re.sub(r"\S*[/.]\S*|\b[0-9a-f]{8}\b", " ", line)))
    return words - {
        "NATS",
        "PostgreSQL",
        "JSON",
        "PDF",
        "HTML",
        "SHA",
        "INS",
        "frigate",
        "mediamtx",
        "template",
    }


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_what_a_story_waits_for_in_vain_is_told_in_its_language(
    lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RW_LANG", lang)
    story = Story(Console(file=io.StringIO()))

    async def never() -> bool:
        return False

    with pytest.raises(StepFailedError), story.step(Words("第一步", "first step")):
        await until(Words("好消息", "good news"), never, seconds=0.1)
    assert story.proofs[0].claim == str(
        Words(
            "本步中断：等了 0 秒，仍未等到：好消息",
            "the step broke off: waited 0 s in vain for: good news",
        )
    )
    assert story.proofs[0].claim in story.console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("words", [*LABELS.values(), *VALUES.values()], ids=str)
def test_what_was_measured_has_words_in_both_languages(words: Words) -> None:
    assert re.search("[一-鿿]", words.zh)
    assert words.en.isascii()


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
    with pytest.raises(FootageError, match="看得出"):
        await play(state, tmp_path / "junk")
    assert (state / "story.json").exists()


@pytest.mark.parametrize(("footage", "state"), [("demo/mine", "demo"), ("mine", "mine/.state"), ("x", "x")])
async def test_footage_in_the_folder_that_a_demo_clears_is_refused(
    tmp_path: Path, footage: str, state: str
) -> None:
    (tmp_path / footage).mkdir(parents=True)
    (tmp_path / footage / "cam-20260302-080000.mp4").touch()
    with pytest.raises(FootageError, match="--state"):
        await play(tmp_path / state, tmp_path / footage)
    assert (tmp_path / footage / "cam-20260302-080000.mp4").exists()


async def test_footage_that_does_not_fit_is_refused_before_anything_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "cam-20260302-080000.mp4").write_bytes(b"x" * 2000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9000, 5000, 4000))
    with pytest.raises(FootageError, match=r"2\.0 kB.*4\.0 kB"):
        await play(tmp_path / "demo", tmp_path / "mine")
    assert not (tmp_path / "demo").exists()


def test_a_tilde_that_make_passed_on_is_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "我的 录像").mkdir()
    result = CliRunner().invoke(app, ["demo", "--state", str(tmp_path / "demo"), "--footage", "~/我的 录像/"])
    assert result.exit_code == 2
    assert f"{tmp_path}/我的 录像：其中没有录像文件" in result.output


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
    assert "没有录像文件" in printed.decode()
    assert "Traceback" not in printed.decode()
