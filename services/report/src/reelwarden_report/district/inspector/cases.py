"""What the inspector writes down about holds, applications and refusals: ids and codes, never a name."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reelwarden_common.envelope import Envelope
from reelwarden_common.events import access, retention
from reelwarden_common.web.sign_ins import end_for_good, let_in_again
from reelwarden_report.district.inspector.as_json import as_json
from reelwarden_report.district.inspector.findings import Column, Findings


class Cases(Findings):
    """The tables about who asked for what, and what was done."""

    async def hold(self, school: str, hold: retention.Hold, status: str) -> None:
        """A hold was asked for, approved, or frozen at the school; what is in force stays so."""
        await self.conn.execute(
            'INSERT INTO hold (school, hold, cause, source, camera, start, "end", purpose, until, status,'
            " asked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
            " ON CONFLICT (school, hold) DO UPDATE SET source = excluded.source, camera = excluded.camera,"
            ' start = excluded.start, "end" = excluded."end", purpose = excluded.purpose,'
            " until = greatest(hold.until, excluded.until),"
            " asked_at = coalesce(hold.asked_at, excluded.asked_at),"
            " status = CASE WHEN hold.status IN ('in-force', 'released', 'lapsed') THEN hold.status"
            " ELSE excluded.status END",
            school,
            hold.id,
            hold.cause,
            hold.source.value,
            hold.span.camera,
            hold.span.start,
            hold.span.end,
            hold.purpose,
            hold.until,
            status,
            self.clock(),
        )

    async def extension(self, school: str, event: access.ExtensionFiled) -> None:
        """The number by which people know what a hold serves."""
        await self.conn.execute(
            "INSERT INTO extension VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            school,
            event.extension,
            event.number,
        )

    async def hold_in_force(self, school: str, event: retention.HoldInForce) -> None:
        await self.conn.execute(
            "INSERT INTO hold (school, hold, cause, status, complete, segments, gone, in_force_at)"
            " VALUES ($1, $2, $3, 'in-force', $4, $5, $6, $7)"
            " ON CONFLICT (school, hold) DO UPDATE SET complete = excluded.complete,"
            " segments = excluded.segments, gone = excluded.gone,"
            " in_force_at = coalesce(hold.in_force_at, excluded.in_force_at),"
            " status = CASE WHEN hold.ended_at IS NULL THEN 'in-force' ELSE hold.status END",
            school,
            event.hold,
            event.cause,
            event.complete,
            event.segments,
            as_json(event.gone),
            self.clock(),
        )

    async def hold_ended(self, envelope: Envelope, hold: str, cause: str, status: str, at: datetime) -> None:
        """Released, which counts from `at`, or lapsed; what was said later stays."""
        await self.conn.execute(
            "INSERT INTO hold (school, hold, cause, status, ended_at, said_at)"
            " VALUES ($1, $2, $3, $4, $5, $6)"
            " ON CONFLICT (school, hold) DO UPDATE SET status = excluded.status,"
            " ended_at = excluded.ended_at, said_at = excluded.said_at"
            " WHERE hold.said_at IS NULL OR hold.said_at <= excluded.said_at",
            envelope.school,
            hold,
            cause,
            status,
            at,
            envelope.time,
        )

    async def hold_goes_on(self, envelope: Envelope, hold: str) -> None:
        """It was approved, renewed, or its release was stopped after it was said."""
        await self.conn.execute(
            "UPDATE hold SET said_at = $3, ended_at = NULL, status = CASE WHEN ended_at IS NULL THEN status"
            " WHEN in_force_at IS NULL THEN 'decided' ELSE 'in-force' END"
            " WHERE school = $1 AND hold = $2 AND (said_at IS NULL OR said_at <= $3)",
            envelope.school,
            hold,
            envelope.time,
        )

    async def step(
        self, application: str, step: str, facts: Mapping[str, Any], envelope: Envelope, **state: Column
    ) -> None:
        """One step of an application: ids and codes only; `state` changes the application's row."""
        await self.conn.execute(
            "INSERT INTO application_step VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            envelope.school,
            envelope.id,
            application,
            step,
            as_json(facts),
            envelope.time,
        )
        columns = {"changed_at": envelope.time, **state}
        slots = "".join(f", ${n}" for n in range(3, 3 + len(columns)))
        settings = ", ".join(f"{name} = excluded.{name}" for name in columns)
        await self.conn.execute(
            f"INSERT INTO application (school, application, {', '.join(columns)})"  # noqa: S608 - names of ours
            f" VALUES ($1, $2{slots}) ON CONFLICT (school, application) DO UPDATE SET {settings}",
            envelope.school,
            application,
            *columns.values(),
        )

    async def refused(self, school: str, name: str, at: datetime, event: access.AccessDenied) -> None:
        await self.conn.execute(
            "INSERT INTO refusal VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
            school,
            name,
            event.actor,
            event.act,
            event.rule,
            event.application,
            at,
        )

    async def access_changed(self, event: access.AccessChanged) -> None:
        """The newest word about somebody counts."""
        news = await self.conn.fetchval(
            "INSERT INTO departed (person, allowed, at) VALUES ($1, $2, $3) ON CONFLICT (person) DO UPDATE"
            " SET allowed = excluded.allowed, at = excluded.at WHERE departed.at < excluded.at"
            " RETURNING true",
            event.person,
            event.allowed,
            event.at,
        )
        if news and event.allowed:
            await let_in_again(self.conn, event.person, event.at)
        elif news:
            await end_for_good(self.conn, event.person)

    async def trained(self, school: str, event: access.TrainingCounted) -> None:
        await self.conn.execute(
            "INSERT INTO training_count VALUES ($1, $2, $3, $4, $5) ON CONFLICT (school) DO UPDATE"
            " SET rules_version = excluded.rules_version, people = excluded.people,"
            " acknowledged = excluded.acknowledged, counted_at = excluded.counted_at",
            school,
            event.rules_version,
            event.people,
            event.acknowledged,
            self.clock(),
        )
