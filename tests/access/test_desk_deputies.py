"""A leader is away: the deputy signs for them on these days, says so, and never what the leader may not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from reelwarden_access.district.desk.application import Capacity, Signature
from reelwarden_access.district.desk.deputy import principal_of
from reelwarden_access.district.desk.domain import check_decision
from reelwarden_common.district import PersonRole
from reelwarden_common.events.access import ApplicationApproved
from reelwarden_common.web import Denied
from tests.access.test_desk_domain import actor, application
from tests.support.desk import PASSWORD, DeskHouse

DEPUTY = "gao.yuan"
LEADER = PersonRole.LEADER


def days(first: int = 0, last: int = 3) -> dict[str, str]:
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    days = (today + timedelta(days=first), today + timedelta(days=last))
    return {"first_day": days[0].isoformat(), "last_day": days[1].isoformat()}


async def name(house: DeskHouse, who: str, **form: str) -> httpx.Response:
    body = {"leader": "s001/li.lei", "deputy": DEPUTY, "password": PASSWORD, **days()} | form
    async with house.person(who) as http:
        return await http.post("/deputies/name", data=body)


async def revoke(house: DeskHouse, who: str) -> None:
    async with house.person(who) as http:
        page = (await http.get("/deputies")).text
        for part in page.split('action="/deputies/')[1:]:
            if part.startswith("name"):
                continue
            path = f"/deputies/{part.split('/')[0]}/revoke"
            assert (await http.post(path, data={"password": PASSWORD})).status_code == 303


@asynccontextmanager
async def deputy(house: DeskHouse, **form: str) -> AsyncIterator[None]:
    named = await name(house, "li.lei", **form)
    assert named.status_code == 303, named.text
    try:
        yield
    finally:
        await revoke(house, "chen.gang")


def decision(shown: dict[str, Any]) -> dict[str, str]:
    return {"digest": shown["digest"], "opinion": "同意", "password": PASSWORD}


async def test_the_deputy_signs_and_the_form_says_for_whom(house: DeskHouse) -> None:
    number = await house.file()
    path = f"/api/applications/{number}"
    shown = await house.show(number)
    before = await house.ask(DEPUTY, "POST", f"{path}/approve", decision(shown))
    assert before.status_code == 403
    async with deputy(house):
        waiting = await house.ask(DEPUTY, "GET", "/approve")
        assert waiting.status_code == 200
        await house.do(DEPUTY, f"{path}/approve", decision(shown))
        told = (await house.until_said(ApplicationApproved, number))[0]
        assert told.approver_roles == ("leader",)
        signatures = (await house.show(number))["signatures"]
        [signed] = [one for one in signatures if one["capacity"] == "approver"]
        assert (signed["name"], signed["on_behalf_of"], signed["as_deputy"]) == ("高远", "李雷", True)
        page = await house.ask("chen.gang", "GET", f"/applications/{number}")
        assert "代李雷" in page.text
    late = await house.file()
    shown = await house.show(late)
    after = await house.ask(DEPUTY, "POST", f"/api/applications/{late}/approve", decision(shown))
    assert after.status_code == 403, "it was taken back"


@pytest.mark.parametrize(("first", "last", "status"), [(1, 2, 403), (-3, 0, 200), (0, 0, 200)])
async def test_first_and_last_day_count(house: DeskHouse, first: int, last: int, status: int) -> None:
    number = await house.file()
    shown = await house.show(number)
    async with deputy(house, **days(first, last)):
        answer = await house.ask(DEPUTY, "POST", f"/api/applications/{number}/approve", decision(shown))
        assert answer.status_code == status, answer.text


async def test_nobody_stands_in_for_who_has_left(house: DeskHouse) -> None:
    number = await house.file()
    shown = await house.show(number)
    async with deputy(house):
        body = {"account": "li.lei", "reason": "调离", "password": PASSWORD}
        async with house.person("chen.gang") as http:
            assert (await http.post("/people/end", data=body)).status_code == 303
            try:
                answer = await house.ask(
                    DEPUTY, "POST", f"/api/applications/{number}/approve", decision(shown)
                )
            finally:
                assert (await http.post("/people/back", data=body)).status_code == 303
                house.sessions.pop("li.lei", None)
        assert answer.status_code == 403


@pytest.mark.parametrize(
    ("who", "form", "status"),
    [
        ("han.mei", {}, 403),
        ("qian.duo", {}, 403),
        ("chen.gang", {"deputy": "chen.gang"}, 403),
        ("li.lei", {"deputy": "han.mei"}, 422),
        ("li.lei", {"deputy": "he.ping"}, 422),
        ("li.lei", {"leader": "s002/li.lei"}, 422),
        ("chen.gang", {"leader": "s001/zhou.jie"}, 422),
        ("li.lei", days(0, 200), 422),
        ("li.lei", days(-5, -1), 422),
        ("li.lei", days(3, 1), 422),
        ("li.lei", {"first_day": "soon"}, 422),
        ("li.lei", {"password": "wrong"}, 403),
    ],
)
async def test_who_names_whom(house: DeskHouse, who: str, form: dict[str, str], status: int) -> None:
    assert (await name(house, who, **form)).status_code == status


def test_a_deputy_does_not_sign_what_the_leader_may_not() -> None:
    stand_in = replace(actor("deputy", LEADER), stands_for=frozenset({"leader"}))
    assert principal_of(application(), stand_in, LEADER) == "leader"
    for barred in (
        application(filer="leader"),
        application(conflicted=frozenset({"leader"})),
        application(approvals=(signature("leader"),)),
    ):
        with pytest.raises(Denied, match="stand in"):
            check_decision(barred, stand_in)
    both = replace(actor("deputy", LEADER), stands_for=frozenset({"leader", "other"}))
    assert principal_of(application(filer="leader"), both, LEADER) == "other"


def test_the_leader_does_not_sign_beside_the_deputy() -> None:
    signed = application(approvals=(signature("deputy", principal="leader"),))
    with pytest.raises(Denied, match="signed already"):
        check_decision(signed, actor("leader", LEADER))


def signature(signer: str, principal: str | None = None) -> Signature:
    return Signature(
        "application", Capacity.APPROVER, signer, "", "", "leader", "", datetime.now(UTC), principal=principal
    )
