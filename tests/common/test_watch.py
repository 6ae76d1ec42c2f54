"""A role starts anew when it is told other things, and goes on with the old where the new is wrong."""

import asyncio
from pathlib import Path

import pytest
import structlog

from reelwarden_common import watch
from reelwarden_common.watch import Told
from tests.support.ingest import write_district


@pytest.fixture
def toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(watch, "SPREAD_SECONDS", 0)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "rw_nats_seed").write_text("one")
    monkeypatch.setenv("RW_SECRETS_DIR", str(tmp_path / "secrets"))
    return write_district(tmp_path, ["s001"])


async def changed(told: Told, seconds: float = 0.5) -> bool:
    try:
        await asyncio.wait_for(told.until_changed(), seconds)
    except TimeoutError:
        return False
    return True


def spoil(toml: Path) -> None:
    toml.write_text("[district]\nnane = 1\n", encoding="utf-8")


async def test_nothing_changed(toml: Path) -> None:
    assert not await changed(Told("index", toml))


async def test_a_school_came(toml: Path) -> None:
    told = Told("index", toml)
    write_district(toml.parent, ["s001", "s002"])
    assert await changed(told, 10)


async def test_a_secret_changed(toml: Path) -> None:
    told = Told("index", toml)
    (toml.parent / "secrets" / "rw_nats_seed").write_text("two")
    assert await changed(told, 10)


async def test_a_file_that_is_wrong_is_told_once_and_not_taken(toml: Path) -> None:
    told = Told("index", toml)
    with structlog.testing.capture_logs() as logs:
        spoil(toml)
        assert not await changed(told)
    assert [one["event"] for one in logs] == ["district_toml_not_taken"]
    assert "nane" in logs[0]["error"]
    write_district(toml.parent, ["s001", "s002"])
    assert await changed(told, 10)
