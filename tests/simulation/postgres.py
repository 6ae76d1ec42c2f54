"""PostgreSQL as the district's stores call it, on SQLite in memory: their own statements, in microseconds.

The tables come from the services' `schema.sql`. What SQLite cannot say (arrays, changing CTEs) is said again
in `STAND_INS`; all else runs as it is written.
"""

import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg

from tests.simulation.stand_ins import EACH_OF_ARRAYS, STAND_INS

SERVICES = Path(__file__).parents[2] / "services"
Row = dict[str, Any]
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_DIALECT: tuple[tuple[re.Pattern[str], Any], ...] = (
    (re.compile(r"= ANY\(\$(\d+)\)"), r"IN (SELECT value FROM json_each($\1))"),
    (re.compile(r"\$(\d+)"), r"?\1"),
    (re.compile(r"::[a-z]+(\[\])?"), ""),
    (re.compile(r"FOR UPDATE( OF \w+)? SKIP LOCKED"), ""),
    (re.compile(r"UPDATE (\w+) (\w) SET"), r"UPDATE \1 AS \2 SET"),
    (re.compile(r"greatest\("), "max("),
    (re.compile(r"RETURNING true"), "RETURNING 1"),
    (re.compile(r"(?s)RETURNING s\..*"), lambda found: found[0].replace("s.", "")),
)
_SAID_IN_TABLES = (
    (re.compile(r"--[^\n]*"), ""),
    (re.compile(r"\bbigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"), "integer PRIMARY KEY AUTOINCREMENT"),
    (re.compile(r"\) PARTITION BY RANGE \(\w+\)"), ")"),
    (re.compile(r"DEFAULT now\(\)"), "DEFAULT CURRENT_TIMESTAMP"),
    (re.compile(r"(\w)\[\]"), r"\1"),
)


class DigestOfLines:
    """SHA-256 over sorted lines, each with a newline: what PostgreSQL is asked for."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def step(self, line: str) -> None:
        self._lines.append(line.lower())

    def finalize(self) -> bytes:
        return sha256("".join(f"{one}\n" for one in sorted(self._lines)).encode()).digest()


class Connection:
    """As much of asyncpg's connection as the stores use."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    async def execute(self, query: str, *values: Any) -> None:
        self._run(query, values)

    async def executemany(self, query: str, many: Iterable[Sequence[Any]]) -> None:
        for values in many:
            self._run(query, values)

    async def fetch(self, query: str, *values: Any) -> list[Row]:
        return self._run(query, values)

    async def fetchrow(self, query: str, *values: Any) -> Row | None:
        rows = self._run(query, values)
        return rows[0] if rows else None

    async def fetchval(self, query: str, *values: Any) -> Any:
        row = await self.fetchrow(query, *values)
        return None if row is None else next(iter(row.values()))

    async def copy_records_to_table(
        self, table: str, *, records: Sequence[Sequence[Any]], columns: Sequence[str]
    ) -> None:
        marks = ", ".join("?" for _ in columns)
        query = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        try:
            self._conn.executemany(query, [[_put(value) for value in one] for one in records])
        except sqlite3.IntegrityError as error:
            raise asyncpg.UniqueViolationError(str(error)) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        self._conn.execute("SAVEPOINT inner_one")
        try:
            yield
        except BaseException:
            self._conn.execute("ROLLBACK TO inner_one")
            raise
        finally:
            self._conn.execute("RELEASE inner_one")

    def _run(self, query: str, values: Sequence[Any]) -> list[Row]:
        if "pg_advisory" in query:
            return []
        if each := EACH_OF_ARRAYS.get(query):
            for one in zip(*values, strict=True):
                self._conn.execute(each, [_put(value) for value in one])
            return []
        rows: list[Row] = []
        for statement in _translated(query):
            used = statement.count("?") and len(values)
            found = self._conn.execute(statement, [_put(value) for value in values[:used]])
            rows = [{key: _got(row[key]) for key in row.keys()} for row in found]  # noqa: SIM118 - a sqlite3.Row
        return rows


@cache
def _translated(query: str) -> tuple[str, ...]:
    if query in STAND_INS:
        return STAND_INS[query]
    for pattern, other in _DIALECT:
        query = pattern.sub(other, query)
    return (query,)


def _put(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return _json([one.hex().upper() if isinstance(one, bytes) else f"{_put(one)}" for one in value])
    return value


def _json(texts: list[str]) -> str:
    return "[" + ", ".join(f'"{text}"' for text in texts) + "]"


def _got(value: Any) -> Any:
    if isinstance(value, str) and value[:2] == "20":
        if _MOMENT.fullmatch(value):
            return datetime.fromisoformat(value)
        if _DAY.fullmatch(value):
            return date.fromisoformat(value)
    return value


def tables_of(service: str) -> str:
    """A service's tables and indexes, as SQLite takes them; inbox and outbox are the units' own."""
    (schema,) = SERVICES.glob(f"{service}/src/*/district/schema.sql")
    text = schema.read_text(encoding="utf-8")
    for pattern, other in _SAID_IN_TABLES:
        text = pattern.sub(other, text)
    made = re.findall(r"^CREATE (?:TABLE|INDEX) (?!inbox|outbox).*?;", text, re.DOTALL | re.MULTILINE)
    return "\n".join(made)


def functions(conn: sqlite3.Connection) -> None:
    """What the statements call that SQLite does not have."""
    make: Callable[..., Any] = DigestOfLines
    conn.create_aggregate("digest_of_lines", 1, make)
    conn.create_function("make_day", 1, lambda _day: True)
