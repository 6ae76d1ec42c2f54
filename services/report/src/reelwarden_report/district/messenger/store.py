"""The messenger's tables: who wants what, lines that wait to be told together, messages on their way."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.envelope import Envelope
from reelwarden_common.events.base import Event
from reelwarden_common.identity import digest_of
from reelwarden_common.messaging.postgres import Connection
from reelwarden_common.messaging.units import Store
from reelwarden_common.web import People, Person
from reelwarden_report.district.messenger.domain import Line, Said, send_at
from reelwarden_report.telling.choices import AT_FIRST, TOLD_TO, Notice, When
from reelwarden_report.telling.cloud_events import as_json, of_event
from reelwarden_report.telling.deliveries import Channel, Format, Outgoing, queue
from reelwarden_report.telling.wanted import Wanted

LEASE = timedelta(minutes=2)
"""A message that a process took and did not settle, because it died, is taken again after this."""
TOGETHER = 5
"""Messages to one receiver in one turn."""


@dataclass(frozen=True)
class Webhook:
    """Where a program or a chat is told."""

    webhook: str
    url: str
    format: Format
    secret: str
    language: str
    wanted: Wanted

    @property
    def for_programs(self) -> bool:
        """Whether it gets events as they are; a chat gets sentences."""
        return self.format is Format.CLOUDEVENTS


@dataclass(frozen=True)
class Taken:
    """A message to be sent now."""

    delivery: str
    channel: Channel
    target: str
    title: str
    body: str
    attempts: int


@dataclass(frozen=True)
class Choice:
    """Where a person is told, and in which language."""

    account: str
    language: str
    email: str | None
    bot_url: str | None
    bot_format: str | None
    bot_secret: str
    leave_key: str


class MessengerStore(Store):
    """One transaction of the messenger."""

    def __init__(
        self,
        conn: Connection,
        people: People,
        mark: Callable[[str], str],
        zone: ZoneInfo,
        gather: timedelta,
        clock: Clock = system_clock,
    ) -> None:
        super().__init__("messenger", clock)
        self.conn = conn
        self.zone = zone
        self._people, self._mark = people, mark
        self._gather = gather

    async def webhooks_for(self, envelope: Envelope) -> list[Webhook]:
        """Those that want an event."""
        rows = await self.conn.fetch(
            "SELECT * FROM webhook WHERE removed_at IS NULL AND paused_at IS NULL AND made_at <= $1",
            envelope.time,
        )
        found = map(_webhook, rows)
        return [one for one in found if one.wanted.takes(envelope.school, envelope.type)]

    async def webhook(self, webhook: str) -> Webhook | None:
        """One that is not removed."""
        query = "SELECT * FROM webhook WHERE webhook = $1 AND removed_at IS NULL"
        row = await self.conn.fetchrow(query, webhook)
        return _webhook(row) if row else None

    async def pass_on(self, webhook: Webhook, event: Event, envelope: Envelope) -> None:
        """An event to a program, as it was said."""
        message = Outgoing(
            f"msg_{digest_of([webhook.webhook, envelope.key])[:32]}",
            Channel.WEBHOOK,
            webhook.webhook,
            envelope.type,
            as_json(of_event(event, envelope)),
        )
        await queue(self.conn, message, self.clock())

    async def note_for_chat(self, webhook: Webhook, said: Said, envelope: Envelope) -> None:
        """A line for a chat."""
        await self._note(f"w:{webhook.webhook}", said, envelope, self.clock() + self._gather)

    async def note_for_people(self, said: Said, envelope: Envelope) -> None:
        """A line for everybody who may know it and wants to."""
        rows = await self.conn.fetch(
            "SELECT account, kinds, digest_hour FROM notice_choice WHERE changed_at <= $1"
            " AND (email_confirmed_at IS NOT NULL OR bot_url IS NOT NULL)",
            envelope.time,
        )
        for row in rows:
            person = await self._told(row["account"])
            if person is None or not person.holds(envelope.school, *TOLD_TO[said.kind]):
                continue
            when = When(json.loads(row["kinds"]).get(said.kind, AT_FIRST[said.kind]))
            due = send_at(when, row["digest_hour"], self.clock(), self._gather, self.zone)
            if due is not None:
                await self._note(f"p:{row['account']}", said, envelope, due)

    async def _note(self, recipient: str, said: Said, envelope: Envelope, due: datetime) -> None:
        await self.conn.execute(
            "INSERT INTO notice (recipient, event, kind, school, facts, at, send_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
            recipient,
            envelope.key,
            said.kind.value,
            envelope.school,
            json.dumps(dict(said.facts)),
            envelope.time,
            due,
        )

    async def _told(self, account: str) -> Person | None:
        """Somebody with an account; None: there is none, or they left."""
        person = self._people.find(account)
        if person is None or self._people.has_left(account, self.clock().astimezone(self.zone).date()):
            return None
        query = "SELECT NOT allowed FROM departed WHERE person = $1"
        return None if await self.conn.fetchval(query, self._mark(account)) else person

    async def due_recipients(self) -> list[str]:
        """For whom lines are due."""
        query = "SELECT DISTINCT recipient FROM notice WHERE send_at <= $1 LIMIT 200"
        return [row["recipient"] for row in await self.conn.fetch(query, self.clock())]

    async def alone_for(self, recipient: str) -> bool:
        """Whether no other replica writes to them just now."""
        query = "SELECT pg_try_advisory_xact_lock(hashtext('notice'), hashtext($1))"
        return bool(await self.conn.fetchval(query, recipient))

    async def rests(self, target: str, pause: timedelta) -> bool:
        """Whether they were told something so lately that more of it waits; their lines wait with it."""
        last: datetime | None = await self.conn.fetchval(
            "SELECT max(made_at) FROM delivery WHERE target = $1 AND channel IN ('bot', 'mail')", target
        )
        return last is not None and last > self.clock() - pause

    async def take_lines(self, recipient: str) -> tuple[str, list[Line]]:
        """All that is to be told to somebody now, and an id that the same lines always have."""
        rows = await self.conn.fetch(
            "DELETE FROM notice WHERE recipient = $1 AND send_at <= $2"
            " RETURNING event, kind, school, facts, at",
            recipient,
            self.clock() + self._gather,
        )
        lines = [Line(Notice(r["kind"]), r["school"], json.loads(r["facts"]), r["at"]) for r in rows]
        return digest_of([recipient, *sorted(r["event"] for r in rows)])[:32], lines

    async def choice(self, account: str) -> Choice | None:
        """Where a person wants to be told; None: they may be told nothing any more."""
        if await self._told(account) is None:
            return None
        row = await self.conn.fetchrow("SELECT * FROM notice_choice WHERE account = $1", account)
        if row is None:
            return None
        return Choice(
            account,
            row["language"],
            row["email"] if row["email_confirmed_at"] else None,
            row["bot_url"],
            row["bot_format"],
            row["bot_secret"] or "",
            row["leave_key"],
        )

    async def address_of(self, account: str) -> tuple[str, str] | None:
        """A person's mail address, confirmed or to be confirmed, and the key to be left alone."""
        row = await self.conn.fetchrow(
            "SELECT email, leave_key FROM notice_choice WHERE account = $1 AND email IS NOT NULL", account
        )
        return (row["email"], row["leave_key"]) if row else None

    async def targets_due(self) -> list[str]:
        """Who has messages to be sent now."""
        query = "SELECT DISTINCT target FROM delivery WHERE state = 'waiting' AND next_at <= $1 LIMIT 50"
        return [row["target"] for row in await self.conn.fetch(query, self.clock())]

    async def waiting(self) -> int:
        """How many messages are not settled."""
        return int(await self.conn.fetchval("SELECT count(*) FROM delivery WHERE state = 'waiting'"))

    async def take(self, target: str) -> Sequence[Taken]:
        """Some messages to one receiver, which nobody else takes until the lease is over."""
        rows = await self.conn.fetch(
            "UPDATE delivery SET attempts = attempts + 1, next_at = $3 WHERE delivery IN"
            " (SELECT delivery FROM delivery WHERE target = $1 AND state = 'waiting' AND next_at <= $2"
            " ORDER BY made_at LIMIT $4 FOR UPDATE SKIP LOCKED)"
            " RETURNING delivery, channel, target, title, body, attempts, made_at",
            target,
            self.clock(),
            self.clock() + LEASE,
            TOGETHER,
        )
        return [
            Taken(r["delivery"], Channel(r["channel"]), r["target"], r["title"], r["body"], r["attempts"])
            for r in sorted(rows, key=lambda r: r["made_at"])
        ]

    async def settle(self, delivery: str, state: str, problem: str = "") -> None:
        """Delivered, or given up."""
        await self.conn.execute(
            "UPDATE delivery SET state = $2, problem = $3, settled_at = $4, next_at = NULL"
            " WHERE delivery = $1",
            delivery,
            state,
            problem[:500],
            self.clock(),
        )

    async def later(self, taken: Taken, wait: timedelta, problem: str) -> None:
        """Try again later; what else waits for the same receiver waits as long."""
        again = self.clock() + wait
        await self.conn.execute(
            "UPDATE delivery SET next_at = $2, problem = $3 WHERE delivery = $1",
            taken.delivery,
            again,
            problem[:500],
        )
        await self.conn.execute(
            "UPDATE delivery SET next_at = $2 WHERE target = $1 AND state = 'waiting'"
            " AND (next_at < $2 OR attempts = 0)",
            taken.target,
            again,
        )

    async def put_back(self, deliveries: Sequence[str]) -> None:
        """These were taken and not tried."""
        await self.conn.execute(
            "UPDATE delivery SET attempts = attempts - 1 WHERE delivery = ANY($1)", list(deliveries)
        )

    async def forget(self, older: timedelta) -> None:
        """What was settled long ago."""
        await self.conn.execute(
            "DELETE FROM delivery WHERE state <> 'waiting' AND settled_at < $1", self.clock() - older
        )


def _webhook(row: Any) -> Webhook:  # noqa: ANN401 - a database row
    return Webhook(
        row["webhook"],
        row["url"],
        Format(row["format"]),
        row["secret"],
        row["language"],
        Wanted(frozenset(row["schools"]), tuple(row["types"])),
    )
