"""Plans for a district: read from the keeper's database, drafted, signed and laid into its outbox.

100 schools of 200 cameras with 5,000 holds between them. `ours` is the time for all hundred plans,
`reference` the most that we allow, both in seconds; `change_ms` is what one more hold costs its school.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.retention import CameraPeriod, Hold, HoldSource
from reelwarden_local.servers import Postgres
from reelwarden_retention.district.keeper.domain import HoldState, KeptHold
from reelwarden_retention.shapes import CameraPolicy
from tests.support.retention import District, district

SCHOOLS, CAMERAS, HOLDS = 100, 200, 5000
ROUNDS = 3
ALLOWED = 1.0


def run() -> dict[str, Any]:
    """All plans of a district, the quickest of some rounds."""
    return asyncio.run(_run())


async def _run() -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        async with Postgres(Path(folder)) as server, district(server.admin_url()) as keeper:
            schools = [f"s{n:03}" for n in range(SCHOOLS)]
            for school in schools:
                await _fill(keeper, school)
            rounds = [await _issue(keeper, schools) for _ in range(ROUNDS)]
            changes = [await _change(keeper, school, n) for n, school in enumerate(schools)]
    seconds = min(rounds)
    return {
        "name": "plan",
        "ours": round(seconds, 3),
        "reference": ALLOWED,
        "ratio": round(seconds / ALLOWED, 3),
        "target": 1.0,
        "ok": seconds < ALLOWED,
        "change_ms": round(1000 * median(changes), 1),
        "cameras": SCHOOLS * CAMERAS,
        "holds": HOLDS,
    }


def _hold(number: int, camera: int) -> KeptHold:
    start = datetime.now(UTC) - timedelta(days=2, minutes=number)
    hold = Hold(
        id=f"h-{number:06}",
        source=HoldSource.APPLICATION,
        cause=f"a-{number:06}",
        span=CameraSpan(camera=f"c{camera:03}", start=start, end=start + timedelta(minutes=20)),
        purpose="incident",
        until=start + timedelta(days=60),
    )
    return KeptHold(hold, HoldState.ASKED)


async def _fill(keeper: District, school: str) -> None:
    periods = (
        CameraPeriod(camera=f"c{n:03}", days=30, grace_minutes=720, zone="Asia/Shanghai", managed=True)
        for n in range(CAMERAS)
    )
    async with keeper.units.begin() as store:
        await store.put_policies(school, [CameraPolicy(period=period) for period in periods])
        for number in range(HOLDS // SCHOOLS):
            await store.put_hold(school, _hold(number, number % CAMERAS))


async def _issue(keeper: District, schools: list[str]) -> float:
    """Every school's next plan, each in a transaction of its own."""
    began = time.perf_counter()
    for school in schools:
        async with keeper.units.begin() as store:
            await store.lock(school)
            plan = await store.issue(school)
        if plan is None or len(plan.holds) != HOLDS // SCHOOLS or len(plan.policies) != CAMERAS:
            raise RuntimeError(f"{school} has another plan than it should")
    return time.perf_counter() - began


async def _change(keeper: District, school: str, number: int) -> float:
    """One more hold, and the plan that says so."""
    began = time.perf_counter()
    async with keeper.units.begin() as store:
        await store.lock(school)
        await store.put_hold(school, _hold(HOLDS + number, 0))
        await store.issue(school)
    return time.perf_counter() - began
