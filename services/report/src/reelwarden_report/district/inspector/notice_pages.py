"""My notifications: what I am told, where, how soon; and the way out of it without signing in."""

import re
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from reelwarden_common.web import N_, Person, SignedIn, Text, Wrong
from reelwarden_common.web.i18n import LANGUAGES, language_of
from reelwarden_report.district.inspector import words
from reelwarden_report.district.inspector.notices import Wish
from reelwarden_report.district.inspector.pages import Pages
from reelwarden_report.district.inspector.programs import must_be_outside
from reelwarden_report.district.inspector.room import InRoom, Room
from reelwarden_report.telling.choices import NAMES, TOLD_TO, Notice, When
from reelwarden_report.telling.deliveries import Format

router = APIRouter(include_in_schema=False)
CHATS = (Format.WECOM, Format.DINGTALK)
_MAIL = re.compile(r"[^@\s<>\"',;]{1,64}@[A-Za-z0-9.-]{1,190}")
_BAD_MAIL = Text(N_("This is no mail address."))
_BAD_CODE = Text(N_("This is not the code that was sent."))
_BAD_CHOICE = Text(N_("Please choose from what the page offers."))
CODE_TITLE = N_("Reelwarden: confirm this mail address")
CODE_TEXT = N_("Enter this code on the page My notifications: %(code)s")


async def _page(room: Room, request: Request, person: Person, *, saved: bool = False) -> Response:
    room.seen_by(person)
    return Pages(room).page(
        request,
        person,
        "notices.html",
        wish=await room.notices.read(person.id, language_of(request)),
        kinds={kind: NAMES[kind] for kind in Notice if person.holds_somewhere(*TOLD_TO[kind])},
        hours=range(24),
        chats=CHATS,
        format_names=words.FORMATS,
        saved=saved,
    )


@router.get("/notices")
async def notices(room: InRoom, request: Request, person: SignedIn, *, saved: bool = False) -> Response:
    return await _page(room, request, person, saved=saved)


@router.post("/notices")
async def choose(room: InRoom, request: Request, person: SignedIn) -> Response:
    """Everything at once, as the form says it."""
    room.seen_by(person)
    form = {name: str(value).strip() for name, value in (await request.form(max_fields=50)).items()}
    wish = _wish(room, form, await room.notices.read(person.id))
    code = await room.notices.write(person.id, wish, room.clock())
    if code is not None:
        title = room.web.say_in(wish.language, CODE_TITLE)
        text = room.web.say_in(wish.language, Text(CODE_TEXT, code=code))
        await room.notices.send_code(person.id, title, text, room.clock())
    return RedirectResponse("/notices?saved=true", status_code=303)


def _wish(room: Room, form: dict[str, str], known: Wish) -> Wish:
    """What the form says, judged.

    Raises:
        Wrong: an address that is none, or a choice that the page does not offer.
    """
    email, language, hour = form.get("email", ""), form.get("language", ""), form.get("digest_hour", "")
    if email and not _MAIL.fullmatch(email):
        raise Wrong("bad_mail", _BAD_MAIL)
    chat, url = form.get("bot_format", ""), form.get("bot_url", "")
    url = url or (known.bot_url if chat == known.bot_format else "")
    if chat:
        must_be_outside(url, private=room.settings.webhook_private)
    chosen = {kind: form.get(kind.value, known.kinds[kind].value) for kind in Notice}
    offered = language in LANGUAGES and hour in map(str, range(24)) and set(chosen.values()) <= set(When)
    if not offered or chat not in ("", *CHATS):
        raise Wrong("bad_choice", _BAD_CHOICE)
    kinds = {kind: When(when) for kind, when in chosen.items()}
    secret = form.get("bot_secret", "") or known.bot_secret
    chat_of = (chat, url, secret) if chat else ("", "", "")
    return Wish(language, kinds, int(hour), email, False, *chat_of)


@router.post("/notices/confirm")
async def confirm(room: InRoom, person: SignedIn, code: Annotated[str, Form(max_length=20)] = "") -> Response:
    if not await room.notices.confirm(person.id, code, room.clock()):
        raise Wrong("bad_code", _BAD_CODE)
    return RedirectResponse("/notices?saved=true", status_code=303)


@router.get("/notices/leave")
async def leaving(room: InRoom, request: Request, key: str = "") -> Response:
    """Asks first: programs that look at links must not end anything."""
    return room.web.render(request, "leave.html", {"key": key, "done": False})


@router.post("/notices/leave")
async def leave(room: InRoom, request: Request, key: str = "") -> Response:
    """No mail any more; also what a mail program sends by itself (RFC 8058)."""
    await room.notices.leave(key)
    return room.web.render(request, "leave.html", {"key": "", "done": True})
