"""All that the inspector writes down: the state of each school, and what the files beside this one say."""

from reelwarden_common.envelope import Envelope
from reelwarden_common.events import access, backup, report, retention
from reelwarden_report.district.inspector.as_json import as_json
from reelwarden_report.district.inspector.cases import Cases
from reelwarden_report.district.inspector.finding_work import FindingWork
from reelwarden_report.district.inspector.findings import Column
from reelwarden_report.district.inspector.footage import Footage
from reelwarden_report.district.inspector.letters import Letters
from reelwarden_report.district.inspector.violation_work import ViolationWork


class InspectorStore(Footage, Cases, Letters, FindingWork, ViolationWork):
    """One transaction of the inspector."""

    async def know(self, school: str, **columns: Column) -> None:
        """Set columns of the school's state, making its row at first sight."""
        names = list(columns)
        slots = "".join(f", ${n}" for n in range(3, 3 + len(names)))
        settings = ", ".join(f"{name} = excluded.{name}" for name in names) or "school = excluded.school"
        await self.conn.execute(
            f"INSERT INTO school_state (school, first_heard{''.join(', ' + n for n in names)})"  # noqa: S608 - names of ours
            f" VALUES ($1, $2{slots}) ON CONFLICT (school) DO UPDATE SET {settings}",
            school,
            self.clock(),
            *columns.values(),
        )

    async def count(self, school: str, **more: int) -> None:
        """Add to the counters of the school's state."""
        await self.know(school)
        settings = ", ".join(f"{name} = {name} + ${n}" for n, name in enumerate(more, 2))
        await self.conn.execute(
            f"UPDATE school_state SET {settings} WHERE school = $1",  # noqa: S608 - names of ours
            school,
            *more.values(),
        )

    async def alive(self, school: str, event: report.SiteAlive) -> None:
        """A pulse; one that claims to be from the future counts as of now."""
        await self.know(school, software=event.software, clock_believed=event.clock_believed)
        await self.conn.execute(
            "UPDATE school_state SET alive_at = greatest(alive_at, $2), clock_doubt = $3,"
            " clock_doubted_at = CASE WHEN clock_believed THEN NULL ELSE coalesce(clock_doubted_at, $4) END"
            " WHERE school = $1",
            school,
            min(event.at, self.clock()),
            event.clock_doubt,
            self.clock(),
        )

    async def plan_refused(self, envelope: Envelope, event: retention.PlanRefused) -> None:
        await self.conn.execute(
            "INSERT INTO plan_refusal VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            envelope.school,
            envelope.id,
            event.version,
            event.reason,
            envelope.time,
        )

    async def sweep_stopped(self, envelope: Envelope, event: retention.SweepStopped) -> None:
        await self.conn.execute(
            "INSERT INTO sweep_stop (school, sweep, reason, segments, bytes, at)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            envelope.school,
            event.sweep,
            event.reason,
            event.segments,
            event.bytes,
            envelope.time,
        )

    async def sweep_confirmed(self, envelope: Envelope, event: access.SweepConfirmed) -> None:
        await self.conn.execute(
            "UPDATE sweep_stop SET confirmed_by = $3, confirmed_at = $4 WHERE school = $1 AND sweep = $2",
            envelope.school,
            event.sweep,
            event.actor,
            envelope.time,
        )

    async def backup_run(self, school: str, run: backup.RunRecorded) -> None:
        """One backup record (R4.1)."""
        await self.conn.execute(
            "INSERT INTO backup_run VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
            school,
            run.run,
            run.started_at,
            run.ended_at,
            run.kind,
            as_json(run.spans),
            run.objects,
            run.bytes,
            run.place,
            as_json(run.exceptions),
        )

    async def corrupt(self, school: str, event: backup.ObjectCorrupt) -> None:
        await self.conn.execute(
            "INSERT INTO corrupt_object (school, segment, camera, key, reason, at)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (school, segment) DO UPDATE"
            " SET key = excluded.key, reason = excluded.reason, at = excluded.at, verified_at = NULL",
            school,
            event.segment,
            event.camera,
            event.key,
            event.reason,
            self.clock(),
        )

    async def verified(self, school: str, event: backup.ObjectVerified) -> list[str]:
        """Count what was read back; returns the segments whose copy was corrupt before."""
        await self.count(school, read_back=len(event.objects))
        await self.know(school, read_back_at=event.verified_at)
        rows = await self.conn.fetch(
            "UPDATE corrupt_object SET verified_at = $3 WHERE school = $1 AND segment = ANY($2)"
            " AND verified_at IS NULL RETURNING segment",
            school,
            list(event.objects),
            self.clock(),
        )
        return [row["segment"] for row in rows]

    async def drill(self, school: str, event: backup.DrillCompleted) -> None:
        await self.conn.execute(
            "INSERT INTO drill VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            school,
            event.drill,
            event.sampled,
            event.restored,
            self.clock(),
        )
