"""`reelwarden fsck`, as operators run it, against a district with one school at work and one cut off."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from datetime import timedelta
from pathlib import Path
from typing import Any

from reelwarden_common.clock import system_clock
from reelwarden_common.db import migrate
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import SegmentAltered
from reelwarden_common.events.retention import HoldInForce
from reelwarden_local.fsck_run import OWNERS
from reelwarden_local.servers import SeaweedFS
from tests.support.backends import DATABASE_PASSWORD
from tests.support.backup import Store, identities
from tests.support.ingest import until
from tests.support.retention import filed
from tests.support.town import Film, Town, town

SCHOOL, CUT_OFF = "s001", "s002"
TEN = timedelta(seconds=10)
START = system_clock().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)

FILMS = [START + day * timedelta(days=1) + n * TEN for day in range(2) for n in range(4)]


class Shell:
    """Runs the command as a process of its own, in English."""

    def __init__(self, place: Town) -> None:
        self._state, self._progress = str(place.folder), str(place.folder / "fsck.json")

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        where = ("--state", self._state, "--progress", self._progress, "--settle", "1")
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "reelwarden_local.cli", "fsck", *where, *words),
            stdout=PIPE,
            stderr=PIPE,
            env={**os.environ, "RW_LANG": "en"},
        )

    async def __call__(self, *words: str) -> tuple[int, str, str]:
        process = await self.start(*words)
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    async def found(self, *words: str) -> dict[str, dict[str, Any]]:
        """What is told for scripts, by `<school>/<role>`."""
        code, out, err = await self(*words, "--json")
        assert code in (0, 1, 2), err
        return {f"{part['school']}/{part['role']}": part for part in json.loads(out)["parts"]}


def kinds(found: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """By part; what the scanner found to differ it reads again, and from then on knows to be altered."""
    told = {
        name: sorted(one["kind"].replace("digest-differs", "altered") for one in part["differences"])
        for name, part in found.items()
    }
    return {name: some for name, some in told.items() if some}


async def at_work(place: Town, store: Store) -> list[Film]:
    """Everything that owns something runs, and has two days of a camera, of which a part is held."""
    films = [place.film(SCHOOL, start) for start in FILMS]
    await asyncio.to_thread(store.admin.make_bucket, f"rw-footage-{SCHOOL}", object_lock=True)
    span = CameraSpan(camera="gate", start=films[0].start, end=films[1].end)
    await place.start("intake", "index", "keeper")
    await place.start("ledger", **s3(store, "ledger"), RW_VERIFY_SECONDS="0.5")
    await place.start("scanner", "reaper", school=SCHOOL)
    await place.start("replicator", school=SCHOOL, **s3(store, f"site-{SCHOOL}"), RW_RUN_SECONDS="1")
    await place.say("desk", SCHOOL, filed("a-1", [span], system_clock() + timedelta(days=30)))
    return films


def s3(store: Store, name: str) -> dict[str, str]:
    own = store.settings(name)
    return {
        "RW_S3_ENDPOINT": own.endpoint,
        "RW_S3_ACCESS_KEY": own.access_key,
        "RW_S3_SECRET_KEY": own.secret_key.get_secret_value(),
    }


async def everything_is_there(place: Town) -> None:
    """Until all films went all the way, and the held ones into the vault."""
    db = await place.admin()

    async def copied() -> bool:
        done = await db.fetchval("SELECT count(*) FROM backup.objects WHERE state = 'verified'")
        return bool(done == len(FILMS))

    async def held() -> bool:
        return any(one.complete for one in await place.heard(HoldInForce, "SITE", SCHOOL))

    await until(copied, seconds=180)
    await until(held)


def rot(path: Path) -> None:
    before, content = path.stat(), bytearray(path.read_bytes())
    content[-1] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


async def forget(place: Town, table: str, column: str, value: object) -> None:
    admin = await place.admin()
    assert await admin.execute(f"DELETE FROM {table} WHERE {column} = $1", value) == "DELETE 1"


async def test_damage_everywhere_is_told_by_kind_resumed_mended_and_told_again(
    tmp_path: Path, fresh_database: str
) -> None:
    await migrate(fresh_database, "backup", DATABASE_PASSWORD)
    async with (
        SeaweedFS(tmp_path / "s3", identities()) as server,
        town(tmp_path, fresh_database, (SCHOOL, CUT_OFF)) as place,
    ):
        films = await at_work(place, Store(server))
        shell = Shell(place)
        await everything_is_there(place)
        shown: dict[str, str] = {}

        async def well() -> bool:
            code, shown["out"], shown["err"] = await shell("--depth", "digest")
            return code == 2

        await until(well, every=1)
        assert f"not all seen of {CUT_OFF}/scanner: " in shown["out"]
        assert shown["out"].splitlines()[-1].endswith(" checked, 0 differ, 3 part(s) not all seen")
        assert "s001/scanner 8 checked, " in shown["err"]

        lost, rotten, unlisted, uncopied = films[4], films[5], films[2], films[7]
        lost.path.unlink()
        rot(rotten.path)
        await forget(place, "ingest.segments", "id", bytes.fromhex(unlisted.id))
        await forget(place, "backup.objects", "segment", uncopied.id)
        (vaulted,) = [one for one in (tmp_path / "recordings").rglob("vault/gate/*") if is_of(one, films[0])]
        vaulted.unlink()

        async def noticed() -> bool:
            told = kinds(await shell.found("--school", SCHOOL, "--role", "scanner", "--settle", "0"))
            return told == {"s001/scanner": ["lost"]}

        await until(noticed, every=1)
        stopped = await shell.start("--school", SCHOOL, "--depth", "digest", "--rate", "1")
        assert stopped.stderr
        await stopped.stderr.readline()
        stopped.send_signal(signal.SIGINT)
        await stopped.communicate()
        expected = {
            "s001/scanner": ["altered", "lost"],
            "s001/reaper": ["vault-missing"],
            "s001/index": ["day-differs"],
            "s001/ledger": ["copies-differ", "copy-unknown", "record-names-unknown"],
        }
        assert kinds(await shell.found("--resume")) == expected
        rotted = rotten.path.read_bytes()
        found = await shell.found("--resume", "--repair")
        assert kinds(found) == expected
        assert {one["what"] for part in found.values() for one in part["repairs"]} == {
            "put-into-the-vault",
            "is-said-again",
            "is-taken-in",
        }

        async def mended() -> bool:
            code, shown["out"], _ = await shell("--school", SCHOOL, "--depth", "digest")
            assert code == 1
            return "known to be altered: 1\n" in shown["out"] and shown["out"].endswith("2 differ\n")

        await until(mended, seconds=120, every=1)
        assert rotten.path.read_bytes() == rotted
        assert len(await place.heard(SegmentAltered, "FOOTAGE", SCHOOL, SCHOOL)) == 1
        assert "scanner: known to be lost before its day: 1\n" in shown["out"]
        assert f"gate {rotten.start:%Y-%m-%dT%H:%M:%SZ}" in shown["out"]


def is_of(path: Path, film: Film) -> bool:
    return path.read_bytes() == film.path.read_bytes()


async def test_what_cannot_be_asked_is_said(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "reelwarden_local.cli", "fsck", "--state", str(tmp_path)),
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "RW_LANG": "en"},
    )
    _, err = await process.communicate()
    assert process.returncode == 2
    assert "nothing runs on" in err.decode()
    assert list(OWNERS) == ["scanner", "reaper", "replicator", "index", "ledger"]
