"""`reelwarden dlq`, as operators run it, against a running hub with one school's exporter."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from reelwarden_common.messaging.login import make_seed
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.cli import app
from tests.report.district import district_toml
from tests.support.roles import SCHOOL, authorised, probe, until

SECONDS = 150
"""Each command is a process of its own, which takes its seconds on a busy machine."""


class Shell:
    """Runs the command as a process of its own, in English."""

    def __init__(self, bus: EmbeddedBus) -> None:
        self.bus = bus
        self.state = str(bus.state_dir.parent)

    async def __call__(self, *words: str, **more: str) -> tuple[int, str]:
        where = () if "--server" in words else ("--state", self.state)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "reelwarden_local.cli", "dlq", *words, *where),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "RW_LANG": "en", **more},
        )
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def shell(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shell]:
    async with EmbeddedBus(tmp_path_factory.mktemp("dlq") / "bus", [SCHOOL]) as bus:
        yield Shell(bus)


async def spoil(bus: EmbeddedBus) -> None:
    """A decision that the exporter cannot read."""
    desk = await bus.connect("desk")
    bad = authorised(1)
    await desk.jetstream().publish(bad.subject, b'{"application": 1, "\x1b[2J": 1}', headers=bad.headers)
    await desk.close()


async def test_a_letter_is_listed_explained_shown_refused_again_and_dismissed(
    shell: Shell, tmp_path: Path
) -> None:
    async with probe(shell.bus, "exporter", tmp_path):
        await spoil(shell.bus)
        found: dict[str, Any] = {}

        async def there() -> bool:
            code, said = await shell("list", "--school", SCHOOL, "--json")
            found.update(json.loads(said))
            return code == 1

        await until(there, SECONDS)
        (letter,) = found["letters"]
        key = letter["key"]
        assert key == f"s001/exporter/{letter['letter']}"
        assert letter["fault"] == "malformed"
        assert "s001/reaper" in found["unanswered"]

        code, said = await shell("list", "--role", "exporter", RW_LANG="zh")
        assert code == 1
        assert said.startswith(f"{key}  ")
        assert "reelwarden.desk.retrieval.authorised.v1 is invalid at" in said
        assert "→ 这不是本系统的消息" in said
        assert said.endswith("1 封死信\n")

        code, said = await shell("show", key)
        assert code == 0
        assert "→ This is no message of ours, or one of another release." in said
        assert said.endswith('\n\n{"application": 1, "�[2J": 1}\n')
        code, said = await shell("replay", key)
        assert code == 1
        assert said.startswith("failed again and stays: rw.s001.desk.retrieval.authorised")
        assert await shell("dismiss", key, "--note", "a test", "--by", "zhou") == (
            0,
            f"{key} was dismissed.\n",
        )
        assert await shell("replay", key) == (1, f"there is no {key}: settled, or aged out.\n")
        assert await shell("list", "--role", "exporter") == (0, "0 dead letter(s)\n")


async def test_who_does_not_answer_is_named_and_nothing_is_green(shell: Shell) -> None:
    code, said = await shell("list", "--school", SCHOOL, "--role", "exporter")
    assert (code, said) == (2, "0 dead letter(s); no answer from s001/exporter\n")
    code, said = await shell("replay", "s001/exporter/DISTRICT.1")
    assert code == 2
    assert said.startswith("no answer: nothing runs there, or the school is cut off")


async def test_a_hub_of_ones_own(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "seed"
    file.write_text(shell.bus.seed("ops") + "\n", encoding="utf-8")
    toml = str(district_toml(tmp_path))
    only = ("--school", SCHOOL, "--role", "exporter")
    words = ("list", "--server", shell.bus.url(), "--district", toml, *only)
    async with probe(shell.bus, "exporter", tmp_path):
        code, said = await shell(*words, REELWARDEN_OPS_SEED_FILE=str(file))
    assert (code, said) == (0, "0 dead letter(s)\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("list --state nowhere", "nothing runs on nowhere: start `reelwarden up`"),
        ("list --server nats://127.0.0.1:9 --district nowhere.toml", "nowhere.toml"),
        ("show s001/DISTRICT.1", "s001/DISTRICT.1 is not <school>/<role>/<letter>."),
        ("replay s001/writer/DISTRICT.1", "is not <school>/<role>/<letter>."),
        ("dismiss s001/reaper/SITE.1 --note ''", "say why."),
        ("dismiss s001/reaper/SITE.1", "--note"),
    ],
)
def test_what_cannot_be_meant_is_told(words: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RW_LANG", "en")
    result = CliRunner().invoke(app, f"dlq {words}")
    assert result.exit_code == 2
    assert told in " ".join(result.output.replace("│", " ").split())


def test_a_key_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RW_LANG", "en")
    where = f"--server nats://127.0.0.1:9 --district {district_toml(tmp_path)}"
    assert "set REELWARDEN_OPS_SEED" in CliRunner().invoke(app, f"dlq list {where}").output
    gone = {"REELWARDEN_OPS_SEED_FILE": str(tmp_path / "none")}
    assert "cannot be read" in CliRunner().invoke(app, f"dlq list {where}", env=gone).output
    known = {"REELWARDEN_OPS_SEED": make_seed()}
    assert "does not answer" in CliRunner().invoke(app, f"dlq list {where}", env=known).output
