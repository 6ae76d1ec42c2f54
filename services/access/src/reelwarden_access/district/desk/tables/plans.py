"""Floor plans, and the cameras on them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from reelwarden_access.district.desk.plan import Mark, Plan
from reelwarden_common.messaging.postgres import Connection


class PlansTable:
    """One plan a school."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def of(self, schools: Collection[str]) -> dict[str, Plan]:
        """The plans of some schools, where there are any."""
        rows = await self._conn.fetch(
            "SELECT school, media_type, width, height, digest FROM floor_plans WHERE school = ANY($1)",
            list(schools),
        )
        return {row["school"]: Plan(**row) for row in rows}

    async def put(self, plan: Plan, picture: bytes, by: str, at: datetime) -> None:
        """Keep a plan in place of the one before; marks stay."""
        await self._conn.execute(
            "INSERT INTO floor_plans (school, picture, media_type, width, height, digest, put_by, put_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (school) DO UPDATE SET"
            " picture = excluded.picture, media_type = excluded.media_type, width = excluded.width,"
            " height = excluded.height, digest = excluded.digest, put_by = excluded.put_by,"
            " put_at = excluded.put_at",
            plan.school,
            picture,
            plan.media_type,
            plan.width,
            plan.height,
            plan.digest,
            by,
            at,
        )

    async def picture(self, school: str) -> tuple[str, bytes] | None:
        """A plan's media type and bytes."""
        row = await self._conn.fetchrow(
            "SELECT media_type, picture FROM floor_plans WHERE school = $1", school
        )
        return (row["media_type"], bytes(row["picture"])) if row else None

    async def marks(self, schools: Collection[str]) -> dict[str, list[Mark]]:
        """Where cameras are, by school."""
        rows = await self._conn.fetch(
            "SELECT school, camera, x, y FROM plan_marks WHERE school = ANY($1)", list(schools)
        )
        found: dict[str, list[Mark]] = {}
        for row in rows:
            found.setdefault(row["school"], []).append(Mark(row["camera"], row["x"], row["y"]))
        return found

    async def place(self, school: str, mark: Mark, by: str, at: datetime) -> None:
        """Put a camera on the plan, or move it."""
        await self._conn.execute(
            "INSERT INTO plan_marks (school, camera, x, y, put_by, put_at) VALUES ($1, $2, $3, $4, $5, $6)"
            " ON CONFLICT (school, camera) DO UPDATE SET x = excluded.x, y = excluded.y,"
            " put_by = excluded.put_by, put_at = excluded.put_at",
            school,
            mark.camera,
            mark.x,
            mark.y,
            by,
            at,
        )

    async def keep_only(self, school: str, cameras: Sequence[str]) -> None:
        """Take the others off the plan."""
        await self._conn.execute(
            "DELETE FROM plan_marks WHERE school = $1 AND camera <> ALL($2)", school, list(cameras)
        )
