"""The pages' forms when something is wrong: what was written stays, and a sentence says what to mend."""

import asyncio
import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from reelwarden_access.district.desk.application import Outsider
from reelwarden_access.district.desk.bodies import Filing
from reelwarden_access.district.desk.page_fields import taken
from reelwarden_common.events.access import ApplicationFiled
from reelwarden_common.web import Wrong
from tests.support.desk import PASSWORD, POLICE, DeskHouse

HERE = ZoneInfo("Asia/Shanghai")
YESTERDAY = datetime.now(HERE).replace(microsecond=0, tzinfo=None) - timedelta(days=1)


def stamp(moment: datetime) -> str:
    """As a browser sends it."""
    return moment.isoformat()


def written(**changes: Any) -> dict[str, Any]:
    """What a teacher filled in; None leaves a field out."""
    form = {
        "cameras": ["s001/gate"],
        "start": stamp(YESTERDAY),
        "end": stamp(YESTERDAY + timedelta(hours=1)),
        "manner": "view",
        "reason": "书包在校门口丢失",
        "relation": "班主任",
        "documents": "报警回执 7",
        "undertaking": "on",
        "password": PASSWORD,
    }
    return {k: v for k, v in (form | changes).items() if v is not None}


async def send(house: DeskHouse, form: dict[str, Any], path: str = "/apply") -> httpx.Response:
    """Sign and file, as a teacher or at reception."""
    async with house.person("wu.qian" if path == "/reception" else "wang.fang") as http:
        return await http.post(path, data=form)


def alert(page: httpx.Response) -> str:
    """What is said above the form."""
    above = page.text.split('<form method="post" class="fields"')[0]
    return above.split('role="alert"')[1].split("</p>")[0]


MENDS: dict[str, tuple[dict[str, Any], str]] = {
    "no camera": ({"cameras": None}, "请填写：监控点位。"),
    "no start": ({"start": ""}, "请填写：开始时间。"),
    "no end": ({"end": None}, "请填写：结束时间。"),
    "no reason": ({"reason": ""}, "请填写：调取事由。"),
    "a blank reason": ({"reason": " \n "}, "请填写：调取事由。"),
    "no password": ({"password": ""}, "请填写：密码。"),
    "no undertaking": ({"undertaking": None}, "未作保密承诺，不能申请"),
    "the end first": ({"end": stamp(YESTERDAY - timedelta(hours=1))}, "结束时间必须晚于开始时间"),
    "a point": ({"end": stamp(YESTERDAY)}, "结束时间必须晚于开始时间"),
    "the future": ({"end": stamp(YESTERDAY + timedelta(days=2))}, "时段不能超过当前时间"),
    "the year 26": (
        {"start": "0026-03-02T08:00", "end": "0026-03-02T09:00"},
        "开始时间早于 2000 年，请核对日期",
    ),
    "the first year": ({"start": "0001-01-01T00:00", "end": "0001-01-01T01:00"}, "开始时间早于 2000 年"),
    "nine hours": ({"end": stamp(YESTERDAY + timedelta(hours=9))}, "一份申请最多涵盖 8 小时录像，各点位合计"),
    "no date at all": ({"start": "yesterday"}, "开始时间：填写有误，请重新填写。"),
    "an unknown camera": ({"cameras": ["s001/cellar"]}, "没有点位 cellar，请重新选择"),
    "an unknown school": ({"cameras": ["s009/gate"]}, "没有点位 gate，请重新选择"),
    "no school": ({"cameras": ["gate"]}, "没有点位 ，请重新选择"),
    "another's school": ({"cameras": ["s002/gate"]}, "您无权申请调取该校录像"),
    "two schools": ({"cameras": ["s001/gate", "s002/gate"]}, "只能选择同一所学校的点位。"),
    "a copy": ({"manner": "copy"}, "请改为申请查看"),
    "an unknown manner": ({"manner": "steal"}, "方式：填写有误，请重新填写。"),
    "a novel": ({"reason": "长" * 2001}, "调取事由：最多 2000 字。"),
    "a long relation": ({"relation": "长" * 201}, "与当事人关系：最多 200 字。"),
    "many documents": ({"documents": "材料\n" * 21}, "相关材料：最多 20 项。"),
    "a long document": ({"documents": "长" * 201}, "相关材料：最多 200 字。"),
    "a NUL": ({"reason": "a\0b"}, "调取事由：填写有误，请重新填写。"),
    "a wrong password": ({"password": "wrong"}, "密码错误，未签字"),
}


@pytest.mark.parametrize("case", MENDS)
async def test_whatever_is_wrong_the_form_stays_as_it_was_written(house: DeskHouse, case: str) -> None:
    changes, sentence = MENDS[case]
    form = written(**changes)
    page = await send(house, form)
    assert page.status_code in (403, 422), page.text
    assert page.text.count('role="alert"') == 1
    assert sentence in alert(page)
    text = unescape(page.text)
    for name in ("start", "end", "relation"):
        if form.get(name):
            assert f'name="{name}" value="{form[name]}"' in text
    for name in ("reason", "documents"):
        assert f">{form[name]}</textarea>" in text.replace("\r\n", "\n")
    assert ('value="s001/gate" checked' in text) == ("s001/gate" in form.get("cameras", []))
    assert ('name="undertaking" required checked' in text) == ("undertaking" in form)
    assert "<code>" not in text
    assert form["password"] not in text or not form["password"]


POLICE_PAGE = {k: v for k, v in POLICE.items() if k != "manner"} | {"manner": "copy"}
AT_RECEPTION: dict[str, tuple[dict[str, Any], str]] = {
    "no role": ({"outsider": ""}, "请填写：身份。"),
    "an unknown role": ({"outsider": "king"}, "身份：填写有误，请重新填写。"),
    "no name": ({"name": ""}, "请填写：姓名。"),
    "no unit": ({"unit": ""}, "请填写：单位/部门。"),
    "no identity": ({"identity_document": ""}, "请填写：证件号。"),
    "no authority": ({"authority_document": ""}, "请填写：法定文书。"),
    "a long phone": ({"phone": "1" * 201}, "联系电话：最多 200 字。"),
    "a guardian's copy": ({"outsider": "guardian"}, "请改为申请查看"),
    "no camera": ({"cameras": None}, "请填写：监控点位。"),
}


@pytest.mark.parametrize("case", AT_RECEPTION)
async def test_at_reception_too(house: DeskHouse, case: str) -> None:
    changes, sentence = AT_RECEPTION[case]
    form = written(**(POLICE_PAGE | changes))
    page = await send(house, form, "/reception")
    assert page.status_code in (403, 422), page.text
    assert sentence in alert(page)
    for name in ("name", "unit", "identity_document", "authority_document"):
        assert f'name="{name}" value="{form[name]}"' in page.text
    assert 'value="copy" checked' in page.text


async def test_the_form_of_reception_says_what_each_role_must_fill_in(house: DeskHouse) -> None:
    """What it marks for a role is what is enforced for it."""
    page = await send(house, written(**(POLICE_PAGE | {"outsider": ""})), "/reception")
    roles = re.findall(r'<option value="(\w+)" class="(.*?)"', page.text)
    assert [role for role, _ in roles] == [str(one) for one in Outsider]
    for role, marks in roles:
        known = POLICE_PAGE | {"manner": "view", "outsider": role}
        for field, mark, sentence in (
            ("unit", "with-unit", "请填写：单位/部门。"),
            ("authority_document", "with-authority", "请填写：法定文书。"),
        ):
            form = written(**(known | {field: "", "undertaking": None}))
            refused = alert(await send(house, form, "/reception"))
            assert (sentence in refused) == (mark in marks), (role, field)


async def test_a_slip_is_no_refused_attempt(house: DeskHouse) -> None:
    """Only what a rule forbids is recorded against somebody."""
    before = (await house.ask("feng.ju", "GET", "/api/denials")).json()[:1]
    await send(house, written(password=""))
    await send(house, written(**(POLICE_PAGE | {"outsider": ""})), "/reception")
    assert (await house.ask("feng.ju", "GET", "/api/denials")).json()[:1] == before


async def test_a_form_is_filed_once_however_often_it_is_sent(house: DeskHouse) -> None:
    """Back and again, a double click, a slow line: one application."""
    async with house.person("wang.fang") as http:
        opened = await http.get("/apply?lang=zh")
        address = opened.headers["location"]
        assert (opened.status_code, address.startswith("/apply?")) == (303, True)
        assert "签字并提交" in (await http.get(address)).text
        assert (await http.post(address, data=written(cameras=None))).status_code == 422
        sent = await asyncio.gather(*(http.post(address, data=written()) for _ in range(3)))
        assert {one.status_code for one in sent} == {303}
        [where] = {one.headers["location"] for one in sent}
        back = await http.get(address)
    application = where.rsplit("/", 1)[1]
    shown = await house.show(application)
    assert f"此表已提交，即申请 {shown['number']}；不会重复提交。" in back.text
    assert "签字并提交" not in back.text
    assert shown["form"]["reason"] == "书包在校门口丢失"
    await house.until_said(ApplicationFiled, application)
    next_one = await house.show(await house.file())
    assert int(next_one["number"][-4:]) == int(shown["number"][-4:]) + 1


OTHERWISE: dict[str, dict[str, Any]] = {
    "cameras": {"cameras": ["s001/hall"]},
    "start": {"start": stamp(YESTERDAY + timedelta(minutes=5))},
    "end": {"end": stamp(YESTERDAY + timedelta(minutes=50))},
    "manner": {"manner": "view"},
    "reason": {"reason": "另一事由"},
    "applicant": {"name": "李警官"},
}


@pytest.mark.parametrize("case", OTHERWISE)
async def test_another_application_on_the_same_form_is_neither_dropped_nor_lost(
    house: DeskHouse, case: str
) -> None:
    form = written(**POLICE_PAGE)
    async with house.person("wu.qian") as http:
        address = (await http.get("/reception?lang=zh")).headers["location"]
        where = (await http.post(address, data=form)).headers["location"]
        changed = form | OTHERWISE[case]
        page = await http.post(address, data=changed)
        number = (await house.show(where.rsplit("/", 1)[1]))["number"]
        assert page.status_code == 409, page.text
        told = page.text.split('role="alert"')[1].split("</p>")[0]
        assert f"此表已提交，即申请 {number}；另一份申请请打开新表" in told
        assert f'value="{changed["start"]}"' in page.text
        found = re.search(r'<form method="post" class="fields" action="(.*?)"', page.text)
        assert found
        again = await http.post(unescape(found[1]), data=changed)
    assert again.status_code == 303, again.text
    assert again.headers["location"] != where
    await house.until_said(ApplicationFiled, again.headers["location"].rsplit("/", 1)[1])


async def test_anothers_form_is_not_taken(house: DeskHouse) -> None:
    application = await house.file()
    async with house.person("sun.wei") as http:
        page = await http.post(f"/apply?form={application}", data=written())
        assert (page.status_code, "此表已由他人提交" in page.text) == (409, True)
        assert "签字并提交" in (await http.get(f"/apply?form={application}")).text
    again = await house.ask("sun.wei", "POST", "/api/applications", house.filing(id=application))
    assert again.status_code == 409
    filing = house.filing(id="ab" * 16)
    twice = [await house.do("sun.wei", "/api/applications", filing) for _ in range(2)]
    assert twice[0] == twice[1]
    other = await house.ask("sun.wei", "POST", "/api/applications", filing | {"cameras": ["hall"]})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "filed_otherwise")


async def test_an_address_that_was_tampered_with_opens_a_new_form(house: DeskHouse) -> None:
    async with house.person("wang.fang") as http:
        for crafted in (f"{'ab' * 16}%0A", "%0A", "ab"):
            address = f"/apply?form={crafted}"
            opened = await http.get(address)
            assert re.fullmatch(r"/apply\?form=[0-9a-f]{32}", opened.headers["location"])
            page = await http.post(address, data=written(reason=""))
            assert (page.status_code, "请填写：调取事由。" in alert(page)) == (422, True)


def test_a_field_without_a_name_on_the_page_is_told_too() -> None:
    with pytest.raises(Wrong, match="id"):
        taken(Filing, {**written(cameras=["gate"], documents=[]), "school": "s001", "id": "ab"})


async def press(house: DeskHouse, account: str, path: str, **form: str) -> httpx.Response:
    """Press a button of an application; answers what is shown then, without the password written in."""
    async with house.person(account) as http:
        page = await http.post(path, data=form)
    assert "hunter2" not in page.text
    return page


def refusal(page: httpx.Response, form: str) -> str:
    """What is said above a form: nowhere else, and only once."""
    assert page.text.count('role="alert"') == 1
    above = page.text[: page.text.index(f"/{form}")]
    return above.split('role="alert"')[1].split("</p>")[0]


async def test_a_refused_signature_keeps_the_opinion(house: DeskHouse) -> None:
    application = await house.file()
    path = f"/applications/{application}/decide"
    digest = (await house.show(application))["digest"]
    opinion = "同意，请注意保密 <b>"
    for changes, sentence in (
        ({"password": "hunter2"}, "密码错误，未签字"),
        ({"password": ""}, "请填写：密码。"),
        ({"digest": "0" * 64, "password": PASSWORD}, "此表已不是您所看到的内容"),
    ):
        form = {"digest": digest, "opinion": opinion, "decision": "approve"} | changes
        page = await press(house, "li.lei", path, **form)
        assert page.status_code in (403, 409, 422)
        assert sentence in refusal(page, "decide#decide")
        assert f">{opinion}</textarea>" in unescape(page.text)
        assert digest in page.text
    form = {"digest": digest, "opinion": " ", "decision": "reject", "password": PASSWORD}
    page = await press(house, "li.lei", path, **form)
    assert "请填写：意见。" in refusal(page, "decide#decide")
    page = await press(house, "li.lei", path, **form | {"opinion": "长" * 2001})
    assert "意见：最多 2000 字。" in refusal(page, "decide#decide")
    assert (await house.show(application))["status"] == "filed"


async def test_a_refusal_without_a_form_is_told_on_top(house: DeskHouse) -> None:
    application = await house.file()
    path = f"/applications/{application}/decide"
    page = await press(house, "wang.fang", path, opinion="同意", password=PASSWORD, digest="0" * 64)
    assert "不能审批自己的申请" in page.text.split('role="alert"')[1].split("</p>")[0]
    async with house.person("wang.fang") as http:
        again = await http.get(f"{path}?lang=en")
        assert (again.status_code, again.headers["location"]) == (303, f"/applications/{application}?lang=en")


async def test_the_forms_of_a_copys_way_keep_what_was_written(house: DeskHouse) -> None:
    application = await house.file("wu.qian", **POLICE)
    await house.ready(application, "li.lei", "han.mei")
    path = f"/applications/{application}"
    page = await press(house, "chen.gang", f"{path}/supervise", present="张警官\n" * 51)
    assert "在场人：最多 50 项。" in refusal(page, "supervise#supervise")
    assert page.text.count("张警官\n") >= 50
    await house.do("chen.gang", f"/api{path}/supervision", {"present": ["张警官"]})
    await house.do("zhou.jie", "/api/training/ack")
    handing = {"recipient": "李警官", "medium": "USB 0421"}
    for password, sentence in ((PASSWORD, "只能交给申请中写明的接收人"), ("hunter2", "密码错误")):
        page = await press(house, "zhou.jie", f"{path}/release", **handing, password=password)
        assert sentence in refusal(page, "release#release")
        assert 'name="recipient" value="李警官"' in page.text
        assert 'name="medium" value="USB 0421"' in page.text
    done = {"recipient": "张警官", "password": PASSWORD}
    await house.do("zhou.jie", f"/api{path}/release", done)
    record = {"content": "一人翻墙", "outcome": " ", "copies": "12"}
    page = await press(house, "zhou.jie", f"{path}/record", **record)
    assert "份数：填写有误，请重新填写。" in refusal(page, "record#fill")
    page = await press(house, "zhou.jie", f"{path}/record", **record | {"copies": "2"})
    assert "请填写：结果。" in refusal(page, "record#fill")
    assert ">一人翻墙</textarea>" in page.text
    assert 'max="9" value="2"' in page.text
    body = {"content": "一人翻墙", "outcome": "交警方"}
    digest = (await house.do("zhou.jie", f"/api{path}/record", body))["digest"]
    page = await press(house, "wu.qian", f"{path}/sign", digest=digest, password="hunter2")
    assert "密码错误，未签字" in refusal(page, "sign#sign")
    for account in ("zhou.jie", "chen.gang", "wu.qian"):
        await house.do(account, f"/api{path}/record/sign", {"digest": digest, "password": PASSWORD})
    page = await press(house, "wu.qian", f"{path}/declare", note="回执 8")
    assert "请填写：使用情况。" in refusal(page, "declare#declare")
    assert 'name="note" value="回执 8"' in page.text
    page = await press(
        house, "wu.qian", f"{path}/declare", declaration="transferred", note=" ", password=PASSWORD
    )
    assert "请填写：回执。" in refusal(page, "declare#declare")
    assert 'value="transferred" required checked' in page.text
    await house.do("wu.qian", f"/api{path}/declaration", {"declaration": "destroyed", "password": PASSWORD})
    again = await house.ask(
        "wu.qian", "POST", f"/api{path}/declaration", {"declaration": "returned", "password": PASSWORD}
    )
    assert (again.status_code, again.json()["error"]["code"]) == (409, "declared")
    assert (await house.show(application))["declaration"] == "destroyed"
