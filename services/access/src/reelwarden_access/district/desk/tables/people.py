"""Actors, their training, and the rule set's versions."""

import uuid
from collections.abc import Collection
from datetime import datetime

from reelwarden_common.events.access import TrainingCounted
from reelwarden_common.events.report import RuleSettings, RulesPublished
from reelwarden_common.messaging.postgres import Connection


class PeopleTable:
    """Who acts, by opaque number; whether they know the rules in force."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def actor_id(self, account: str) -> str:
        """The number under which events speak of an account; made at its first act."""
        known = await self._conn.fetchval("SELECT actor FROM people WHERE account = $1", account)
        if known is None:
            known = await self._conn.fetchval(
                "INSERT INTO people (actor, account) VALUES ($1, $2)"
                " ON CONFLICT (account) DO UPDATE SET account = excluded.account RETURNING actor",
                f"a-{uuid.uuid4().hex}",
                account,
            )
        return str(known)

    async def one_at_a_time(self, actor: str) -> None:
        """Until this unit of work ends, whatever else this person files, or is refused, waits."""
        await self._conn.execute("SELECT FROM people WHERE actor = $1 FOR NO KEY UPDATE", actor)

    async def accounts(self, actors: Collection[str]) -> set[str]:
        """The accounts behind these numbers."""
        rows = await self._conn.fetch("SELECT account FROM people WHERE actor = ANY($1)", list(actors))
        return {row["account"] for row in rows}

    async def rules_version(self, now: datetime) -> int:
        """The version of the rule set in force; 1 until one was published."""
        newest = await self._conn.fetchval("SELECT max(version) FROM rules WHERE effective_from <= $1", now)
        return int(newest or 1)

    async def rules_text(self, version: int) -> str | None:
        """What a version says, in Markdown; None if its text was never heard."""
        found = await self._conn.fetchval("SELECT text FROM rules WHERE version = $1", version)
        return str(found) if found else None

    async def add_rules(self, rules: RulesPublished) -> None:
        """A version of the rule set was published (R6); one heard without its text gets it later."""
        await self._conn.execute(
            "INSERT INTO rules (version, effective_from, digest, text, settings) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT (version) DO UPDATE SET text = excluded.text"
            " WHERE rules.text IS NULL AND rules.digest = excluded.digest",
            rules.version,
            rules.effective_from,
            rules.digest,
            rules.text or None,
            (rules.settings or RuleSettings()).model_dump_json(),
        )

    async def rule_settings(self, now: datetime) -> RuleSettings:
        """What the version in force sets."""
        query = "SELECT settings FROM rules WHERE effective_from <= $1 ORDER BY version DESC LIMIT 1"
        found = await self._conn.fetchval(query, now)
        return RuleSettings.model_validate_json(found) if found else RuleSettings()

    async def acknowledge(self, actor: str, version: int, now: datetime) -> bool:
        """Note that a person knows a version; False if that was known already."""
        fresh = await self._conn.fetchval(
            "INSERT INTO trainings (actor, rules_version, acknowledged_at) VALUES ($1, $2, $3)"
            " ON CONFLICT DO NOTHING RETURNING true",
            actor,
            version,
            now,
        )
        return bool(fresh)

    async def acknowledged(self, accounts: Collection[str]) -> dict[str, tuple[int, datetime]]:
        """The newest version that each of these accounts acknowledged, and when; others are missing."""
        rows = await self._conn.fetch(
            "SELECT DISTINCT ON (account) account, rules_version, acknowledged_at FROM trainings"
            " JOIN people USING (actor) WHERE account = ANY($1) ORDER BY account, rules_version DESC",
            list(accounts),
        )
        return {row["account"]: (row["rules_version"], row["acknowledged_at"]) for row in rows}

    async def counted(self, school: str, counted: TrainingCounted) -> bool:
        """Note what is said of a school's training; False if that was said already."""
        fresh = await self._conn.fetchval(
            "INSERT INTO training_said AS known VALUES ($1, $2, $3, $4) ON CONFLICT (school) DO UPDATE"
            " SET rules_version = excluded.rules_version, people = excluded.people,"
            " acknowledged = excluded.acknowledged"
            " WHERE (known.rules_version, known.people, known.acknowledged)"
            " IS DISTINCT FROM (excluded.rules_version, excluded.people, excluded.acknowledged)"
            " RETURNING true",
            school,
            counted.rules_version,
            counted.people,
            counted.acknowledged,
        )
        return bool(fresh)

    async def trained(self, actor: str, version: int) -> bool:
        """Whether a person acknowledged this version or a newer one."""
        found = await self._conn.fetchval(
            "SELECT true FROM trainings WHERE actor = $1 AND rules_version >= $2 LIMIT 1", actor, version
        )
        return bool(found)
