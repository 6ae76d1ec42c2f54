"""`reelwarden backup rebuild`, as an operator runs it on a state folder whose database was lost."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from reelwarden_local.stack import Stack
from reelwarden_local.state_folder import hold
from tests.backup.test_rebuild import a_past
from tests.support.backup import Site, Store

SCHOOL = "s001"


async def command(*arguments: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "reelwarden_local.cli", "backup", "rebuild", *arguments),
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def ledger_rows(stack: Stack) -> tuple[Any, ...]:
    connection = await asyncpg.connect(
        stack.database_url("backup"), server_settings={"search_path": "backup"}
    )
    try:
        (row,) = await connection.fetch(
            "SELECT (SELECT count(*) FROM runs), count(*), count(*) FILTER (WHERE state = 'erased')"
            " FROM objects"
        )
        return tuple(row)
    finally:
        await connection.close()


async def test_a_lost_database_comes_back_whether_the_district_runs_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RW_LANG", "en")
    state = tmp_path / "state"
    (tmp_path / "district.toml").write_text(
        f'[district]\nname = "示范区"\n[[schools]]\nid = "{SCHOOL}"\nname = "第一小学"\nstorage = "x"\n'
    )
    stack = Stack(state, tmp_path / "district.toml")
    store = Store(stack.s3)
    site = Site(tmp_path / "site", SCHOOL, store)
    async with stack.s3:
        await asyncio.to_thread(store.admin.make_bucket, f"rw-footage-{SCHOOL}", object_lock=True)
        told = await a_past(site, store)
    where = ("--state", str(state), "--district", str(tmp_path / "district.toml"))

    code, out, err = await command(*where, "--json")
    assert (code, err) == (1, ""), "something is missing under lock"
    (found,) = json.loads(out)
    assert (found["school"], found["records"], found["copies"], found["missing"]) == (SCHOOL, 3, 3, 1)

    with hold(state):
        async with stack.stores():
            assert await ledger_rows(stack) == (len(told.runs), len(told.stored) + 1, 1)
            code, out, err = await command(*where, SCHOOL)
            assert (code, err) == (0, ""), "what is missing is known by now, and waits to be read"
            assert out.startswith("s001: 3 backup records, 3 copies")
            assert await ledger_rows(stack) == (len(told.runs), len(told.stored) + 1, 1)

    code, _, err = await command(*where, "s999")
    assert (code, "s999" in err, "Traceback" in err) == (2, True, False)


async def test_what_cannot_be_done_is_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RW_LANG", "en")
    monkeypatch.delenv("RW_DATABASE_URL", raising=False)
    code, out, err = await command("--state", str(tmp_path))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "no district ever ran" in err
    code, out, err = await command()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "RW_DATABASE_URL" in err
