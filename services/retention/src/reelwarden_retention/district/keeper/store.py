"""The keeper's tables, and the one way that a plan leaves: numbered, signed, stored and published at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import TypeAdapter

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.errors import Refused
from reelwarden_common.events.base import Id
from reelwarden_common.events.report import KeyChanged
from reelwarden_common.events.retention import Hold
from reelwarden_common.messaging.postgres import Connection
from reelwarden_common.messaging.units import Store
from reelwarden_retention.district.keeper.domain import HoldState, KeptHold
from reelwarden_retention.shapes import (
    MAX_HOLDS,
    CameraPolicy,
    Plan,
    Release,
    signed,
)

CONFIRMATION_TRAVELS = timedelta(days=30)
"""How long a confirmed sweep stays in the plans: longer than a school is usually cut off."""

_PUT_HOLD = """
    INSERT INTO holds (school, id, cause, state, body, ends_at, released_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (school, id) DO UPDATE
    SET state = excluded.state, body = excluded.body, ends_at = excluded.ends_at,
        released_at = excluded.released_at
"""
_SITE_GOES_BY = """
    INSERT INTO sites (school, epoch, version, digest, said_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (school) DO UPDATE
    SET epoch = excluded.epoch, version = excluded.version, digest = excluded.digest,
        said_at = excluded.said_at
"""


_POLICIES = TypeAdapter(tuple[CameraPolicy, ...])


_NEWEST = """
    SELECT epoch, version, digest, issued_at, text, key FROM plans WHERE school = $1
    ORDER BY epoch DESC, version DESC LIMIT 1
"""


@dataclass(frozen=True)
class Issued:
    """A plan as it was signed; its numbers are at hand without reading its text."""

    epoch: int
    version: int
    digest: str
    """Of the text as it is: a later release of ours may write the same plan differently."""
    issued_at: datetime
    text: str
    key: str
    """By which it was signed."""

    @property
    def plan(self) -> Plan:
        """What it says."""
        return Plan.model_validate_json(self.text)


@dataclass(frozen=True)
class Office:
    """What the keeper signs with, and how long a release stays visible."""

    key: Ed25519PrivateKey
    release_delay: timedelta
    clock: Clock = system_clock


class KeeperStore(Store):
    """One transaction on the keeper's tables."""

    def __init__(self, conn: Connection, office: Office) -> None:
        super().__init__("keeper", office.clock)
        self._conn = conn
        self.office = office

    async def lock(self, school: str) -> None:
        """Let nobody else decide for this school until the transaction ends.

        Two replicas that each read the newest plan and issued the next would issue one version twice.
        """
        await self._conn.execute("SELECT pg_advisory_xact_lock(hashtext('keeper'), hashtext($1))", school)

    # applications

    async def application_version(self, school: str, application: Id) -> int:
        """How far an application's events were applied; 0: it was not heard of."""
        query = "SELECT version FROM applications WHERE school = $1 AND id = $2"
        return int(await self._conn.fetchval(query, school, application) or 0)

    async def application_reached(self, school: str, application: Id, version: int) -> None:
        await self._conn.execute(
            "INSERT INTO applications (school, id, version) VALUES ($1, $2, $3)"
            " ON CONFLICT (school, id) DO UPDATE SET version = excluded.version",
            school,
            application,
            version,
        )

    # holds

    async def hold(self, school: str, hold: Id) -> KeptHold | None:
        """One hold by its id."""
        row = await self._conn.fetchrow("SELECT * FROM holds WHERE school = $1 AND id = $2", school, hold)
        return None if row is None else _kept(row["body"], row["state"], row["released_at"])

    async def holds_of(self, school: str, cause: Id) -> list[KeptHold]:
        """The holds of an application, extension, case or freeze."""
        query = "SELECT * FROM holds WHERE school = $1 AND cause = $2 ORDER BY id"
        rows = await self._conn.fetch(query, school, cause)
        return [_kept(row["body"], row["state"], row["released_at"]) for row in rows]

    async def put_hold(self, school: str, kept: KeptHold) -> None:
        await self._conn.execute(
            _PUT_HOLD,
            school,
            kept.hold.id,
            kept.hold.cause,
            kept.state,
            kept.hold.model_dump_json(),
            kept.hold.until,
            kept.released_at,
        )

    async def ended(self, now: datetime, limit: int) -> list[tuple[str, Id]]:
        """School and id of holds past their end date that were not said to have lapsed."""
        query = "SELECT school, id FROM holds WHERE ends_at <= $1 AND state <> 'lapsed' LIMIT $2"
        rows = await self._conn.fetch(query, now, limit)
        return [(row["school"], row["id"]) for row in rows]

    async def _unended(self, school: str, now: datetime) -> list[KeptHold]:
        query = "SELECT * FROM holds WHERE school = $1 AND ends_at > $2 AND state <> 'lapsed' ORDER BY id"
        rows = await self._conn.fetch(query, school, now)
        return [_kept(row["body"], row["state"], row["released_at"]) for row in rows]

    # policies, sweeps, sites

    async def policies(self, school: str) -> tuple[CameraPolicy, ...]:
        """What counts for each camera."""
        query = "SELECT policy FROM policies WHERE school = $1 ORDER BY camera"
        rows = await self._conn.fetch(query, school)
        return _POLICIES.validate_json(f"[{','.join(row['policy'] for row in rows)}]")

    async def put_policies(self, school: str, policies: Sequence[CameraPolicy]) -> None:
        await self._conn.executemany(
            "INSERT INTO policies (school, camera, policy) VALUES ($1, $2, $3)"
            " ON CONFLICT (school, camera) DO UPDATE SET policy = excluded.policy",
            [(school, one.period.camera, one.model_dump_json()) for one in policies],
        )

    async def add_rules(self, version: int, effective_from: datetime, keep_days: int | None) -> None:
        """A version of the rule set; the first word about it stays."""
        await self._conn.execute(
            "INSERT INTO rules VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            version,
            effective_from,
            keep_days,
        )

    async def general_keep_days(self, now: datetime) -> int | None:
        """What the rule set in force says of keep-days; None where it leaves them to `district.toml`."""
        query = "SELECT keep_days FROM rules WHERE effective_from <= $1 ORDER BY version DESC LIMIT 1"
        found: int | None = await self._conn.fetchval(query, now)
        return found

    async def confirm_sweep(self, school: str, sweep: Id) -> None:
        await self._conn.execute(
            "INSERT INTO confirmed_sweeps (school, sweep, confirmed_at) VALUES ($1, $2, $3)"
            " ON CONFLICT DO NOTHING",
            school,
            sweep,
            self.clock(),
        )

    async def site_goes_by(self, school: str, plan: tuple[int, int, str], said_at: datetime) -> None:
        """Remember which plan (epoch, version, digest) a site goes by."""
        await self._conn.execute(_SITE_GOES_BY, school, *plan, said_at)

    # plans

    async def newest(self, school: str) -> Issued | None:
        """The newest plan of a school."""
        row = await self._conn.fetchrow(_NEWEST, school)
        return None if row is None else Issued(**row)

    async def older_than(self, moment: datetime) -> list[str]:
        """Schools whose newest plan was issued before a moment."""
        query = "SELECT school FROM plans GROUP BY school HAVING max(issued_at) < $1 ORDER BY school"
        return [row["school"] for row in await self._conn.fetch(query, moment)]

    async def issue(self, school: str, *, epoch: int | None = None, unless_same: bool = False) -> Plan | None:
        """Sign and publish the school's state as the next plan. Call `lock` before anything was read.

        Args:
            school: whose.
            epoch: start this epoch; otherwise the newest plan's goes on.
            unless_same: issue nothing if the newest plan wants exactly this.

        Raises:
            Refused: more holds than fit into a plan.
        """
        now = self.clock()
        before = await self.newest(school)
        fresh = before is None or epoch is not None
        plan = await self._draft(school, before, epoch, now)
        if unless_same and before is not None and not fresh and plan.wants(before.plan):
            return None
        event = signed(plan, self.office.key)
        await self._conn.execute(
            "INSERT INTO plans (school, epoch, version, digest, text, signature, key, issued_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            school,
            plan.epoch,
            plan.version,
            event.digest,
            event.plan,
            event.signature,
            event.key,
            now,
        )
        self.publish(school, event)
        if before is not None and before.key != event.key:
            self.publish(school, KeyChanged(of="plans", key=event.key, before=before.key))
        return plan

    async def _draft(self, school: str, before: Issued | None, epoch: int | None, now: datetime) -> Plan:
        holds = [kept for kept in await self._unended(school, now) if kept.stands(now) or kept.released_at]
        if len(holds) > MAX_HOLDS:
            raise Refused(
                f"{school} 已有 {len(holds)} 个保全，最多 {MAX_HOLDS} 个 · {school} has {len(holds)} holds, "
                f"at most {MAX_HOLDS} fit into a plan: release some"
            )
        goes_on = before is not None and epoch is None
        query = "SELECT sweep FROM confirmed_sweeps WHERE school = $1 AND confirmed_at > $2 ORDER BY sweep"
        sweeps = await self._conn.fetch(query, school, now - CONFIRMATION_TRAVELS)
        return Plan(
            school=school,
            epoch=epoch or (before.epoch if before else 1),
            version=before.version + 1 if before is not None and goes_on else 1,
            previous=before.digest if before is not None and goes_on else None,
            issued_at=now,
            release_delay_minutes=int(self.office.release_delay.total_seconds() // 60),
            policies=await self.policies(school),
            holds=tuple(kept.hold for kept in holds),
            releases=tuple(
                Release(hold=kept.hold.id, effective_at=kept.released_at)
                for kept in holds
                if kept.released_at is not None
            ),
            confirmed_sweeps=tuple(row["sweep"] for row in sweeps),
        )


def _kept(body: str, state: str, released_at: datetime | None) -> KeptHold:
    return KeptHold(Hold.model_validate_json(body), HoldState(state), released_at)
