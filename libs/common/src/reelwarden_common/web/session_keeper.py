"""Finds who is signed in before a request is handled, and notes that they are there."""

from datetime import UTC, datetime

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reelwarden_common.web.second import SecondFactor, Wanted
from reelwarden_common.web.sessions import RENEW_AFTER, SESSION_COOKIE, Session, somebody_there

_STATIC = ("/static/", "/web/")


async def _let_in(request: Request, session: Session) -> None:
    """Say who is signed in, or only half: where the second factor is still missing."""
    web = request.app.state.web
    person = session.guest or web.people.find(session.account)
    if web.as_now is not None:
        person = await web.as_now(person)
    second: SecondFactor | None = web.second
    missing = Wanted.NOTHING if session.second or second is None else await second.wanted(person)
    request.state.wanted = missing
    if missing is Wanted.NOTHING:
        request.state.signed_in = person
    else:
        request.state.half = person


async def _counts(request: Request, session: Session) -> bool:
    web = request.app.state.web
    if await web.sign_ins.is_over(web.sessions.names(session), session.opened_at):
        return False
    return not web.has_left(session.account)


class SessionKeeper:
    """Between the guard and the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with its person."""
        if scope["type"] != "http" or scope["path"].startswith(_STATIC):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        web = request.app.state.web
        session: Session | None = web.sessions.read(request)
        if session is not None and not await _counts(request, session):
            session = None
        if session is None:
            await self._app(scope, receive, send)
            return
        request.state.session = session
        await _let_in(request, session)
        stale = datetime.now(UTC) - session.seen_at >= RENEW_AFTER
        if not stale or not somebody_there(request.method, request.headers):
            await self._app(scope, receive, send)
            return
        renewed = Response()
        web.sessions.keep(request, renewed, session)

        async def renewing(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                said = headers.getlist("set-cookie")
                if not any(cookie.startswith(f"{SESSION_COOKIE}=") for cookie in said):
                    headers.append("set-cookie", renewed.headers["set-cookie"])
            await send(message)

        await self._app(scope, receive, renewing)
