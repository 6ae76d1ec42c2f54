"""Who may come in: dependencies for routes."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request

from reelwarden_common.district import PersonRole
from reelwarden_common.web.people import Person
from reelwarden_common.web.refusals import Denied, NotSignedIn
from reelwarden_common.web.sessions import Sessions
from reelwarden_common.web.text import N_, Text


def _person_or_none(request: Request) -> Person | None:
    sessions: Sessions = request.app.state.web.sessions
    program: Person | None = getattr(request.state, "program", None)
    return program or sessions.person(request)


MaybePerson = Annotated[Person | None, Depends(_person_or_none)]
"""Whoever is signed in, or None."""


def _signed_in(person: MaybePerson) -> Person:
    if person is None:
        raise NotSignedIn
    return person


SignedIn = Annotated[Person, Depends(_signed_in)]
"""Whoever is signed in; others are sent to sign in (pages) or answered 401 (API)."""


def require(*roles: PersonRole) -> Callable[[Person], Person]:
    """A dependency: a signed-in person who has one of the roles at some school.

    Which school it must be, only the thing asked for can tell: the route checks that with `person.holds`.
    """

    def check(person: SignedIn) -> Person:
        if not person.holds_somewhere(*roles):
            raise Denied("no_right", Text(N_("Your account has no right to this.")), "R3.3")
        return person

    return check
