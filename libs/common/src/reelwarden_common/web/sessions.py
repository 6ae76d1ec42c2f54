"""Sessions: a signed cookie that says who signed in and when; nothing is kept on the server.

Any role that has the key and the directory of people accepts it, so one sign-in serves all pages.
"""

import ipaddress
from datetime import timedelta

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import Response

from reelwarden_common.web.people import People, Person

SESSION_COOKIE = "rw_session"
_PURPOSE = "reelwarden.session.v1"


class Sessions:
    """Opens, reads and ends sessions."""

    def __init__(self, key: str, people: People, lifetime: timedelta) -> None:
        self._serializer = URLSafeTimedSerializer(key, salt=_PURPOSE)
        self._people = people
        self._lifetime = lifetime

    def open(self, request: Request, response: Response, person: Person) -> None:
        """Let the browser carry who signed in."""
        value = self._serializer.dumps([person.id, self._people.stamp(person.id)])
        response.set_cookie(
            SESSION_COOKIE,
            value,
            max_age=int(self._lifetime.total_seconds()),
            httponly=True,
            samesite="strict",
            secure=not is_loopback(request),
            path="/",
        )

    def end(self, request: Request, response: Response) -> None:
        """Let the browser forget."""
        response.delete_cookie(
            SESSION_COOKIE, path="/", httponly=True, samesite="strict", secure=not is_loopback(request)
        )

    def person(self, request: Request) -> Person | None:
        """Who signed in; None for nobody, a forged or expired cookie, or a changed password."""
        value = request.cookies.get(SESSION_COOKIE)
        if not value:
            return None
        try:
            account, stamp = self._serializer.loads(value, max_age=int(self._lifetime.total_seconds()))
        except (BadData, ValueError, TypeError):
            return None
        person = self._people.find(account) if isinstance(account, str) else None
        return person if person and self._people.stamp(person.id) == stamp else None


def is_loopback(request: Request) -> bool:
    """Whether the browser speaks to its own machine: only there a cookie may travel without TLS."""
    host = request.url.hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
