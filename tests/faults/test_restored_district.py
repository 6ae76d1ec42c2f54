"""The district's database is set back by a day: nothing is lost by it, and all of it comes back."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg

from reelwarden_common.clock import system_clock
from reelwarden_common.events.access import ApplicationWithdrawn
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.retention import HoldInForce, HoldReleased, PlanApplied
from reelwarden_local.servers.postgres import binary
from tests.support.ingest import until
from tests.support.retention import filed
from tests.support.school_days import DAY, SCHOOL, coming_due, converged, goes_by, open_school
from tests.support.town import Film, Town

ROLES = ("intake", "index", "keeper", "inspector")


async def run(*command: str, stdin: bytes = b"", settings: Mapping[str, str] | None = None) -> bytes:
    """A command of PostgreSQL's or ours.

    Raises:
        AssertionError: it failed; with what it said.
    """
    pipe, environment = asyncio.subprocess.PIPE, {**os.environ, **(settings or {})}
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment
    )
    out, err = await process.communicate(stdin)
    assert process.returncode == 0, err.decode()
    return out


async def dump(place: Town) -> tuple[bytes, datetime]:
    """The backup, and when it was begun."""
    began = system_clock()
    return await run(str(binary("pg_dump")), "--format=custom", place.database), began


async def restore(place: Town, backup: bytes) -> None:
    """Drop the database under everybody's feet and put yesterday's into its place."""
    name = place.database.rsplit("/", 1)[1].partition("?")[0]
    admin = await asyncpg.connect(place.database.replace(f"/{name}?", "/postgres?"))
    try:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.execute(f"CREATE DATABASE {name}")
    finally:
        await admin.close()
    await run(str(binary("pg_restore")), "--exit-on-error", f"--dbname={place.database}", stdin=backup)


async def replayed(place: Town, since: datetime) -> set[str]:
    """The command for it; tells which roles hear something again."""
    settings = {"RW_NATS_URL": place.bus.url(), "RW_NATS_SEED": place.bus.seed("topology")}
    words = ("-m", "reelwarden_common.messaging.replay", "--json", "--since", since.isoformat())
    told = json.loads(await run(sys.executable, *words, settings=settings))
    return {one["role"] for one in told if one["messages"]}


def whole(films: Sequence[Film]) -> CameraSpan:
    return CameraSpan(camera="gate", start=films[0].start, end=films[-1].end)


async def holds(place: Town) -> dict[str, tuple[str, str]]:
    """Per application, what keeper and inspector know of its hold."""
    admin = await place.admin()
    kept = await admin.fetch("SELECT cause, state FROM retention.holds")
    shown = {
        row["cause"]: row["status"] for row in await admin.fetch("SELECT cause, status FROM report.hold")
    }
    return {row["cause"]: (row["state"], shown.get(row["cause"], "")) for row in kept}


async def goes_by_epoch(place: Town, epoch: int) -> bool:
    applied = await place.heard(PlanApplied, "SITE", SCHOOL)
    return applied[-1].epoch == epoch


async def test_a_database_of_yesterday_harms_nothing_and_catches_up(place: Town) -> None:
    """Held, withdrawn, erased and filmed since the backup, and then the backup is all there is.

    The footage of the hold that it does not know comes due before anything is heard again.
    """
    films = await open_school(place)
    after, before = coming_due(place, films, 2), coming_due(place, films, 3)
    spared = frozenset(one.id for one in (*before, *after))
    long = place.district_clock() + 40 * DAY
    await place.say("desk", SCHOOL, filed("before", [whole(before)], long))
    await place.wait(HoldInForce, "SITE", SCHOOL)
    backup, began = await dump(place)
    await place.say("desk", SCHOOL, filed("after", [whole(after)], long))
    await place.wait(HoldInForce, "SITE", SCHOOL, count=2)
    await place.say("desk", SCHOOL, ApplicationWithdrawn(application="before", version=2))
    await place.wait(HoldReleased, "OFFICE", SCHOOL)
    await goes_by(place, films, spared)
    await converged(place, films, spared)
    known = await holds(place)
    assert known == {"before": ("released", "released"), "after": ("asked", "in-force")}

    await asyncio.gather(*(place.running[role].kill() for role in ROLES))
    await restore(place, backup)
    assert set(await holds(place)) == {"before"}
    await asyncio.gather(*(place.running[role].start() for role in ROLES))
    await until(lambda: goes_by_epoch(place, 2))
    assert {name: state for name, (state, _) in (await holds(place)).items()} == {
        "before": "asked",
        "after": "decided",
    }
    await goes_by(place, films, spared)

    assert await replayed(place, began) >= {"index", "keeper", "inspector"}
    await converged(place, films, spared)
    await until(lambda: is_known(place, known))
    await goes_by(place, films, spared)
    assert await goes_by_epoch(place, 2)
    await goes_by(place, films, frozenset(one.id for one in after), days=4)
    await converged(place, films, frozenset(one.id for one in after))
    assert await place.letters() == []


async def is_known(place: Town, wanted: dict[str, tuple[str, str]]) -> bool:
    return await holds(place) == wanted
