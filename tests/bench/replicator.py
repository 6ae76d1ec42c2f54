"""Copying footage into the store and reading it back, against rclone, on the same files and the same store.

Ours is replicator and ledger as they run: digest and lock with each object, a row and an event each, then
every object read back and hashed again. The reference is `rclone copy --checksum`, then
`rclone check --download`. Both with as many transfers, into a bucket of their own of the same kind.
"""

import asyncio
import os
import secrets
import time
from pathlib import Path
from statistics import harmonic_mean
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg

from reelwarden_common.events.ingest import Segment, SegmentsRecorded
from reelwarden_local.servers import Postgres, SeaweedFS
from reelwarden_local.servers.process import binary_beside_python
from tests.support.backup import Clock, Site, Store, identities, ledger, make_schema

FILES, SIZE = 48, 3_750_000
"""Ten seconds at 3 Mbit/s each."""
TRANSFERS = 4
ROUNDS = 3
TARGET = 1.0


def run() -> dict[str, Any]:
    """Megabytes a second, stored and read back, of the middle one of some rounds.

    In each round the reference runs before and after ours, so that what else the machine does weighs on both.
    """
    return asyncio.run(_run())


async def _run() -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        async with SeaweedFS(root / "store", identities()) as server, Postgres(root / "postgres") as database:
            store = Store(server)
            url = await make_schema(database.admin_url())
            site = Site(root / "site", await store.school(), store)
            footage = [site.record(body=secrets.token_bytes(SIZE), name=f"{n}.mp4")[0] for n in range(FILES)]
            rounds = []
            for number in range(ROUNDS):
                again = Site(root / f"site-{number}", await store.school(), store)
                for one in footage:
                    os.link(site.storage / one.locator, again.storage / one.locator)
                before = await _rclone(store, site.storage)
                ours = await _ours(store, again, footage, url)
                rounds.append((ours, harmonic_mean((before, await _rclone(store, site.storage)))))
    ours, reference = sorted(rounds, key=lambda pair: pair[0] / pair[1])[ROUNDS // 2]
    return {
        "name": "replicator",
        "ours": round(ours, 1),
        "reference": round(reference, 1),
        "ratio": round(ours / reference, 3),
        "target": TARGET,
        "ok": ours / reference >= TARGET,
    }


async def _rclone(store: Store, storage: Path) -> float:
    school = await store.school()
    s3 = store.settings(f"site-{school}")
    said = {
        "TYPE": "s3",
        "PROVIDER": "SeaweedFS",
        "ENDPOINT": f"http://{s3.endpoint}",
        "ACCESS_KEY_ID": s3.access_key,
        "SECRET_ACCESS_KEY": s3.secret_key.get_secret_value(),
        "NO_CHECK_BUCKET": "true",
    }
    environment = os.environ | {f"RCLONE_CONFIG_STORE_{name}": value for name, value in said.items()}
    environment["RCLONE_CONFIG"] = "/dev/null"
    place = (str(storage), f"store:rw-footage-{school}")
    many = ("--transfers", str(TRANSFERS), "--checkers", str(TRANSFERS))
    began = time.perf_counter()
    for act in (("copy", "--checksum"), ("check", "--download")):
        command = (binary_beside_python("rclone"), *act, *many, *place)
        child = await asyncio.create_subprocess_exec(
            *map(str, command), env=environment, stderr=asyncio.subprocess.PIPE
        )
        _, told = await child.communicate()
        if child.returncode:
            raise RuntimeError(told.decode())
    seconds = time.perf_counter() - began
    _expect(len(await asyncio.to_thread(store.versions, school)))
    return FILES * SIZE / seconds / 1e6


async def _ours(store: Store, site: Site, footage: list[Segment], url: str) -> float:
    """One replicator and one ledger, their loops turned one after the other as rclone's two commands are."""
    events = [SegmentsRecorded(segments=tuple(footage[n : n + 24])) for n in range(0, FILES, 24)]
    async with site.replicator() as replicator, ledger(url, store, Clock()) as reader:
        reader.school = site.school
        began = time.perf_counter()
        for event in events:
            await replicator.hear(event)
        await replicator.turn("store")
        for told in await replicator.said():
            await reader.hear(told)
        await reader.turn("verify")
        await replicator.turn("record")
        seconds = time.perf_counter() - began
    connection = await asyncpg.connect(url, server_settings={"search_path": "backup"})
    try:
        _expect(
            await connection.fetchval(
                "SELECT count(*) FROM objects WHERE school = $1 AND state = 'verified'", site.school
            )
        )
    finally:
        await connection.close()
    return FILES * SIZE / seconds / 1e6


def _expect(found: int) -> None:
    if found != FILES:
        message = f"{found} of {FILES} files arrived"
        raise RuntimeError(message)
