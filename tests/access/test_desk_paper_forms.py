"""Numbered forms on paper: none twice, none lost unseen, none closed before somebody else looked (R4.3)."""

import io
import re
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from pypdf import PdfReader

from reelwarden_access.district.desk.acts.paper_forms import SKIPPED, TWICE, look
from reelwarden_access.district.desk.application import Draft, Outsider, Rules
from reelwarden_access.district.desk.paper_form import (
    PaperDraft,
    PaperForm,
    Signer,
    check_number,
    doubts,
    skipped,
)
from reelwarden_access.district.desk.store import DeskStore
from reelwarden_common.district import PersonRole
from reelwarden_common.events.access import (
    ApplicationApproved,
    ApplicationClosed,
    ApplicationFiled,
    Manner,
    TaskDone,
    TaskOverdue,
)
from reelwarden_common.web import Wrong
from tests.support.desk import PASSWORD, DeskHouse
from tests.support.papers import document, picture

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HERE = ZoneInfo("Asia/Shanghai")
SCAN = ("files", ("扫描件.pdf", document(pages=2), "application/pdf"))


def sheet(number: int, entered: float | None = None, void: float | None = None, copy: int = 1) -> PaperForm:
    """One that was entered, or declared void, so many days before now."""
    at = [None if days is None else NOW - timedelta(days=days) for days in (entered, void)]
    return PaperForm("s001", number, copy, NOW - timedelta(days=90), entered_at=at[0], void_at=at[1])


@pytest.mark.parametrize(
    ("sheets", "found"),
    [
        ([], []),
        ([sheet(1), sheet(2)], []),
        ([sheet(1, entered=9), sheet(2)], []),  # what comes after is simply not used yet
        ([sheet(1), sheet(2, entered=9)], [1]),
        ([sheet(1), sheet(2, entered=2)], []),  # three days to say where it is
        ([sheet(1), sheet(2, entered=2), sheet(3, entered=4)], [1]),
        ([sheet(1, void=1), sheet(2, entered=9)], []),
        ([sheet(1), sheet(2, void=9)], [1]),
        ([sheet(1), sheet(2), sheet(3), sheet(4, entered=9), sheet(4, entered=1, copy=2)], [1, 2, 3]),
    ],
)
def test_a_number_that_was_passed_over_is_missed(sheets: Sequence[PaperForm], found: list[int]) -> None:
    assert [one.number for one in skipped(sheets, Rules(), NOW)] == found


def test_a_number_is_entered_once() -> None:
    assert check_number([sheet(1)], "s001-P-0001", again=False) == 1
    assert check_number([sheet(1)], "s001-P-0001", again=True) == 1
    assert check_number([sheet(1, entered=1)], "s001-P-0001", again=True) == 2
    assert check_number([sheet(1, void=1), sheet(1, entered=1, copy=2)], "s001-P-0001", again=True) == 3
    for sheets in ([], [sheet(1, entered=1)], [sheet(1, void=1)]):
        with pytest.raises(Wrong):
            check_number(sheets, "s001-P-0001", again=False)


def signer(name: str, *roles: PersonRole) -> Signer:
    return Signer(f"a-{name}", name, name, frozenset(roles))


ASKED = Draft(
    school="s001",
    cameras=("gate",),
    start=NOW - timedelta(hours=5),
    end=NOW - timedelta(hours=4),
    manner=Manner.VIEW,
    reason="x",
    undertaking=True,
    outsider=Outsider.POLICE,
    name="张警官",
    unit="某派出所",
    identity_document="1",
    authority_document="2",
)
PROPER = PaperDraft(
    asked=ASKED,
    approver=signer("li", PersonRole.LEADER),
    approved_at=NOW - timedelta(hours=3),
    operator=signer("zhou", PersonRole.RETRIEVER),
    supervisor=signer("chen", PersonRole.SAFETY),
    retrieved_at=NOW - timedelta(hours=2),
    present=(),
    content="x",
    outcome="x",
)
DOUBTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "one_person": ({"operator": signer("chen", PersonRole.SAFETY)}, {}),
    "no_right": ({"approver": signer("teacher", PersonRole.APPLICANT)}, {}),
    "before_approval": ({"retrieved_at": NOW - timedelta(hours=3, seconds=1)}, {}),
    "too_long": ({}, {"start": NOW - timedelta(hours=13)}),
    "copy": ({}, {"manner": Manner.COPY, "outsider": Outsider.GUARDIAN}),
    "leader": ({}, {"concerns_leader": True}),
    "no_authority": ({}, {"authority_document": " "}),
    "no_unit": ({}, {"unit": ""}),
    "late": ({"retrieved_at": NOW - timedelta(days=4), "approved_at": NOW - timedelta(days=5)}, {}),
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_what_went_wrong_on_paper_is_noted(doubt: str) -> None:
    assert doubts(PROPER, Rules(), NOW) == []
    of_paper, of_form = DOUBTS[doubt]
    assert doubts(replace(PROPER, asked=replace(ASKED, **of_form), **of_paper), Rules(), NOW) == [doubt]


async def print_block(house: DeskHouse, count: int, account: str = "chen.gang") -> httpx.Response:
    async with house.person(account) as http:
        return await http.post("/paper-forms/s001", data={"count": str(count)})


async def numbers_of(house: DeskHouse, count: int) -> list[int]:
    made = await print_block(house, count)
    return sorted({int(n) for n in re.findall(r"s001-P-(\d+)", text_of(made.content))})


def text_of(pdf: bytes) -> str:
    return "".join("".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages)


def written(**changes: str) -> dict[str, str]:
    """What stands on a sheet."""
    then = datetime.now(HERE) - timedelta(hours=20)
    at = {n: (then + timedelta(hours=n)).strftime("%Y-%m-%dT%H:%M:%S") for n in range(5)}
    form = {
        "outsider": "police",
        "name": "张警官",
        "unit": "某派出所",
        "identity_document": "警官证 1",
        "authority_document": "调证 17",
        "reason": "盗窃案",
        "cameras": "s001/gate",
        "start": at[0],
        "end": at[1],
        "manner": "view",
        "approver": "li.lei",
        "approved_at": at[2],
        "retrieved_at": at[3],
        "operator": "zhou.jie",
        "supervisor": "chen.gang",
        "present": "张警官",
        "content": "一名男子推车经过",
        "outcome": "已查看",
        "password": PASSWORD,
    }
    return form | changes


async def enter(house: DeskHouse, number: int, account: str = "sun.wei", **changes: str) -> httpx.Response:
    async with house.person(account) as http:
        path = f"/paper-forms/s001/{number}?form={uuid.uuid4().hex}"
        return await http.post(path, data=written(**changes), files=[SCAN])


async def review(
    house: DeskHouse, application: str, account: str, decision: str = "in_order"
) -> httpx.Response:
    async with house.person(account) as http:
        shown = (await http.get(f"/api/applications/{application}")).json()
        digest = shown.get("to_sign", {}).get("review_paper", "0" * 64)
        body = {"decision": decision, "opinion": "与扫描件一致", "password": PASSWORD, "digest": digest}
        return await http.post(f"/applications/{application}/review_paper", data=body)


async def test_from_the_blank_form_to_the_closed_application(house: DeskHouse) -> None:
    made = await print_block(house, 2)
    assert len(PdfReader(io.BytesIO(made.content)).pages) == 4
    text = text_of(made.content)
    for word in (
        "监控录像调取申请表",
        "监控录像调取记录表",
        "保密承诺",
        "校领导",
        "操作员",
        "在场人",
        "Undertaking",
        "rw/s001·0·AAAA…",
    ):
        assert word in text
    first, second = sorted({int(n) for n in re.findall(r"s001-P-(\d+)", text)})
    assert second == first + 1
    async with house.person("sun.wei") as http:
        path = f"/paper-forms/s001/{first}?form={uuid.uuid4().hex}"
        bare = await http.post(path, data=written())
        assert (bare.status_code, "请填写：签字纸质表的扫描件" in bare.text) == (422, True)
        assert "推车经过</textarea>" in bare.text
        done = await http.post(path, data=written(), files=[SCAN])
        again = await http.post(path, data=written(), files=[SCAN])  # clicked twice
    assert done.headers["location"] == again.headers["location"]
    application = done.headers["location"].removeprefix("/applications/")
    shown = await house.show(application)
    name = f"s001-P-{first:04d}"
    assert (shown["status"], shown["paper"]["number"], shown["form"]["paper"]["doubts"]) == (
        "recorded",
        name,
        [],
    )
    assert [(s["capacity"], s["on_behalf_of"]) for s in shown["signatures"]] == [
        ("applicant", "张警官"),
        ("approver", "李雷"),
    ]
    assert shown["attachments"][0]["name"] == "扫描件.pdf"
    (filed,) = await house.until_said(ApplicationFiled, application)
    assert filed.paper == name
    assert (await house.until_said(ApplicationApproved, application))[0].approver_roles == ("leader",)
    page = await house.ask("feng.ju", "GET", f"/applications/{application}")
    assert f'纸质办理 <a class="badge warn" href="/paper-forms/s001">{name}</a>' in page.text
    early = await house.ask("li.lei", "POST", f"/api/applications/{application}/close")
    assert early.json()["error"]["code"] == "not_reviewed"
    for account, code in (("sun.wei", 403), ("chen.gang", 403), ("li.lei", 403), ("qian.duo", 403)):
        assert (await review(house, application, account)).status_code == code, account
    assert (await review(house, application, "feng.ju")).status_code == 303
    assert (await review(house, application, "feng.ju")).status_code == 409
    page = await house.ask("li.lei", "GET", f"/applications/{application}")
    assert "复核纸质表" in page.text
    assert [act["act"] for act in (await house.show(application))["acts"]] == ["review_paper"]
    printed = await house.ask("li.lei", "GET", f"/api/applications/{application}/forms/application.pdf")
    assert "复核纸质表" in text_of(printed.content)
    await house.do("li.lei", f"/api/applications/{application}/close")
    assert await house.until_said(ApplicationClosed, application)
    assert "已复核，符合规定" in (await house.ask("zheng.yu", "GET", "/paper-forms/s001")).text
    listed = await house.ask("zheng.yu", "GET", "/all")
    assert shown["number"] in listed.text


async def test_a_number_used_twice_is_a_finding_until_it_is_reviewed(house: DeskHouse) -> None:
    (number,) = await numbers_of(house, 1)
    assert (await enter(house, number)).status_code == 303
    refused = await enter(house, number)
    assert (refused.status_code, "另一张相同编号" in refused.text) == (409, True)
    again = await enter(house, number, again="on")
    about = f"paper-s001-{number}"
    (overdue,) = [e for e in await house.until_said(TaskOverdue, about) if e.task == TWICE]
    assert overdue.number == f"s001-P-{number:04d}"
    led = await house.ask("feng.ju", "GET", f"/applications/{about}")
    assert led.headers["location"] == f"/paper-forms/s001#n{number}"
    application = again.headers["location"].removeprefix("/applications/")
    await review(house, application, "feng.ju", "not_in_order")
    assert not house.said(TaskDone, about)
    assert (await house.show(application))["paper"]["in_order"] is False


async def test_a_skipped_number_is_a_finding_until_it_is_accounted_for(house: DeskHouse) -> None:
    skipped_one, used = await numbers_of(house, 2)
    assert (await enter(house, used)).status_code == 303
    about = f"paper-s001-{skipped_one}"
    units = house.http.state.office._desk.units
    later = datetime.now(UTC) + timedelta(days=4)
    for now, told in ((datetime.now(UTC), 0), (later, 1), (later, 1)):
        async with units.begin() as store:
            assert isinstance(store, DeskStore)
            await look(store, Rules(), now)
        if told:
            assert [e.task for e in await house.until_said(TaskOverdue, about)] == [SKIPPED]
        else:
            assert skipped_one not in await told_of(house)
    async with house.person("chen.gang") as http:
        for form, status in (
            ({"first": str(skipped_one), "reason": ""}, 422),
            ({"first": str(used), "reason": "遗失"}, 409),
            ({"first": str(skipped_one), "last": "999999", "reason": "遗失"}, 409),
            ({"first": str(skipped_one), "reason": "遗失"}, 303),
        ):
            assert (await http.post("/paper-forms/s001/void", data=form)).status_code == status, form
    assert [e.task for e in await house.until_said(TaskDone, about)] == [SKIPPED]


async def told_of(house: DeskHouse) -> list[int]:
    async with house.database() as database:
        rows = await database.fetch("SELECT number FROM access.paper_findings WHERE kind = $1", SKIPPED)
    return [row["number"] for row in rows]


async def test_a_copy_on_paper_is_declared_and_what_is_overdue_is_told(house: DeskHouse) -> None:
    (number,) = await numbers_of(house, 1)
    done = await enter(house, number, manner="copy", medium="U盘 3")
    application = done.headers["location"].removeprefix("/applications/")
    assert (await house.show(application))["use_by"] is not None
    async with house.database() as database:
        old = datetime.now(UTC) - timedelta(days=3, seconds=1)
        await database.execute(
            "UPDATE access.paper_forms SET entered_at = $1 WHERE application = $2", old, application
        )
    await house.http.state.office.lapse()
    tasks = await house.until_said(TaskOverdue, application)
    assert [(e.task, e.escalated_to) for e in tasks] == [("review_paper", "district_officer")]
    assert (await review(house, application, "feng.ju")).status_code == 303
    closing = await house.ask("li.lei", "POST", f"/api/applications/{application}/close")
    assert closing.json()["error"]["code"] == "not_declared"
    await house.do(
        "chen.gang",
        f"/api/applications/{application}/declaration",
        {"declaration": "returned", "password": PASSWORD},
    )
    await house.do("li.lei", f"/api/applications/{application}/close")
    await house.http.state.office.lapse()
    assert "review_paper" in [e.task for e in await house.until_said(TaskDone, application)]


async def test_only_the_safety_department_prints_and_enters(house: DeskHouse) -> None:
    (number,) = await numbers_of(house, 1)
    for account in ("li.lei", "wang.fang", "qian.duo", "nobody"):
        assert (await print_block(house, 1, account)).status_code == 403, account
        assert (await enter(house, number, account)).status_code == 403, account
    assert (await print_block(house, 51)).status_code == 422
    assert (await print_block(house, 0)).status_code == 422
    assert (await enter(house, 999_999)).status_code in (404, 422)
    bad = await enter(house, number, approver="somebody")
    assert (bad.status_code, "请填写：审批人" in bad.text) == (422, True)
    evil = await enter(house, number, content="<script>alert(1)</script>", password="x")
    assert (evil.status_code, "<script>alert" in evil.text) == (403, False)
    unscanned = picture("GIF")
    async with house.person("sun.wei") as http:
        path = f"/paper-forms/s001/{number}?form={uuid.uuid4().hex}"
        said = await http.post(
            path, data=written(), files=[("files", ("a.pdf", unscanned, "application/pdf"))]
        )
    assert said.status_code == 422
