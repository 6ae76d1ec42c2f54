"""`make up`, as a new user runs it: who can log in, what waits for them, and a second start."""

import asyncio
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from pathlib import Path

import httpx
import pytest

from tests.support.ingest import until

SECONDS = 240


async def reelwarden(command: str, state: Path, *more: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "reelwarden_local.cli",
        command,
        *more,
        "--state",
        str(state),
        stdout=PIPE,
        stderr=STDOUT,
    )


async def told(process: Process, last: str) -> str:
    """What it prints, up to a line with these words."""
    lines = ""
    assert process.stdout
    while last not in lines:
        line = (await process.stdout.readline()).decode()
        assert line, lines
        lines += line
    return lines


@pytest.mark.timeout(SECONDS)
async def test_a_new_user_finds_people_addresses_and_the_sweep_that_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RW_LANG", "en")
    monkeypatch.setenv("COLUMNS", "120")
    first = await reelwarden("up", tmp_path)
    try:
        printed = await told(first, "Ctrl-C")
        desk = re.search(r"^desk +(http://\S+) *$", printed, re.MULTILINE)
        officer = re.search(r"he\.qu +│ 何渠 +│ 示范区教育局 · district officer +│ (\S+)", printed)
        asks = re.search(r"until (\S+) confirms it at (\S+)/alarms", printed)
        assert desk
        assert officer
        assert asks
        assert asks.groups() == ("he.qu", desk[1])

        for command in ("up", "demo"):
            second = await reelwarden(command, tmp_path)
            assert second.stdout
            said = (await second.stdout.read()).decode()
            assert await second.wait() == 2
            assert said == f"not started: already running at {desk[1]} (pid {first.pid}).\n"

        async with httpx.AsyncClient(base_url=desk[1], trust_env=False, headers={"origin": desk[1]}) as he:
            await he.post("/api/session", json={"id": "he.qu", "password": officer[1]})

            async def sweeps() -> list[str] | None:
                asking = re.findall(r'action="(/alarms/sweeps/\w+)"', (await he.get("/alarms")).text)
                return asking if len(asking) == 2 else None

            for sweep in await until(sweeps, seconds=90):
                assert (await he.post(sweep, data={"password": officer[1]})).status_code == 303
            assert "/alarms/sweeps/" not in (await he.get("/alarms")).text

        asked = await reelwarden("dlq", tmp_path, "list")
        answer, _ = await asked.communicate()
        assert (asked.returncode, answer.decode()) == (0, "0 dead letter(s)\n")
    finally:
        if first.returncode is None:
            first.send_signal(signal.SIGTERM)
        await first.communicate()
    assert first.returncode == 0


async def test_an_up_that_cannot_write_says_so_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    process = await reelwarden("up", tmp_path / "file")
    said, _ = await process.communicate()
    assert process.returncode == 2
    assert said.decode().count("\n") == 1
    assert "--state" in said.decode()
