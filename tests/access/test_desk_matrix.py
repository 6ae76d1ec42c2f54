"""Every address of the desk against those without business there: not signed in, no role, another school."""

import re
from pathlib import PurePosixPath
from typing import Any

import httpx
import pytest

from tests.support.desk import PASSWORD, DeskHouse
from tests.support.routes import Route, routes_of

FOR_ALL = {
    "/login",
    "/login/oidc",
    "/login/oidc/callback",
    "/logout",
    "/api/session",
    "/api/docs",
    "/api/openapi.json",
    "/livez",
    "/readyz",
    "/metrics",
}
"""Where whoever comes is answered."""
OWN = {
    "/": "one's own list",
    "/keys": "one's own keys",
    "/second-factor": "one's own",
    "/second-factor/begin": "one's own",
    "/second-factor/confirm": "one's own",
    "/second-factor/remove": "one's own",
    "/login/code": "whoever is signed in is sent on",
    "/logout/everywhere": "one's own sessions",
    "/training": "the rules are for everybody",
    "/api/training": "the rules are for everybody",
    "/api/training/ack": "the rules are for everybody",
    "/api/schools": "one's own schools",
    "/api/applications": "one's own list",
    "/api/extensions": "one's own list",
    "/extensions": "one's own list",
    "/plans": "one's own schools",
    "/drafts": "one's own forms",
    "/drafts/{name}/delete": "one's own forms: others' are not found, and nothing is deleted",
    "/apply": "the form says who may not",
    "/reception": "the form says who may not",
    "/extend": "the form says who may not",
    "/timeline": "of no camera, nothing",
    "/api/keys/nonce": "one's own keys",
    "/api/keys/options": "one's own keys",
}
"""Where everybody who has signed in is answered, with what is theirs."""
LEADS_ELSEWHERE = re.compile(r"/\{(application|extension)\}/\{act\}$")
"""Only sends back to the application's page, which refuses."""
HELD_BACK = {401, 403, 404, 405, 422}
"""Refused, not there, or (for a form that lacks something) not understood."""
BODY: dict[str, Any] = {
    "digest": "0" * 64,
    "password": PASSWORD,
    "opinion": "x",
    "decision": "approve",
    "present": ["x"],
    "name": "x",
    "reason": "x",
    "content": "x",
    "outcome": "x",
    "recipient": "x",
    "declaration": "returned",
}


def address(path: str, known: dict[str, str]) -> str:
    """A path with ids of the other school's things in it."""
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: known.get(found[1], "x1"), path)


async def answer(http: httpx.AsyncClient, route: Route, known: dict[str, str]) -> httpx.Response:
    method, path = route
    where = address(path, known)
    if method == "GET":
        return await http.get(where)
    if path.startswith("/api/"):
        return await http.request(method, where, json=BODY)
    return await http.request(method, where, data=BODY)


async def test_nobody_comes_in_without_signing_in(house: DeskHouse) -> None:
    known = {"application": await house.file()}
    open_to_all = []
    async with house.client_of(house.url, {}) as http:
        for route in routes_of(house.http):
            if route[1] in FOR_ALL or route[1].startswith(("/web/", "/static/")):
                continue
            said = await answer(http, route, known)
            to_login = said.status_code == 303 and said.headers["location"].startswith("/login")
            if not to_login and said.status_code != 401 and not LEADS_ELSEWHERE.search(route[1]):
                open_to_all.append((route, said.status_code))
    assert not open_to_all, "\n".join(map(str, open_to_all))


@pytest.mark.parametrize("account", ["nobody", "qian.duo"])
async def test_what_is_of_a_school_is_not_there_for_others(house: DeskHouse, account: str) -> None:
    known = {"application": await house.file(), "school": "s001", "camera": "gate"}
    before = await house.show(known["application"])
    let_in = []
    routes = [one for one in routes_of(house.http) if one[1] not in FOR_ALL | OWN.keys()]
    assert len(routes) > 60
    async with house.person(account) as http:
        for route in routes:
            about_this = "{application}" in route[1] or "{school}" in route[1]
            if not about_this and account != "nobody":
                continue  # they have lists and forms of their own school
            said = await answer(http, route, known)
            if said.status_code not in HELD_BACK and not LEADS_ELSEWHERE.search(route[1]):
                let_in.append((route, said.status_code))
            assert PASSWORD not in said.text
    assert not let_in, "\n".join(map(str, let_in))
    assert await house.show(known["application"]) == before


@pytest.mark.parametrize("account", ["nobody", "qian.duo"])
async def test_what_was_recorded_at_a_school_is_told_to_nobody_else(house: DeskHouse, account: str) -> None:
    span = {"start": "2026-11-01T08:00:00", "end": "2026-11-01T09:00:00"}
    async with house.person(account) as http:
        drawn = await http.get("/timeline", params={**span, "cameras": "s001/gate"})
        told = await http.get("/api/coverage", params={**span, "school": "s001"})
    assert (drawn.status_code, told.status_code) == (403, 403)


def test_no_address_climbs_out_of_its_folder(house: DeskHouse) -> None:
    for _, path in routes_of(house.http):
        assert ".." not in PurePosixPath(path).parts
