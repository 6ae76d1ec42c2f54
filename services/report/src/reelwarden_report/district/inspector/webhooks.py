"""Webhooks as people keep them: where programs and chats are told, and what became of it."""

import base64
import secrets
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from reelwarden_report.district.inspector.shapes import Shape
from reelwarden_report.telling import bots
from reelwarden_report.telling.cloud_events import as_json
from reelwarden_report.telling.deliveries import Channel, Format, Outgoing, queue

_SHOWN = (
    "SELECT w.webhook, w.name, w.url, w.format, w.schools, w.types, w.language, w.made_by, w.made_at,"
    " w.paused_at,"
    " count(d.*) FILTER (WHERE d.state = 'waiting') AS waiting,"
    " count(d.*) FILTER (WHERE d.state = 'given-up') AS given_up,"
    " max(d.settled_at) FILTER (WHERE d.state = 'done') AS delivered_at,"
    " coalesce((array_agg(d.problem ORDER BY d.made_at DESC) FILTER"
    " (WHERE d.problem <> '' AND d.state <> 'done'))[1], '') AS problem"
    " FROM webhook w LEFT JOIN delivery d ON d.target = w.webhook"
    " WHERE w.removed_at IS NULL AND w.schools <@ $1 GROUP BY w.webhook ORDER BY w.made_at DESC"
)


class WebhookView(Shape):
    """A webhook, and how it goes; never its secret."""

    webhook: str
    name: str
    url: str
    """Of a bot only its host: the rest is its key."""
    format: Format
    schools: tuple[str, ...]
    types: tuple[str, ...]
    language: str
    made_by: str
    made_at: datetime
    paused_at: datetime | None
    waiting: int
    given_up: int
    """In the last 30 days."""
    delivered_at: datetime | None
    problem: str
    """Why the newest message that is not delivered is not."""


@dataclass(frozen=True)
class WebhookOrder:
    """A webhook to be made."""

    name: str
    url: str
    format: Format
    secret: str
    """Of a bot, where it has one; programs get one from us."""
    schools: tuple[str, ...]
    types: tuple[str, ...]
    language: str
    by: str


def new_secret() -> str:
    """What programs check our signature with (Standard Webhooks)."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class Webhooks:
    """The table of webhooks."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def make(self, order: WebhookOrder, now: datetime) -> tuple[str, str]:
        """A new webhook: its number, and the secret, which is shown this once."""
        webhook = uuid.uuid4().hex[:12]
        secret = new_secret() if order.format is Format.CLOUDEVENTS else order.secret
        await self._pool.execute(
            "INSERT INTO webhook (webhook, name, url, format, secret, schools, types, language, made_by,"
            " made_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            webhook,
            order.name,
            order.url,
            order.format.value,
            secret,
            list(order.schools),
            list(order.types),
            order.language,
            order.by,
            now,
        )
        return webhook, secret

    async def list(self, schools: Collection[str]) -> Sequence[WebhookView]:
        """Those that hear of nothing but some schools."""
        rows = await self._pool.fetch(_SHOWN, list(schools))
        return [_shown(WebhookView(**dict(row))) for row in rows]

    async def find(self, webhook: str, schools: Collection[str]) -> WebhookView | None:
        """One of them."""
        return next((one for one in await self.list(schools) if one.webhook == webhook), None)

    async def remove(self, webhook: str, now: datetime) -> None:
        """It is told nothing more, not even what waits."""
        async with self._pool.acquire() as conn, conn.transaction():
            await conn.execute("UPDATE webhook SET removed_at = $2 WHERE webhook = $1", webhook, now)
            await conn.execute("DELETE FROM delivery WHERE target = $1", webhook)
            await conn.execute("DELETE FROM notice WHERE recipient = $1", f"w:{webhook}")

    async def pause(self, webhook: str, paused_at: datetime | None) -> None:
        """What is said from now on passes it by, or no longer does."""
        await self._pool.execute("UPDATE webhook SET paused_at = $2 WHERE webhook = $1", webhook, paused_at)

    async def again(self, webhook: str, now: datetime) -> None:
        """Send at once what waits, and what was given up."""
        await self._pool.execute(
            "UPDATE delivery SET state = 'waiting', attempts = 0, next_at = $2, settled_at = NULL"
            " WHERE target = $1 AND state IN ('waiting', 'given-up')",
            webhook,
            now,
        )

    async def test(self, view: WebhookView, text: str, now: datetime) -> None:
        """A message that tells only that messages arrive."""
        number = uuid.uuid4().hex
        body = (
            bots.body(view.format, text, text)
            if view.format is not Format.CLOUDEVENTS
            else _event(number, now)
        )
        channel = Channel.WEBHOOK if view.format is Format.CLOUDEVENTS else Channel.BOT
        async with self._pool.acquire() as conn, conn.transaction():
            await queue(conn, Outgoing(f"test_{number}", channel, view.webhook, "test", body), now)


def _shown(view: WebhookView) -> WebhookView:
    if view.format is Format.CLOUDEVENTS:
        return view
    return view.model_copy(update={"url": "/".join(view.url.split("/")[:3]) + "/…"})


def _event(number: str, now: datetime) -> str:
    return as_json(
        {
            "specversion": "1.0",
            "id": number,
            "source": "/district/messenger",
            "type": "reelwarden.messenger.webhook.tested.v1",
            "time": now.isoformat().replace("+00:00", "Z"),
            "data": {},
        }
    )
