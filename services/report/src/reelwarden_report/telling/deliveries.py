"""Messages on their way out: written down with their cause, sent by the messenger until somebody has them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reelwarden_common.messaging.postgres import Connection


class Channel(StrEnum):
    """By which way a message goes."""

    WEBHOOK = "webhook"
    BOT = "bot"
    MAIL = "mail"


class Format(StrEnum):
    """What the receiver of a webhook reads."""

    CLOUDEVENTS = "cloudevents"
    """One event a message, for programs."""
    WECOM = "wecom"
    """A text for a bot of 企业微信."""
    DINGTALK = "dingtalk"
    """A text for a bot of 钉钉."""


@dataclass(frozen=True)
class Outgoing:
    """A message to be delivered."""

    id: str
    """The same however often its cause is seen; receivers know doubles by it."""
    channel: Channel
    target: str
    """The webhook, or the account of the person."""
    title: str
    body: str


async def queue(conn: Connection, message: Outgoing, now: datetime) -> None:
    """Have a message delivered, once this transaction commits; one that is known already is left alone."""
    await conn.execute(
        "INSERT INTO delivery (delivery, channel, target, title, body, made_at, next_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT DO NOTHING",
        message.id,
        message.channel.value,
        message.target,
        message.title,
        message.body,
        now,
    )
