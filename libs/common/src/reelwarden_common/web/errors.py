"""What is answered when something is not done: JSON for programs, a page for people, never a stack trace."""

import secrets
from http import HTTPStatus
from typing import Any

from asyncpg.exceptions import CharacterNotInRepertoireError, UntranslatableCharacterError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reelwarden_common.errors import Refused, Transient
from reelwarden_common.telemetry import log
from reelwarden_common.web.refusals import Denied, Missing, NotSignedIn, TooOften, WebRefusal, Wrong
from reelwarden_common.web.security import from_elsewhere
from reelwarden_common.web.sign_in import sign_in_path
from reelwarden_common.web.text import N_, Text


class Why(BaseModel):
    """Why a request was not done."""

    code: str
    """For programs."""
    rule: str | None
    """The rule that says so, such as R4.2."""
    message: str
    """For people, in their language."""


class NotDone(BaseModel):
    """The answer to a request that was not done."""

    error: Why


RESPONSES: dict[int | str, dict[str, Any]] = {
    status.value: {"model": NotDone, "description": status.phrase}
    for status in (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
}
"""For OpenAPI: what any route may answer besides what it is for."""
_ELSEWHERE = Text(N_("The request came from another site's page and was refused."))
_AWAY = Text(N_("A part of the system does not answer right now. Nothing was changed; please try again."))
_OURS = Text(N_("This is our fault, not yours. Please tell the operator this number: %(number)s"), number="")
_NO_TEXT = Text(N_("The text holds a character that cannot be kept. Please remove it."))
_FIELD = Text(N_("%(field)s: %(problem)s"), field="", problem="")


def add_to(app: FastAPI) -> None:
    """Put the answers on an application."""
    app.add_exception_handler(WebRefusal, _refused)
    app.add_exception_handler(Refused, _plain_refusal)
    app.add_exception_handler(Transient, _away)
    for unkept in (CharacterNotInRepertoireError, UntranslatableCharacterError):
        app.add_exception_handler(unkept, _unkept)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_middleware(Guarded)


def wants_json(request: Request) -> bool:
    """Whether a program asks, by the address."""
    return request.url.path.startswith("/api/")


def answer(request: Request, refusal: WebRefusal) -> Response:
    """A refusal as JSON or as a page."""
    web = request.app.state.web
    headers = {"Retry-After": str(refusal.seconds)} if isinstance(refusal, TooOften) else {}
    if wants_json(request):
        body: dict[str, Any] = {
            "error": {"code": refusal.code, "rule": refusal.rule, "message": web.say(request, refusal.text)}
        }
        return JSONResponse(body, refusal.status, headers)
    if isinstance(refusal, NotSignedIn):
        return RedirectResponse(sign_in_path(request), status_code=303)
    response: Response = web.render(request, "error.html", {"refusal": refusal}, refusal.status)
    response.headers.update(headers)
    return response


class Guarded:
    """Refuses what another site's page sends, and answers for faults that nobody foresaw."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        if from_elsewhere(request.method, request.headers):
            await answer(request, Denied("elsewhere", _ELSEWHERE))(scope, receive, send)
            return
        began = False

        async def noticing(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._app(scope, receive, noticing)
        except ClientDisconnect:
            return  # whoever asked is gone, in the middle of sending
        except Exception:
            if began:
                raise  # half an answer is out: only breaking the connection tells that it is no whole one
            await _fault(request)(scope, receive, send)


def _fault(request: Request) -> Response:
    """The page gets a number, the log the reason under the same number."""
    number = secrets.token_hex(4)
    log("web").exception("request_failed", number=number, path=request.url.path)
    text = Text(_OURS.message, number=number)
    return answer(request, Wrong("fault", text, status=HTTPStatus.INTERNAL_SERVER_ERROR))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, WebRefusal)  # noqa: S101 - how it is registered above
    return answer(request, error)


async def _plain_refusal(request: Request, error: Exception) -> Response:
    return answer(request, Wrong("refused", Text("%(text)s", text=str(error))))


async def _away(request: Request, error: Exception) -> Response:
    log("web").warning("request_waits", path=request.url.path, error=str(error))
    return answer(request, Wrong("away", _AWAY, status=HTTPStatus.SERVICE_UNAVAILABLE))


async def _unkept(request: Request, error: Exception) -> Response:  # noqa: ARG001 - as it is called
    """PostgreSQL keeps no NUL."""
    return answer(request, Wrong("invalid", _NO_TEXT))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - how it is registered above
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    text = Text(_FIELD.message, field=field, problem=first["msg"])
    return answer(request, Wrong("invalid", text))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - how it is registered above
    if error.status_code == HTTPStatus.NOT_FOUND:
        return answer(request, Missing())
    text = Text("%(text)s", text=str(error.detail))
    response = answer(request, Wrong("http", text, status=error.status_code))
    response.headers.update(error.headers or {})
    return response
