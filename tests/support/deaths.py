"""A district and a school at work whose processes die at named steps, and what must hold afterwards."""

import asyncio
import hashlib
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import asyncpg
import pytest

from reelwarden_common.clock import system_clock
from reelwarden_common.db import migrate
from reelwarden_common.events.access import SweepConfirmed
from reelwarden_common.events.backup import ObjectsStored, ObjectVerified
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.retention import HoldInForce, PlanIssued, SweepStopped
from reelwarden_common.identity import segment_id
from reelwarden_common.messaging import declare
from reelwarden_local.roles import module_of
from reelwarden_local.servers import Postgres, SeaweedFS
from reelwarden_retention.shapes import Plan
from tests.support.backends import DATABASE_PASSWORD, unique
from tests.support.backup import Store, identities
from tests.support.fates import Step, fates, write_fates
from tests.support.ingest import until
from tests.support.retention import filed
from tests.support.s3_front import Front
from tests.support.town import Film, MovedRole, Town, town

SCHOOL = "s001"
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
OLD = system_clock().replace(hour=8, minute=0, second=0, microsecond=0) - 40 * DAY
YOUNG = OLD + 30 * DAY
QUICK = {
    "RW_TURN_SECONDS": "0.2",
    "RW_RUN_SECONDS": "0.5",
    "RW_BACKLOG_SECONDS": "0.5",
    "RW_VERIFY_SECONDS": "0.3",
    "RW_BRAKE_SEGMENTS": "1000",
}
KEYS = {"ledger": "ledger", "replicator": f"site-{SCHOOL}", "exporter": "admin"}
"""Whose keys to the store a role has."""
PAST_CLAIM = timedelta(minutes=31)
"""How long a dead ledger's claim keeps others from reading a copy, and a minute."""


Version = tuple[str, str]
"""Segment and object version."""


class Deaths:
    """The world of these tests: started once, used by many rounds, every round looked at as a whole."""

    def __init__(self, town: Town, store: Store, front: Front, postgres: Postgres) -> None:
        self.town, self.store, self.front, self.postgres = town, store, front, postgres
        self.steps: Mapping[str, Sequence[Step]] = {}
        """Per role, where it may die."""
        self.due: list[Film] = []
        self.held: list[Film] = []
        self.young: list[Film] = []
        self.causes: list[str] = []
        self._rounds = 0
        self._admin: asyncpg.Connection | None = None

    # roles

    async def start(self, role: str) -> MovedRole:
        """Start a role that may die at its steps."""
        made = self._role(role)
        await made.start()
        return made

    def arm(self, deaths: Mapping[str, Sequence[Step]]) -> None:
        """Let each role die once at each of its steps, in whatever order it comes to them."""
        for role, steps in deaths.items():
            lines = [
                f"{one.when} {_full(role, one.function)} {one.nth} {one.signal.name} {one.words}"
                for one in steps
            ]
            write_fates(self._fates(role), lines)

    async def all_died(self) -> None:
        """Wait until nobody has to die any more; what is held is there all the time."""

        async def over() -> bool:
            self.held_files_are_there()
            return not any(self.to_come())

        try:
            await until(over, seconds=120)
        except TimeoutError:
            raise AssertionError(f"did not come to {self.to_come()}") from None

    def to_come(self) -> list[str]:
        return [fate for role in self.steps for fate in fates(self._fates(role))]

    @contextmanager
    def standing_still(self, role: str) -> Iterator[None]:
        """A process that is not scheduled for a while."""
        pid = self.child(role)
        os.kill(pid, SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, SIGCONT)

    def child(self, role: str) -> int:
        """The process that does the work: its parent forks it; see `dying`."""
        [pid] = children(self.town.running[role].pid or 0)
        return pid

    def _role(self, role: str) -> MovedRole:
        inside: Sequence[str] = ()
        more = dict(QUICK)
        if role in KEYS:
            s3 = self.store.settings(KEYS[role])
            more["RW_S3_ENDPOINT"] = self.front.endpoint
            more["RW_S3_ACCESS_KEY"] = s3.access_key
            more["RW_S3_SECRET_KEY"] = s3.secret_key.get_secret_value()
        if role in self.steps:
            functions = sorted({_full(role, one.function) for one in self.steps[role]})
            more |= {"TEST_STEPS": " ".join(functions), "TEST_FATES": str(self._fates(role))}
            inside = (sys.executable, "-m", "tests.support.dying")
        school = SCHOOL if role in ("scanner", "reaper", "replicator", "exporter") else None
        made = self.town.role(role, school, **more)
        made.inside = inside
        return made

    def _fates(self, role: str) -> Path:
        return self.town.folder / f"{role}.fates"

    # what happens

    async def hold(self) -> CameraSpan:
        """Somebody applies for ten seconds of long ago; returns once the school goes by a plan with them."""
        self._rounds += 1
        start = OLD + self._rounds * 10 * MINUTE
        span = CameraSpan(camera="gate", start=start, end=start + MINUTE / 6)
        self.causes.append(cause := unique("a"))
        await self.town.say("desk", SCHOOL, filed(cause, [span], system_clock() + 30 * DAY))
        return span

    async def hold_is_known(self) -> None:
        """The school goes by a plan that has every hold."""

        async def known() -> bool:
            db = await self.admin()
            holds = await db.fetchval("SELECT count(*) FROM retention.holds")
            query = "SELECT version = (SELECT max(version) FROM retention.plans) FROM retention.sites"
            return bool(holds == len(self.causes) and await db.fetchval(query))

        await until(known, seconds=90)

    def film(self, span: CameraSpan) -> None:
        """Files come to light: one that is held, one that is due, and one that is neither."""
        self.held.append(self.town.film(SCHOOL, span.start))
        self.due.append(self.town.film(SCHOOL, span.start + 5 * MINUTE))
        self.young.append(self.town.film(SCHOOL, YOUNG + self._rounds * MINUTE))

    async def round(self, *, copied_first: bool = False) -> None:
        """All of it; `copied_first`: nothing is erased before it was copied."""
        span = await self.hold()
        await self.hold_is_known()
        if not copied_first:
            self.film(span)
            return
        with self.standing_still("reaper"):
            self.film(span)

            async def copied() -> bool:
                return any(self.due[-1].id in key for key, _ in await self._versions())

            await until(copied)

    # what must hold

    @property
    def kept(self) -> list[Film]:
        return [*self.held, *self.young]

    def held_files_are_there(self) -> None:
        """Invariant 1: also at the moment of a death, in one of the places where a file can lie."""
        ours = self.town.storage(SCHOOL) / ".reelwarden"
        for film in self.held:
            places = [film.path, ours / "trash" / film.id, film.path]  # it may be put back while we look
            assert any(is_whole(film, place) for place in places), f"held footage is gone: {film.path}"

    async def all_is_well(self) -> None:
        """Wait until the world has come to rest, and look at every invariant."""
        with suppress(TimeoutError):  # what is wrong then is said better below
            await until(self._is_at_rest, seconds=90, every=0.2)
        await self.every_file_is_whole_or_certified_exactly_once()
        await self.every_hold_is_in_force()
        await self.every_object_is_stored_once_and_readable()
        await self.what_was_said_is_what_was_committed()
        assert await self.town.letters() == []
        assert await self._is_at_rest()

    async def _is_at_rest(self) -> bool:
        """The district knows all, nothing waits to be said."""
        db = await self.admin()
        rows = await db.fetch("SELECT encode(id, 'hex') AS id, status FROM ingest.segments")
        copies = await db.fetch("SELECT segment, state FROM backup.objects WHERE state <> 'erased'")
        waiting = await db.fetchval(
            "SELECT (SELECT count(*) FROM ingest.outbox) + (SELECT count(*) FROM retention.outbox)"
            " + (SELECT count(*) FROM backup.outbox)"
        )
        certified = await db.fetch("SELECT encode(id, 'hex') AS id FROM ingest.erasures WHERE matched")
        status = Counter({(film.id, "recorded"): 1 for film in self.kept})
        status |= Counter({(film.id, "erased"): 1 for film in self.due})
        vault = self.town.storage(SCHOOL) / ".reelwarden/vault/gate"
        return (
            waiting == 0
            and Counter((row["id"], row["status"]) for row in rows) == status
            and sorted(row["id"] for row in certified) == sorted(film.id for film in self.due)
            and sorted((r["segment"], r["state"]) for r in copies)
            == sorted((film.id, "verified") for film in self.kept)
            and sum(not one.name.startswith(".") for one in vault.glob("*")) == len(self.held)
            and len(await self._versions()) == len(self.kept)
        )

    async def every_file_is_whole_or_certified_exactly_once(self) -> None:
        """Invariants 2 and 3, and one row for each in the index."""
        certified = await self.town.erased(SCHOOL, SCHOOL)
        assert sorted(certified) == sorted(film.id for film in self.due)
        assert sorted(await self.town.erased(SCHOOL)) == sorted(certified)
        assert all(is_whole(film, film.path) for film in self.kept)
        assert not any(film.path.exists() for film in self.due)
        assert list((self.town.storage(SCHOOL) / ".reelwarden/trash").glob("*")) == []
        recorded = await self.town.recorded(SCHOOL)
        assert set(recorded) == {film.id for film in [*self.kept, *self.due]}

    async def every_hold_is_in_force(self) -> None:
        """Invariant 1: the site says so, and its vault has the content of each file."""
        vault = self.town.storage(SCHOOL) / ".reelwarden/vault/gate"
        assert {one.stem for one in vault.glob("*.mp4")} == {digest_of(film.path) for film in self.held}

        async def told() -> bool:
            events = await self.town.heard(HoldInForce, "SITE", SCHOOL)
            newest = {event.cause: event for event in events}
            return set(newest) == set(self.causes) and all(
                one.complete and one.segments == 1 and not one.gone for one in newest.values()
            )

        await until(told, every=0.3)

    async def every_object_is_stored_once_and_readable(self) -> None:
        """Invariant 7."""
        versions = await self._versions()
        assert sorted(Path(key).stem for key, _ in versions) == sorted(film.id for film in self.kept)
        for film in self.kept[-3:]:
            [key] = [key for key, _ in versions if film.id in key]
            assert self._read(key) == film.path.read_bytes()
        told, known, erased = await self._told_and_known()
        left = known - told
        assert told <= known, f"told and not known: {told - known}"
        assert left <= erased, f"known, never told, and still there: {left - erased}"
        verified = await self.town.heard(ObjectVerified, "OFFICE", SCHOOL)
        once = Counter(segment for event in verified for segment in event.objects)
        assert set(once.values()) == {1}
        assert {film.id for film in self.kept} <= set(once)

    async def _told_and_known(self) -> tuple[Counter[Version], Counter[Version], Counter[Version]]:
        """Versions told as stored, those that the ledger knows, and of them those that were erased.

        One that a refused answer left behind beside another is never told as stored, and erased again.
        """
        stored = await self.town.heard(ObjectsStored, "SITE", SCHOOL, SCHOOL)
        told = Counter((o.segment, o.object_version) for event in stored for o in event.objects)
        db = await self.admin()
        rows = await db.fetch("SELECT segment, object_version, state FROM backup.objects")
        known = Counter((row["segment"], row["object_version"]) for row in rows)
        gone = [row for row in rows if row["state"] == "erased"]
        return told, known, Counter((row["segment"], row["object_version"]) for row in gone)

    async def what_was_said_is_what_was_committed(self) -> None:
        """Invariant 5, on the district's decisions: one chain of plans, as it is in the keeper's tables."""
        issued = await self.town.heard(PlanIssued, "DISTRICT", SCHOOL)
        plans = [Plan.model_validate_json(event.plan) for event in issued]
        assert [plan.previous for plan in plans] == [None, *(event.digest for event in issued[:-1])]
        db = await self.admin()
        rows = await db.fetch("SELECT digest FROM retention.plans ORDER BY epoch, version")
        assert [row["digest"] for row in rows] == [event.digest for event in issued]
        causes = await db.fetch("SELECT cause FROM retention.holds")
        assert sorted(row["cause"] for row in causes) == sorted(self.causes)
        assert sorted(one.cause for one in plans[-1].holds) == sorted(self.causes)

    async def _versions(self) -> list[tuple[str, str]]:
        return await asyncio.to_thread(self.store.versions, SCHOOL)

    def _read(self, key: str) -> bytes:
        with self.store.admin.get_object(f"rw-footage-{SCHOOL}", key) as answer:
            return bytes(answer.data)

    async def admin(self) -> asyncpg.Connection:
        """One connection behind everybody's back; made anew where the server was killed."""
        if self._admin is None or self._admin.is_closed():
            self._admin = await self.town.admin()
        return self._admin


def _full(role: str, function: str) -> str:
    return function if function.startswith("reelwarden") else module_of(role).removesuffix("app") + function


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def is_whole(film: Film, path: Path) -> bool:
    """Whether a place has a file with the content that was recorded: the id is made of it."""
    return path.exists() and segment_id(SCHOOL, film.camera, film.start, digest_of(path)) == film.id


@asynccontextmanager
async def deaths(folder: Path, steps: Mapping[str, Sequence[Step]]) -> AsyncIterator[Deaths]:
    """Servers and roles at work, the first sweep confirmed."""
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(declare, "ACK_WAIT", timedelta(seconds=2))  # what a killed process held comes soon
        postgres = await stack.enter_async_context(Postgres(folder / "postgres", quick=True))
        s3 = await stack.enter_async_context(SeaweedFS(folder / "s3", identities()))
        front = await stack.enter_async_context(Front())
        front.store = s3.endpoint
        store = Store(s3)
        assert await store.school() == SCHOOL
        database = postgres.admin_url()
        await migrate(database, "backup", DATABASE_PASSWORD)
        place = await stack.enter_async_context(town(folder, database, (SCHOOL,)))
        made = Deaths(place, store, front, postgres)
        made.steps = steps
        await asyncio.gather(*(made.start(role) for role in ("intake", "index", "keeper", "ledger")))
        made.film(await made.hold())
        await asyncio.gather(*(made.start(role) for role in ("scanner", "reaper", "replicator")))
        [stopped, *_] = await place.wait(SweepStopped, "SITE", SCHOOL)
        await place.say("desk", SCHOOL, SweepConfirmed(sweep=stopped.sweep, actor="a-9"))
        await made.all_is_well()
        yield made
