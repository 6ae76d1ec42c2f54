"""Signing in with the district's account: to the service, and back from it."""

import hmac
from dataclasses import astuple
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from itsdangerous import BadData, URLSafeTimedSerializer

from reelwarden_common.errors import Transient
from reelwarden_common.telemetry import log
from reelwarden_common.web.oidc import Begun, NotAccepted, Provider, has_second_factor
from reelwarden_common.web.refusals import Denied, Missing, Wrong
from reelwarden_common.web.sessions import is_loopback
from reelwarden_common.web.sign_in import HAS_LEFT, local_path
from reelwarden_common.web.text import N_, Text

router = APIRouter(include_in_schema=False)
COOKIE, PATH, MINUTES = "rw_oidc", "/login/oidc", 10
_AWAY = Text(
    N_(
        "The district's sign-in service does not answer. Try again in a few minutes, or sign in with an"
        " account and password of this site if you have one."
    )
)
_NOT_ACCEPTED = Text(
    N_(
        "This sign-in was not accepted: it took too long, was begun in another browser, or the answer of the"
        " sign-in service does not fit. Please sign in again; if that does not help, tell the operator."
    )
)
_NO_ROLE = N_(
    "You are signed in at the district's service as %(name)s, but have no role here. Ask the safety"
    " department of your school to have you put into the right group there, then sign in again."
    " Your number: %(account)s"
)


def _provider(request: Request) -> Provider:
    found: Provider | None = request.app.state.web.oidc
    if found is None:
        raise Missing
    return found


def _back(request: Request) -> str:
    scheme = request.url.scheme if is_loopback(request) else "https"
    return f"{scheme}://{request.url.netloc}{PATH}/callback"


def _kept(request: Request) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(request.app.state.web.session_key, salt="reelwarden.oidc.v1")


def _begun(request: Request) -> Begun:
    """The sign-in that this browser began."""
    try:
        wanted, state, nonce, verifier = _kept(request).loads(
            request.cookies.get(COOKIE, ""), max_age=MINUTES * 60
        )
    except (BadData, ValueError, TypeError) as error:
        raise NotAccepted("this browser began no sign-in") from error
    begun = Begun(wanted, state, nonce, verifier)
    if not hmac.compare_digest(begun.state.encode(), request.query_params.get("state", "").encode()):
        raise NotAccepted("the state is another's")
    if "code" not in request.query_params:
        raise NotAccepted(f"the service says {request.query_params.get('error', 'nothing')[:100]!r}")
    return begun


@router.get(PATH)
async def to_service(request: Request, next: str = "/", fresh: bool = False) -> Response:  # noqa: A002 - as in the address
    """Send the browser to the service; `fresh`: it must ask anew who sits there."""
    provider, begun = _provider(request), Begun(local_path(next))
    try:
        where = await provider.address(begun, _back(request), fresh=fresh)
    except Transient as error:
        raise _away(error) from error
    except NotAccepted as error:
        raise _refused(error) from error
    response = RedirectResponse(where, status_code=303)
    response.set_cookie(
        COOKIE,
        _kept(request).dumps(astuple(begun)),
        max_age=MINUTES * 60,
        httponly=True,
        samesite="lax",  # the service's site sends the browser back
        secure=not is_loopback(request),
        path=PATH,
    )
    return response


@router.get(PATH + "/callback")
async def from_service(request: Request, code: str = "") -> Response:
    """Check what the service says, open a session, go on."""
    web, provider = request.app.state.web, _provider(request)
    try:
        begun = _begun(request)
        claims = await provider.claims_for(code, begun, _back(request))
    except Transient as error:
        raise _away(error) from error
    except NotAccepted as error:
        raise _refused(error) from error
    person = provider.person(claims, web.people)
    if not person.grants:
        raise Denied("no_role", Text(_NO_ROLE, name=person.name, account=person.id), "R3.3")
    if not await web.may_come_in(person.id):
        raise Denied("has_left", HAS_LEFT, "R3.3")
    # a page and no redirect: coming from another site, the browser would not send the new session along
    response: Response = web.render(
        request, "login_done.html", {"next": local_path(begun.next), "person": None}
    )
    response.delete_cookie(COOKIE, path=PATH)
    web.sessions.open(request, response, person, second=has_second_factor(claims))
    return response


def _away(error: Exception) -> Wrong:
    log("web").warning("sign_in_service_away", error=str(error))
    return Wrong("service_away", _AWAY, status=HTTPStatus.SERVICE_UNAVAILABLE)


def _refused(error: Exception) -> Denied:
    log("web").warning("sign_in_not_accepted", error=str(error))
    return Denied("not_accepted", _NOT_ACCEPTED, "R3.3")
