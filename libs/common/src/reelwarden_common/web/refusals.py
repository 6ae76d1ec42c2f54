"""Why a request is not done, in words for the person who made it."""

from reelwarden_common.errors import Refused
from reelwarden_common.web.text import N_, Text

_LONG = 120
"""Seconds from which a wait is told in minutes."""


class WebRefusal(Refused):
    """Told to the person in their language, with a code for programs and the rule that says so."""

    status = 400

    def __init__(self, code: str, text: Text, rule: str | None = None) -> None:
        super().__init__(text.plain())
        self.code = code
        self.text = text
        self.rule = rule


class Wrong(WebRefusal):
    """Something in the request is missing, malformed, or does not fit the state of things."""

    def __init__(self, code: str, text: Text, rule: str | None = None, status: int = 422) -> None:
        super().__init__(code, text, rule)
        self.status = status


class Denied(WebRefusal):
    """The person may not do it (R3.3)."""

    status = 403


class Missing(WebRefusal):
    """There is no such thing, or not for this person."""

    status = 404

    def __init__(self, text: Text | None = None) -> None:
        super().__init__("missing", text or Text(N_("There is nothing at this address.")))


class NoPassword(Denied):
    """Whoever signed in with the district's account has no password here to sign with (R4.2)."""

    def __init__(self, *, fresh: bool = False) -> None:
        text = Text(
            N_(
                "You signed in with the district's account and have no password here, so nothing was signed."
                " Enrol a key of your own under My keys (/keys) and sign with it."
            )
        )
        if fresh:
            text = Text(
                N_(
                    "Sign in afresh with the district's account, then do this within 5 minutes. If this comes"
                    " again, its service does not tell when you signed in: tell the operator."
                )
            )
        super().__init__("no_password", text, "R4.2")


class NotSignedIn(WebRefusal):
    """Nobody is signed in, or the session is over."""

    status = 401

    def __init__(self, text: Text | None = None) -> None:
        super().__init__("not_signed_in", text or Text(N_("Please sign in first.")), "R3.3")


class TooOften(WebRefusal):
    """Too many wrong passwords for one account: wait."""

    status = 429

    def __init__(self, seconds: int) -> None:
        text = Text(N_("Too many wrong passwords. Try again in %(seconds)s s."), seconds=seconds)
        if seconds > _LONG:
            text = Text(
                N_(
                    "Too many wrong passwords: this account is closed for %(minutes)s minutes,"
                    " then try again. If it was not you, tell the safety department."
                ),
                minutes=-(-seconds // 60),
            )
        super().__init__("too_often", text)
        self.seconds = seconds
