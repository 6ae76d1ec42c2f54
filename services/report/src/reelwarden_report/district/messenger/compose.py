"""Lines that wait become one message a person or chat: however many there are."""

from collections.abc import Sequence
from datetime import timedelta

from reelwarden_common.messaging.units import Units
from reelwarden_report.district.messenger.domain import Group, grouped
from reelwarden_report.district.messenger.store import Choice, MessengerStore
from reelwarden_report.district.messenger.words import Words
from reelwarden_report.telling import bots
from reelwarden_report.telling.deliveries import Channel, Format, Outgoing, queue


async def compose(units: Units[MessengerStore], words: Words, pause: timedelta) -> None:
    """Write to everybody for whom lines are due."""
    async with units.begin() as store:
        recipients = await store.due_recipients()
    for recipient in recipients:
        async with units.begin() as store:
            if await store.alone_for(recipient):
                await _write_to(recipient, store, words, pause)


async def _write_to(recipient: str, store: MessengerStore, words: Words, pause: timedelta) -> None:
    kind, _, target = recipient.partition(":")
    if await store.rests(target, pause):
        return
    message, lines = await store.take_lines(recipient)
    groups = grouped(lines)
    if not groups:
        return
    if kind == "w":
        webhook = await store.webhook(target)
        written = [_chat(message, target, webhook.format, webhook.language, groups, words)] if webhook else []
    else:
        choice = await store.choice(target)
        written = _personal(message, choice, groups, words) if choice else []
    for one in written:
        await queue(store.conn, one, store.clock())


def _personal(message: str, choice: Choice, groups: Sequence[Group], words: Words) -> list[Outgoing]:
    written = []
    if choice.email:
        lines = [f"{text}\n  {link}" for text, link in words.lines(choice.language, groups)]
        body = "\n\n".join([*lines, *words.rest(choice.language, groups)])
        title = words.title(choice.language, groups)
        written.append(Outgoing(f"mail_{message}", Channel.MAIL, choice.account, title, body))
    if choice.bot_url and choice.bot_format:
        form = Format(choice.bot_format)
        written.append(_chat(message, choice.account, form, choice.language, groups, words))
    return written


def _chat(
    message: str, target: str, form: Format, language: str, groups: Sequence[Group], words: Words
) -> Outgoing:
    title = words.title(language, groups)
    lines = [f"- [{text}]({link})" for text, link in words.lines(language, groups)]
    text = "\n".join([f"**{title}**", *lines, *words.rest(language, groups)])
    return Outgoing(f"bot_{message}", Channel.BOT, target, title, bots.body(form, title, text))
