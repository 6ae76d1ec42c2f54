"""The pages' forms when something is wrong: what was written stays, and a sentence says what to mend."""

from datetime import datetime, timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

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
    above = page.text.split('<form method="post" class="fields">')[0]
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


async def test_a_slip_is_no_refused_attempt(house: DeskHouse) -> None:
    """Only what a rule forbids is recorded against somebody."""
    before = (await house.ask("feng.ju", "GET", "/api/denials")).json()[:1]
    await send(house, written(password=""))
    await send(house, written(**(POLICE_PAGE | {"outsider": ""})), "/reception")
    assert (await house.ask("feng.ju", "GET", "/api/denials")).json()[:1] == before
