"""Numbered paper forms, and what was said of their numbers."""

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime

from reelwarden_access.district.desk.paper_form import PaperForm
from reelwarden_common.messaging.postgres import Connection

_COLUMNS = ", ".join(one.name for one in fields(PaperForm))
_SELECT = f"SELECT {_COLUMNS} FROM paper_forms"  # noqa: S608 - names from code


class PaperFormsTable:
    """A number is printed once, and entered or declared void once; another sheet that bears it is a copy."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def lock(self, school: str) -> None:
        """Until this unit of work ends, nobody else takes numbers of this school."""
        await self._conn.execute(
            "SELECT pg_advisory_xact_lock(hashtext('paper_forms'), hashtext($1))", school
        )

    async def print(self, school: str, count: int, by: str, at: datetime) -> list[int]:
        """The next numbers of a school."""
        rows = await self._conn.fetch(
            "INSERT INTO paper_forms (school, number, printed_at, printed_by)"
            " SELECT $1, n, $3, $4 FROM (SELECT coalesce(max(number), 0) AS last FROM paper_forms"
            " WHERE school = $1) AS f, generate_series(f.last + 1, f.last + $2) AS n RETURNING number",
            school,
            count,
            at,
            by,
        )
        return sorted(row["number"] for row in rows)

    async def of_school(self, school: str) -> list[PaperForm]:
        """All of a school, the newest number first."""
        rows = await self._conn.fetch(f"{_SELECT} WHERE school = $1 ORDER BY number DESC, copy", school)
        return [PaperForm(**row) for row in rows]

    async def schools(self) -> list[str]:
        """Where forms were printed."""
        return [row["school"] for row in await self._conn.fetch("SELECT DISTINCT school FROM paper_forms")]

    async def of_number(self, school: str, number: int) -> list[PaperForm]:
        """The sheet of a number, and others that bear it."""
        rows = await self._conn.fetch(
            f"{_SELECT} WHERE school = $1 AND number = $2 ORDER BY copy", school, number
        )
        return [PaperForm(**row) for row in rows]

    async def of_application(self, application: str) -> PaperForm | None:
        """The sheet on which an application was made."""
        row = await self._conn.fetchrow(f"{_SELECT} WHERE application = $1", application)
        return PaperForm(**row) if row else None

    async def enter(self, sheet: tuple[str, int, int], application: str, by: str, at: datetime) -> None:
        """A sheet was entered: school, number, copy."""
        await self._conn.execute(
            "INSERT INTO paper_forms (school, number, copy, printed_at, printed_by, application, entered_by,"
            " entered_at) SELECT school, number, $3, printed_at, printed_by, $4, $5, $6 FROM paper_forms"
            " WHERE school = $1 AND number = $2 AND copy = 1 ON CONFLICT (school, number, copy) DO UPDATE"
            " SET application = excluded.application, entered_by = excluded.entered_by,"
            " entered_at = excluded.entered_at",
            *sheet,
            application,
            by,
            at,
        )

    async def void(self, school: str, numbers: Collection[int], reason: str, by: str, at: datetime) -> None:
        """Forms were spoilt or lost."""
        await self._conn.execute(
            "UPDATE paper_forms SET void_reason = $3, void_by = $4, void_at = $5"
            " WHERE school = $1 AND number = ANY($2) AND copy = 1",
            school,
            list(numbers),
            reason,
            by,
            at,
        )

    async def review(
        self, application: str, reviewer: tuple[str, str], opinion: str, at: datetime, *, in_order: bool
    ) -> None:
        """Somebody looked at an entered sheet."""
        await self._conn.execute(
            "UPDATE paper_forms SET reviewed_by = $2, reviewer_name = $3, opinion = $4, reviewed_at = $5,"
            " in_order = $6 WHERE application = $1",
            application,
            *reviewer,
            opinion,
            at,
            in_order,
        )

    async def tell(self, school: str, number: int, kind: str, at: datetime) -> bool:
        """Something is wrong with a number; False if that was said and stands."""
        return bool(
            await self._conn.fetchval(
                "INSERT INTO paper_findings (school, number, kind, told_at) VALUES ($1, $2, $3, $4)"
                " ON CONFLICT (school, number, kind) DO UPDATE SET told_at = excluded.told_at, done_at = NULL"
                " WHERE paper_findings.done_at IS NOT NULL RETURNING true",
                school,
                number,
                kind,
                at,
            )
        )

    async def told(self, school: str, kind: str) -> list[int]:
        """The numbers of which it was said and stands."""
        rows = await self._conn.fetch(
            "SELECT number FROM paper_findings WHERE school = $1 AND kind = $2 AND done_at IS NULL",
            school,
            kind,
        )
        return [row["number"] for row in rows]

    async def settle(self, school: str, number: int, kind: str, at: datetime) -> None:
        """It is right again."""
        await self._conn.execute(
            "UPDATE paper_findings SET done_at = $4 WHERE school = $1 AND number = $2 AND kind = $3"
            " AND done_at IS NULL",
            school,
            number,
            kind,
            at,
        )
