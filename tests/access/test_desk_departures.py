"""Somebody leaves: from the next request on nothing is open to them, and what they signed stays (R3.3)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

import httpx
import pytest
from argon2 import PasswordHasher

from reelwarden_access.district.desk import app
from reelwarden_common import district
from reelwarden_common.events.access import AccessChanged, ViewingStopped
from reelwarden_common.role import running
from reelwarden_common.web import People
from tests.support.desk import PASSWORD, DeskHouse

LEAVER = "sun.wei"
"""Of the safety department: supervises, and signs records."""


async def decide(house: DeskHouse, who: str, act: str, **form: str) -> httpx.Response:
    async with house.person(who) as http:
        body = {"account": LEAVER, "reason": "调离本校", "password": PASSWORD} | form
        return await http.post(f"/people/{act}", data=body)


@asynccontextmanager
async def gone(house: DeskHouse) -> AsyncIterator[None]:
    """While this runs, they have left."""
    left = await decide(house, "chen.gang", "end")
    assert left.status_code == 303, left.text
    try:
        yield
    finally:
        back = await decide(house, "chen.gang", "back", reason="调回本校")
        assert back.status_code == 303, back.text
        house.sessions.pop(LEAVER, None)


async def test_everything_ends_at_once_on_every_replica(house: DeskHouse) -> None:
    application = await house.file()
    await house.ready(application, "li.lei")
    path = f"/api/applications/{application}"
    await house.do(LEAVER, f"{path}/supervision", {"present": ["王芳", "周杰"]})
    await house.do("zhou.jie", "/api/training/ack")
    await house.do("zhou.jie", f"{path}/viewings")
    async with app.build(house.settings) as role, running(role) as second:
        async with house.person(LEAVER) as http:
            cookies = dict(http.cookies)
            assert (await http.get("/api/session")).status_code == 200
        async with gone(house):
            for url in (house.url, second):
                async with house.client_of(url, cookies) as http:
                    assert (await http.get("/api/session")).status_code == 401
                    assert (await http.get("/supervise")).headers["location"].startswith("/login")
                async with house.client_of(url, {}) as http:
                    again = await http.post("/login", data={"id": LEAVER, "password": PASSWORD})
                    assert (again.status_code, "您的权限已终止" in again.text) == (403, True)
                    body = {"id": LEAVER, "password": PASSWORD}
                    assert (await http.post("/api/session", json=body)).status_code == 401
            stopped = (await house.until_said(ViewingStopped, application))[0]
            assert stopped.reason == "supervisor_left"
            told = [e for e in house.said(AccessChanged) if not e.allowed]
            assert told
            assert LEAVER not in told[-1].model_dump_json()
            page = await house.ask("chen.gang", "GET", "/people")
            assert "调离本校" in page.text
        async with house.client_of(second, cookies) as http:
            assert (await http.get("/api/session")).status_code == 401, "what was open stays closed"
        await house.ask(LEAVER, "GET", "/")


async def test_what_they_signed_stays_and_what_they_did_not_goes_to_the_department(house: DeskHouse) -> None:
    application = await house.file()
    await house.ready(application, "li.lei")
    path = f"/api/applications/{application}"
    await house.do(LEAVER, f"{path}/supervision", {"present": ["王芳"]})
    await house.do("zhou.jie", "/api/training/ack")
    async with house.person("zhou.jie") as retriever:
        opened = (await retriever.post(f"{path}/viewings")).json()
        await retriever.post(f"/api/viewings/{opened['viewing']}/stop")
        filled = await retriever.post(f"{path}/record", json={"content": "经过校门", "outcome": "已核实"})
    signing = {"digest": filled.json()["digest"], "password": PASSWORD}
    for account in ("zhou.jie", "wang.fang"):
        await house.do(account, f"{path}/record/sign", signing)
    early = await house.ask("chen.gang", "POST", f"{path}/record/sign", signing)
    assert early.status_code == 403
    async with gone(house):
        [wait] = (await house.show(application))["waits"]
        assert (wait["what"], wait["who"]) == ("signatures", ["陈刚"])
        shown = await house.do("chen.gang", f"{path}/record/sign", signing)
        assert shown["status"] == "recorded"
        [instead] = [s for s in shown["record"]["signatures"] if s["capacity"] == "supervisor"]
        assert (instead["name"], instead["on_behalf_of"]) == ("陈刚", "孙伟")


@pytest.mark.parametrize(
    ("who", "whom", "status"),
    [
        ("chen.gang", "chen.gang", 403),
        ("chen.gang", "qian.duo", 403),
        ("chen.gang", "nobody.there", 403),
        ("li.lei", LEAVER, 403),
        ("wang.fang", LEAVER, 403),
    ],
)
async def test_who_decides_about_whom(house: DeskHouse, who: str, whom: str, status: int) -> None:
    assert (await decide(house, who, "end", account=whom)).status_code == status
    assert (await decide(house, who, "back", account=whom)).status_code == status


async def test_a_reason_and_the_own_password_are_needed(house: DeskHouse) -> None:
    assert (await decide(house, "chen.gang", "end", reason=" ")).status_code == 422
    assert (await decide(house, "chen.gang", "end", password="wrong")).status_code == 403
    assert (await decide(house, "chen.gang", "back")).status_code == 409
    async with gone(house):
        assert (await decide(house, "feng.ju", "end")).status_code == 409


def test_the_last_day_of_the_configuration_is_a_whole_day() -> None:
    somebody = district.Person(
        id="xu.li",
        name="徐莉",
        password_hash=PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("x"),
        until=date(2026, 7, 31),
    )
    people = People([somebody])
    assert not people.has_left("xu.li", date(2026, 7, 31))
    assert people.has_left("xu.li", date(2026, 8, 1))
    assert people.find("xu.li") is not None, "their name stays known"
