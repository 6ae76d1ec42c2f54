"""PostgreSQL for services: one schema and one role each, forward-only migrations, nothing shared.

Migrations are files `migrations/NNNN_what.sql` in a service's `district` package, run by an administrator
with the service's schema as search path; the service's own role may read and write rows, not change tables.
"""

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

import asyncpg

SERVICES = ("ingest", "retention", "access", "backup", "report")
_NAME = re.compile(r"^\d{4}_[a-z0-9_]+\.sql$")


class MigrationError(RuntimeError):
    """A migration failed, is out of order, or was changed after it had been applied."""


@dataclass(frozen=True)
class Migration:
    """One step of a service's schema."""

    name: str
    sql: str

    @property
    def digest(self) -> str:
        """SHA-256 of its text: an applied step must not change."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def role_of(service: str) -> str:
    """The database role of a service."""
    return f"rw_{service}"


def migrations_of(service: str) -> list[Migration]:
    """A service's steps in order.

    Raises:
        MigrationError: a file is not named NNNN_what.sql.
    """
    folder = resources.files(f"reelwarden_{service}.district") / "migrations"
    found = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    for file in found:
        if not _NAME.match(file.name):
            message = f"{service}: migration {file.name} is not named NNNN_what.sql"
            raise MigrationError(message)
    return [Migration(f.name, f.read_text(encoding="utf-8")) for f in found]


def schema_of(service: str) -> str:
    """The text of a service's schema.sql: the sum of its migrations."""
    return (resources.files(f"reelwarden_{service}.district") / "schema.sql").read_text(encoding="utf-8")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


async def ensure_role(admin: asyncpg.Connection, service: str, password: str) -> None:
    """Make the service's schema and role, or set the role's password anew."""
    role = role_of(service)
    known = await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    verb = "ALTER" if known else "CREATE"
    await admin.execute(f"{verb} ROLE {role} LOGIN NOINHERIT PASSWORD {_quoted(password)}")
    await admin.execute(f"CREATE SCHEMA IF NOT EXISTS {service}")
    await admin.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    await admin.execute(f"GRANT USAGE ON SCHEMA {service} TO {role}")


async def apply(admin: asyncpg.Connection, schema: str, steps: list[Migration]) -> list[str]:
    """Apply the steps that a schema lacks, each in a transaction; returns their names.

    Raises:
        MigrationError: a step failed, or one that was applied has changed since.
    """
    await admin.execute(
        f"CREATE TABLE IF NOT EXISTS {schema}.migrations"
        " (name text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    known = await admin.fetch(f"SELECT name, digest FROM {schema}.migrations")  # noqa: S608 - a constant of ours
    done = {row["name"]: row["digest"] for row in known}
    applied = []
    for step in steps:
        if step.name in done:
            if done[step.name] != step.digest:
                message = f"{schema}: {step.name} was changed after it had been applied; write a new step"
                raise MigrationError(message)
            continue
        try:
            async with admin.transaction():
                await admin.execute(f"SET LOCAL search_path TO {schema}")
                await admin.execute(step.sql)
                await admin.execute(
                    f"INSERT INTO {schema}.migrations (name, digest) VALUES ($1, $2)",  # noqa: S608 - a constant of ours
                    step.name,
                    step.digest,
                )
        except asyncpg.PostgresError as error:
            message = f"{schema}: {step.name}: {error}"
            raise MigrationError(message) from error
        applied.append(step.name)
    return applied


async def grant(admin: asyncpg.Connection, service: str) -> None:
    """Let the service's role use its rows, and nobody else's."""
    role = role_of(service)
    await admin.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {service} TO {role}")
    await admin.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {service} TO {role}")
    await admin.execute(f"REVOKE ALL ON {service}.migrations FROM {role}")
    await admin.execute(f"GRANT SELECT ON {service}.migrations TO {role}")


async def migrate(admin_url: str, service: str, password: str) -> list[str]:
    """Bring one service's schema to the newest step; returns what was applied.

    Replicas and services may call it at the same time: an advisory lock lets one through after the other.

    Raises:
        MigrationError: see `apply`.
    """
    admin = await asyncpg.connect(admin_url)
    try:
        await admin.execute("SELECT pg_advisory_lock(hashtext('reelwarden-migrations'))")
        await ensure_role(admin, service, password)
        applied = await apply(admin, service, migrations_of(service))
        await grant(admin, service)
    finally:
        await admin.close()
    return applied


_SHAPE = {
    "columns": """
        SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' '
               || coalesce(column_default, '') || ' ' || coalesce(identity_generation, '')
               || coalesce(generation_expression, '')
        FROM information_schema.columns WHERE table_schema = $1""",
    "constraints": """
        SELECT conrelid::regclass::text || ' ' || pg_get_constraintdef(c.oid)
        FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace WHERE n.nspname = $1""",
    "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = $1",
    "functions": """
        SELECT pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = $1""",
    "policies": """
        SELECT tablename || ' ' || policyname || ' ' || cmd || ' ' || coalesce(qual, '') || ' '
               || coalesce(with_check, '') FROM pg_policies WHERE schemaname = $1""",
    "row security": """
        SELECT c.relname || CASE WHEN c.relforcerowsecurity THEN ' forced' ELSE ' enabled' END
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relrowsecurity""",
    "sequences": "SELECT sequencename || ' ' || increment_by FROM pg_sequences WHERE schemaname = $1",
    "types": """
        SELECT t.typname || ' ' || string_agg(e.enumlabel, ' ' ORDER BY e.enumsortorder)
        FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE n.nspname = $1 GROUP BY t.typname""",
    "views": "SELECT viewname || ' ' || definition FROM pg_views WHERE schemaname = $1",
    "triggers": """
        SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND NOT t.tgisinternal""",
    "partitions": """
        SELECT c.relname || ' ' || pg_get_partkeydef(c.oid) FROM pg_partitioned_table p
        JOIN pg_class c ON c.oid = p.partrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1""",
}


async def shape(admin: asyncpg.Connection, schema: str) -> dict[str, list[str]]:
    """What a schema consists of, without its name: for comparing two."""
    found = {}
    for kind, query in _SHAPE.items():
        rows = await admin.fetch(query, schema)
        found[kind] = sorted(str(row[0]).replace(f"{schema}.", "") for row in rows)
    return found


async def drift(admin: asyncpg.Connection, service: str) -> list[str]:
    """What differs between a service's migrations and its schema.sql; empty when they are equal."""
    shapes = []
    for text in ("\n;\n".join(m.sql for m in migrations_of(service)), schema_of(service)):
        await admin.execute("CREATE SCHEMA drift")
        try:
            await admin.execute(f"SET search_path TO drift; {text}")
            shapes.append(await shape(admin, "drift"))
        finally:
            await admin.execute("SET search_path TO DEFAULT; DROP SCHEMA drift CASCADE")
    by_steps, by_sum = shapes
    return [
        f"{service}: only in {where}: {kind}: {item}"
        for kind in _SHAPE
        for where, one, other in (("migrations", by_steps, by_sum), ("schema.sql", by_sum, by_steps))
        for item in sorted(set(one[kind]) - set(other[kind]))
    ]
