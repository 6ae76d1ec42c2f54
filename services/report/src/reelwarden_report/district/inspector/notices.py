"""What a person wants to be told, and where: kept for them alone."""

import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from reelwarden_common.identity import digest_of
from reelwarden_common.web.i18n import CHINESE
from reelwarden_report.telling.choices import AT_FIRST, Notice, When
from reelwarden_report.telling.deliveries import Channel, Format, Outgoing, queue


@dataclass(frozen=True)
class Wish:
    """What a person chose."""

    language: str = CHINESE
    kinds: dict[Notice, When] = field(default_factory=lambda: dict(AT_FIRST))
    digest_hour: int = 8
    email: str = ""
    confirmed: bool = False
    bot_format: str = ""
    bot_url: str = ""
    bot_secret: str = ""


class Notices:
    """The table of choices."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def read(self, account: str, language: str = CHINESE) -> Wish:
        """What a person chose, or what holds until they do, in the language that they read now."""
        row = await self._pool.fetchrow("SELECT * FROM notice_choice WHERE account = $1", account)
        if row is None:
            return Wish(language)
        kinds = {Notice(kind): When(when) for kind, when in json.loads(row["kinds"]).items()}
        return Wish(
            row["language"],
            AT_FIRST | kinds,
            row["digest_hour"],
            row["email"] or "",
            row["email_confirmed_at"] is not None,
            row["bot_format"] or "",
            row["bot_url"] or "",
            row["bot_secret"] or "",
        )

    async def write(self, account: str, wish: Wish, now: datetime) -> str | None:
        """Keep a choice; a new mail address needs a code, which is returned to be sent there."""
        known = await self.read(account)
        code = (
            secrets.token_hex(4)
            if wish.email and (wish.email != known.email or not known.confirmed)
            else None
        )
        await self._pool.execute(
            "INSERT INTO notice_choice (account, language, kinds, digest_hour, email, email_code, bot_url,"
            " bot_format, bot_secret, leave_key, changed_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (account) DO UPDATE SET"
            " language = excluded.language, kinds = excluded.kinds, digest_hour = excluded.digest_hour,"
            " email = excluded.email, email_code = excluded.email_code, email_confirmed_at ="
            " CASE WHEN excluded.email_code IS NULL AND excluded.email IS NOT NULL"
            " THEN notice_choice.email_confirmed_at END,"
            " bot_url = excluded.bot_url, bot_format = excluded.bot_format, bot_secret = excluded.bot_secret,"
            " changed_at = excluded.changed_at",
            account,
            wish.language,
            json.dumps(wish.kinds),
            wish.digest_hour,
            wish.email or None,
            code,
            wish.bot_url or None,
            wish.bot_format or None,
            wish.bot_secret or None,
            secrets.token_urlsafe(24),
            now,
        )
        return code

    async def send_code(self, account: str, title: str, text: str, now: datetime) -> None:
        """Have the code sent to the address that is to be confirmed."""
        message = Outgoing(f"code_{digest_of([account, text])[:32]}", Channel.MAIL, account, title, text)
        async with self._pool.acquire() as conn, conn.transaction():
            await queue(conn, message, now)

    async def confirm(self, account: str, code: str, now: datetime) -> bool:
        """Whether it was the code; only then is anything else sent to this address."""
        done = await self._pool.fetchval(
            "UPDATE notice_choice SET email_confirmed_at = $3, email_code = NULL, changed_at = $3"
            " WHERE account = $1 AND email_code = $2 RETURNING true",
            account,
            code.strip().lower(),
            now,
        )
        return bool(done)

    async def leave(self, key: str) -> bool:
        """Whoever has the key of a message is sent no more mail; tells whether there was such a key."""
        account = await self._pool.fetchval(
            "UPDATE notice_choice SET email = NULL, email_confirmed_at = NULL, email_code = NULL"
            " WHERE leave_key = $1 RETURNING account",
            key,
        )
        return account is not None

    @staticmethod
    def bot_of(wish: Wish) -> Format | None:
        """The kind of chat, where one is given."""
        return Format(wish.bot_format) if wish.bot_url and wish.bot_format else None
