"""Sessions: a signed cookie that says who signed in, when, and when they were last there.

Any role that has the key and the directory of people accepts it, so one sign-in serves all pages. On the
server stands only which sessions are over before their time (`sign_ins.py`). Each sign-in makes a session
of its own; nothing that a browser brought along from before becomes signed in (OWASP: session fixation).
"""

import hashlib
import hmac
import ipaddress
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from reelwarden_common.web.people import People, Person, Voucher

SESSION_COOKIE = "rw_session"
BY_ITSELF = "x-by-itself"
"""A page that asks anew without its reader sends this header: that keeps no session alive."""
RENEW_AFTER = timedelta(minutes=1)
"""How coarsely it is noted that somebody is there."""
_PURPOSE = "reelwarden.session.v2"


@dataclass(frozen=True)
class Session:
    """One sign-in, as the cookie tells it."""

    account: str
    stamp: str
    id: str
    opened_at: datetime
    seen_at: datetime
    second: bool = False
    """Whether a second factor was given."""
    guest: Person | None = None
    """Whoever has no password here: the session carries what the sign-in service said."""


class Sessions:
    """Opens, reads and ends sessions.

    Args:
        key: Signs them.
        people: Who there is.
        lifetime: After which a session is over, however busy.
        idle: After which it is over when nobody was there; never longer than `lifetime`.
    """

    def __init__(self, key: str, people: People, lifetime: timedelta, idle: timedelta) -> None:
        self._key = key
        self._serializer = URLSafeTimedSerializer(key, salt=_PURPOSE)
        self._people = people
        self._lifetime = lifetime
        self._idle = min(idle, lifetime)

    def open(self, request: Request, response: Response, person: Person, *, second: bool = False) -> None:
        """Let the browser carry who signed in, under a new id."""
        now = datetime.now(UTC)
        stamp, guest = self._people.stamp(person.id), person if person.voucher else None
        fresh = Session(person.id, stamp, secrets.token_urlsafe(16), now, now, second, guest)
        self.keep(request, response, fresh)

    def keep(self, request: Request, response: Response, session: Session) -> None:
        """The same session, seen now."""
        value = self._serializer.dumps(
            [
                *(session.account, session.stamp, session.id, session.opened_at.timestamp(), session.second),
                *_said_of(session.guest),
            ]
        )
        response.set_cookie(
            SESSION_COOKIE,
            value,
            max_age=max(0, int((session.opened_at + self._lifetime - datetime.now(UTC)).total_seconds())),
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

    def read(self, request: Request) -> Session | None:
        """What the cookie says; None if it is forged, expired, or from before a change of the password."""
        value = request.cookies.get(SESSION_COOKIE)
        if not value:
            return None
        try:
            (account, stamp, session, opened, second, *said), seen = self._serializer.loads(
                value, max_age=int(self._idle.total_seconds()), return_timestamp=True
            )
            opened_at = datetime.fromtimestamp(opened, UTC)
            if datetime.now(UTC) - opened_at > self._lifetime or self._people.stamp(account) != stamp:
                return None
            guest = self._guest(account, *said) if said else None
            found = Session(account, stamp, str(session), opened_at, seen, second is True, guest)
        except (BadData, ValueError, TypeError, OverflowError, OSError):
            return None
        return found if self._people.find(found.account) is not None else None

    def _guest(self, account: str, name: str, unit: str, rules: list[int], proven: float | None) -> Person:
        proven_at = None if proven is None else datetime.fromtimestamp(proven, UTC)
        return self._people.vouched_for(account, name, unit, Voucher(tuple(rules), proven_at))

    def person(self, request: Request) -> Person | None:
        """Who is signed in, as `SessionKeeper` found at the beginning of the request."""
        found: Person | None = getattr(request.state, "signed_in", None)
        return found

    def mark(self, account: str) -> str:
        """How roles that share the key speak of an account to each other without naming it."""
        return mark_of(self._key, account)

    def names(self, session: Session) -> tuple[str, str]:
        """Under which a session may have been ended: by itself, or with all others of its person."""
        return hashlib.sha256(session.id.encode()).hexdigest(), self.mark(session.account)


def _said_of(guest: Person | None) -> list[object]:
    if guest is None or guest.voucher is None:
        return []
    proven = guest.voucher.proven_at
    return [guest.name, guest.unit, guest.voucher.rules, proven.timestamp() if proven else None]


def mark_of(key: str, account: str) -> str:
    """See `Sessions.mark`, for a role without pages."""
    return hmac.new(key.encode(), f"account:{account}".encode(), hashlib.sha256).hexdigest()


def somebody_there(method: str, headers: Headers) -> bool:
    """Whether a request shows that a person is there, and not a page that renews itself.

    Browsers say with `Sec-Fetch-User` that a person followed a link; a refresh has none. Programs send none
    of these headers: each of their requests counts.
    """
    if BY_ITSELF in headers or "text/event-stream" in headers.get("accept", ""):
        return False
    wanted = headers.get("sec-fetch-dest", "empty")
    if wanted == "document":
        return method != "GET" or headers.get("sec-fetch-user") == "?1"
    return wanted == "empty"


def is_loopback(request: Request) -> bool:
    """Whether the browser speaks to its own machine: only there a cookie may travel without TLS."""
    host = request.url.hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
