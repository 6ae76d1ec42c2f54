"""Every address of the dashboard × every role × own or other school; a new one that is not listed fails."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from fastapi import FastAPI

from reelwarden_local.bus import EmbeddedBus
from tests.report.district import HASH, PASSWORD, Index, dashboard, district_toml, signed_in
from tests.support.routes import Route, routes_of

OTHERS = {
    "auditor.here": ("s001:auditor", "孙审计"),
    "safety.there": ("s002:safety", "何安全"),
}
"""Besides the people whom `district_toml` knows."""


def known_people(toml: Path) -> None:
    """Add the people of this test."""
    lines = [""]
    for person, (held, name) in OTHERS.items():
        lines += ["[[people]]", f'id = "{person}"', f'name = "{name}"', f"password_hash = '{HASH}'"]
        lines += [f"roles = {json.dumps([held])}"]
    with toml.open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


BODY: dict[str, Any] = {
    "school": "s001",
    "text": "x",
    "reason": "mended",
    "outcome": "x",
    "schools": ["s001"],
    "name": "x",
    "url": "https://example.org/x",
    "filed_on": "2026-01-02",
    "number": "7",
    "digest": "0" * 64,
    "password": PASSWORD,
    "start": "2026-01-01T00:00",
    "end": "2026-01-01T01:00",
    "letter": "s001/exporter/DISTRICT.17",
    "key": "s001/exporter/DISTRICT.17",
    "act": "dismiss",
    "note": "x",
}
"""What a form of any address needs to be understood; what it asks for may still make no sense."""
FITTING = {
    "/findings/{finding}/steps": {"kind": "comment"},
    "/reports": {"kind": "daily"},
    "/api/inspections": {"kind": "daily"},
    "/violations/{violation}/steps": {"kind": "handled"},
    "/morning/{school}": {"shown": "x"},
}
FOR_ALL = (
    "/livez",
    "/readyz",
    "/metrics",
    "/login",
    "/login/oidc",
    "/login/oidc/callback",
    "/logout",
    "/api/session",
    "/api/docs",
    "/api/openapi.json",
    "/notices/leave",
    "/web/",
    "/static/",
)
"""Where whoever comes is answered; to leave a mail's list needs the mail's own key."""


def address(path: str, known: dict[str, str]) -> str:
    """A path with the ids of the first school's things in it."""
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: known.get(found[1], "x1"), path)


async def answer(
    http: httpx.AsyncClient, route: Route, known: dict[str, str], origin: dict[str, str] | None = None
) -> int:
    """The status; of a stream no more is waited for."""
    method, path = route
    where, headers = address(path, known), {"origin": str(http.base_url).rstrip("/"), **(origin or {})}
    if method == "GET":
        span = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z"}
        asked = {"school": "s001", "camera": "gate"} | ({} if path.endswith("/log") else span)
        async with http.stream("GET", where, params=asked) as said:
            return said.status_code
    if path.endswith("/still"):
        return (await http.post(where, files={"still": b"no picture"}, headers=headers)).status_code
    given = BODY | FITTING.get(path, {})
    if path.startswith("/api/"):
        return (await http.request(method, where, headers=headers, json=given)).status_code
    return (await http.request(method, where, headers=headers, data=given)).status_code


async def fill(pool: asyncpg.Pool, at: str) -> dict[str, str]:
    """One thing of each kind at the first school."""
    await pool.execute(_FINDING)
    safety = await signed_in(at, "safety")
    told = {"school": "s001", "text": "x"}
    for path in ("/feedback", "/violations/report", "/maintenance"):
        assert (await safety.post(path, data=BODY | told)).status_code == 303
    made = await safety.post("/api/inspections", json={"school": "s001", "kind": "daily"})
    await safety.aclose()
    one = pool.fetchval
    return {
        "school": "s001",
        "camera": "gate",
        "report": made.json()["report"],
        "finding": "f1",
        "violation": await one("SELECT violation FROM violation"),
        "feedback": await one("SELECT feedback FROM feedback"),
        "name": await one("SELECT maintenance FROM maintenance"),
        "day": "2026-01-01",
        "service": "ingest",
        "act": "pause",
    }


_FINDING = """
INSERT INTO finding (finding, school, kind, cause, camera, severity, facts, opened_at, deadline, seen_at)
VALUES ('f1', 's001', 'gap', 'x', 'gate', 'serious', '{}', now(), now(), now())
"""

EVERYBODY = "leader safety auditor.here teacher nobody officer operator safety.there"
"""All who sign in here; `safety.there` is of the other school."""
VIEWERS = "leader safety auditor.here officer operator"
ANY_VIEWER = "leader safety auditor.here officer operator safety.there"
"""With what is of one's own schools alone."""
KEEPERS = "safety officer operator"
ANY_KEEPER = "safety officer operator safety.there"
MEMBERS = "leader safety auditor.here teacher officer operator"
READERS = "leader auditor.here officer"
SPEAKERS = "leader safety officer"
INSPECTORS = "safety officer"
OFFICER = "officer"
FIRST = "safety"
"""The first of `INSPECTORS`: for the next it is closed already."""
NOBODY = ""
"""What is asked for is not there."""
RIGHTS = {
    EVERYBODY: (
        "GET /",
        "GET /api/asyncapi/{service}.json",
        "GET /api/rules",
        "GET /events",
        "GET /feedback",
        "GET /keys",
        "GET /rules",
        "GET /violations/report",
        "POST /api/keys",
        "POST /api/keys/nonce",
        "POST /api/keys/options",
        "POST /notices/confirm",
    ),
    VIEWERS: (
        "GET /api/schools/{school}/copies",
        "GET /api/custody/{school}",
        "GET /api/custody/{school}/log",
        "GET /api/events",
        "GET /api/feedback",
        "GET /api/findings",
        "GET /api/letters",
        "GET /api/live",
        "GET /api/register",
        "GET /api/reports",
        "GET /api/schools/{school}",
        "GET /api/schools/{school}/cameras",
        "GET /api/schools/{school}/erased",
        "GET /api/schools/{school}/holds",
        "GET /api/violations",
        "GET /findings",
        "GET /findings.csv",
        "GET /findings/{finding}",
        "GET /footage",
        "GET /morning/{school}",
        "GET /register",
        "GET /register/{school}/{camera}",
        "GET /reports/{report}.csv",
        "GET /reports/{report}.html",
        "GET /reports/{report}.pdf",
        "GET /schools/{school}",
        "GET /schools/{school}/cameras/{camera}",
        "GET /violations/{violation}",
        "POST /reports/{report}/sign",
    ),
    ANY_VIEWER: (
        "GET /api/schools",
        "GET /letters",
        "GET /maintenance",
        "GET /morning",
        "GET /notices",
        "GET /reports",
        "GET /violations",
        "POST /notices",
    ),
    KEEPERS: (
        "POST /api/tokens",
        "POST /api/webhooks",
        "POST /programs/tokens",
        "POST /programs/webhooks",
    ),
    ANY_KEEPER: (
        "GET /api/tokens",
        "GET /api/webhooks",
        "GET /programs",
    ),
    INSPECTORS: (
        "POST /violations/{violation}/steps",
        "POST /maintenance/{name}/end",
        "POST /morning/{school}",
        "POST /api/findings/{finding}/close",
        "POST /api/inspections",
        "POST /feedback/{feedback}/answer",
        "POST /findings/{finding}/close",
        "POST /maintenance",
        "POST /register/{school}/filing",
        "POST /register/{school}/{camera}",
        "POST /register/{school}/{camera}/still",
        "POST /reports",
    ),
    FIRST: ("POST /api/violations/{violation}/close",),
    OFFICER: (
        "GET /rules/draft",
        "POST /rules/draft",
        "POST /rules/publish",
    ),
    MEMBERS: (
        "POST /api/feedback",
        "POST /feedback",
        "POST /violations/report",
    ),
    READERS: ("POST /reports/{report}/read",),
    SPEAKERS: ("POST /findings/{finding}/steps",),
    NOBODY: (
        "GET /morning/{school}/{day}",
        "GET /morning/{school}/{day}.pdf",
        "GET /register/{school}/{camera}/still.jpg",
        "POST /api/letters",
        "POST /api/tokens/{token}/revoke",
        "POST /api/webhooks/{webhook}/{act}",
        "POST /keys/{key}/remove",
        "POST /letters",
        "POST /programs/tokens/{token}/revoke",
        "POST /programs/webhooks/{webhook}/{act}",
        "POST /violations/{violation}/close",
    ),
}
"""Whom each address lets in, for a thing of the first school."""
REFUSED = {401, 403, 404}


def asked_for(app: FastAPI) -> list[Route]:
    """All but those that are there for whoever comes."""
    return [one for one in routes_of(app) if not one[1].startswith(FOR_ALL)]


async def test_each_address_lets_in_whom_it_should(
    district_bus: EmbeddedBus, report_url: str, report_pool: asyncpg.Pool, index: Index, tmp_path: Path
) -> None:
    assert index is not None  # it answers
    toml = district_toml(tmp_path)
    known_people(toml)
    rights = {address: people.split() for people, listed in RIGHTS.items() for address in listed}
    wrong = []
    async with dashboard(district_bus, report_url, toml) as (at, app):
        known = await fill(report_pool, at)
        routes = asked_for(app)
        assert {" ".join(route) for route in routes} == rights.keys(), "every address is listed"

        async def tries(person: str) -> None:
            http = await signed_in(at, person)
            for route in routes:
                status = await answer(http, route, known)
                if (status not in REFUSED) != (person in rights[" ".join(route)]):
                    wrong.append((person, route, status))
            await http.aclose()

        await tries(FIRST)
        await asyncio.gather(*(tries(person) for person in EVERYBODY.split() if person != FIRST))
    assert not wrong, "\n".join(map(str, wrong))


async def test_strangers_and_other_sites_change_nothing(
    district_bus: EmbeddedBus, report_url: str, tmp_path: Path
) -> None:
    known = {"school": "s001", "camera": "gate"}
    async with dashboard(district_bus, report_url, district_toml(tmp_path)) as (at, app):
        stranger, officer = httpx.AsyncClient(base_url=at, timeout=60), await signed_in(at, "officer")
        let_in = []
        for route in asked_for(app):
            method, path = route
            said = await answer(stranger, route, known)
            if said != (401 if path.startswith("/api/") else 303):
                let_in.append(("nobody", route, said))
            if method != "GET":
                for told in ({"origin": "https://evil.example"}, {"origin": "null"}):
                    said = await answer(officer, route, known, told)
                    if said != 403:
                        let_in.append((told["origin"], route, said))
        assert not let_in, "\n".join(map(str, let_in))
        for folder in ("/static", "/web"):
            for climb in ("/../app.py", "/%2e%2e/app.py", "/..%2fapp.py", "/%5c..%5capp.py", "//etc/passwd"):
                assert (await stranger.get(folder + climb)).status_code in (401, 404), folder + climb
        for climb in (
            "/reports/..%2f..%2fapp.py.pdf",
            "/morning/s001/..%2fapp.pdf",
            "/register/s001/..%2f/still.jpg",
        ):
            assert (await officer.get(climb)).status_code in (404, 422), climb
        for client in (stranger, officer):
            await client.aclose()
