"""Keeping footage for longer at the desk (R3.1): extensions, cases, reviews, releases taken back."""

import asyncio
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from reelwarden_common.events.access import (
    ApplicationWithdrawn,
    ExtensionEnded,
    ExtensionFiled,
    ExtensionGranted,
    ReleaseStopped,
)
from reelwarden_common.events.base import CameraSpan, Event
from reelwarden_common.events.retention import Hold, HoldAsked, HoldDecided, HoldReleased, HoldSource
from tests.support.backends import unique
from tests.support.desk import PASSWORD, DeskHouse

ZONE = ZoneInfo("Asia/Shanghai")


def day(days: int) -> str:
    return str((datetime.now(ZONE) + timedelta(days=days)).date())


def form(**changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    body = {
        "school": "s001",
        "cameras": ["gate"],
        "start": (now - timedelta(days=2)).isoformat(),
        "end": (now - timedelta(days=1)).isoformat(),
        "source": "extension",
        "reason": "校门口纠纷，家长要求保留",
        "until": day(60),
        "password": PASSWORD,
    }
    return body | changes


async def file(house: DeskHouse, account: str = "wang.fang", **changes: Any) -> str:
    done = await house.do(account, "/api/extensions", form(**changes))
    return str(done["id"])


async def show(house: DeskHouse, name: str, account: str = "zheng.yu") -> dict[str, Any]:
    answer = await house.ask(account, "GET", f"/api/extensions/{name}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def signed(house: DeskHouse, name: str, opinion: str = "同意", **fields: Any) -> dict[str, Any]:
    return {"digest": (await show(house, name))["digest"], "opinion": opinion, "password": PASSWORD} | fields


async def said(house: DeskHouse, kind: type[Event], name: str) -> list[Any]:
    for _ in range(1200):
        found = [e for e in house.said(kind) if name in (getattr(e, "extension", 0), getattr(e, "cause", 0))]
        if found:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(kind)


async def until(house: DeskHouse, path: str, expected: str) -> None:
    for _ in range(600):
        answer = await house.ask("chen.gang", "GET", path)
        if expected in answer.text:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(answer.text)


def hold(cause: str, source: HoldSource) -> Hold:
    start = datetime.now(UTC) - timedelta(days=2)
    span = CameraSpan(camera="gate", start=start, end=start + timedelta(hours=1))
    ends = datetime.now(UTC) + timedelta(days=60)
    return Hold(id=unique("h"), source=source, cause=cause, span=span, purpose="x", until=ends)


async def test_from_filing_over_approval_and_review_to_its_end(house: DeskHouse) -> None:
    name = await file(house, source="case", case_number="公刑字 12 号", account="chen.gang")
    [filed] = await said(house, ExtensionFiled, name)
    assert (filed.version, filed.source, filed.spans[0].camera) == (1, HoldSource.CASE, "gate")
    assert filed.until == datetime.combine(
        (datetime.now(ZONE) + timedelta(days=61)).date(), datetime.min.time(), ZONE
    )
    assert "公刑字" not in filed.model_dump_json()
    await house.do("sun.wei", f"/api/extensions/{name}/approve", await signed(house, name))
    [granted] = await said(house, ExtensionGranted, name)
    assert (granted.version, granted.review, granted.until) == (2, False, filed.until)
    renewed = await signed(house, name, "案件未结", until=day(89))
    await house.do("sun.wei", f"/api/extensions/{name}/review", renewed)
    shown = await show(house, name)
    assert [s["capacity"] for s in shown["signatures"]] == ["applicant", "approver", "reviewer"]
    assert len({s["digest"] for s in shown["signatures"]}) == 2, "a review signs its own end date"
    assert datetime.fromisoformat(shown["until"]) > filed.until
    for lang in ("zh", "en"):
        pdf = await house.ask("zheng.yu", "GET", f"/api/extensions/{name}/form.pdf?lang={lang}")
        pages = PdfReader(io.BytesIO(pdf.content)).pages
        assert "rw/s001 · 0 · AAAA" in "".join(page.extract_text() for page in pages), "the newest checkpoint"
    await house.do("li.lei", f"/api/extensions/{name}/end", await signed(house, name, "案件已结"))
    [ended] = await said(house, ExtensionEnded, name)
    assert (ended.version, ended.reason) == (4, "achieved")
    assert (await show(house, name))["status"] == "ended"


@pytest.mark.parametrize(
    ("account", "changes", "code", "status"),
    [
        ("zhou.jie", {}, "not_applicant", 403),
        ("qian.duo", {}, "not_applicant", 403),
        ("wang.fang", {"source": "case", "case_number": "1"}, "not_applicant", 403),
        ("chen.gang", {"source": "case"}, "field_missing", 422),
        ("wang.fang", {"reason": " "}, "field_missing", 422),
        ("wang.fang", {"until": day(-1)}, "until_past", 422),
        ("wang.fang", {"until": day(181)}, "until_far", 422),
        ("chen.gang", {"source": "case", "case_number": "1", "until": day(91)}, "until_far", 422),
        ("wang.fang", {"start": "2020-01-01T00:00:00"}, "too_long", 422),
        ("wang.fang", {"cameras": ["roof"]}, "unknown_camera", 422),
        ("wang.fang", {"password": "wrong"}, "wrong_password", 403),
    ],
)
async def test_what_may_not_be_filed(
    house: DeskHouse, account: str, changes: dict[str, Any], code: str, status: int
) -> None:
    answer = await house.ask(account, "POST", "/api/extensions", form(**changes))
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text


async def test_who_may_not_decide(house: DeskHouse) -> None:
    name = await file(house, "sun.wei")
    body = await signed(house, name)
    for account, code in (
        ("sun.wei", "own_application"),
        ("li.lei", "not_safety"),
        ("feng.ju", "not_safety"),
    ):
        answer = await house.ask(account, "POST", f"/api/extensions/{name}/approve", body)
        assert answer.json()["error"]["code"] == code
    other = await house.ask("chen.gang", "POST", f"/api/extensions/{name}/approve", body | {"digest": "0"})
    assert other.json()["error"]["code"] == "other_form"
    early = await house.ask("chen.gang", "POST", f"/api/extensions/{name}/review", body | {"until": day(80)})
    assert early.status_code == 409
    foreign = await house.ask("qian.duo", "GET", f"/api/extensions/{name}")
    assert foreign.status_code == 403
    await house.do("chen.gang", f"/api/extensions/{name}/approve", body)
    shorter = await house.ask("chen.gang", "POST", f"/api/extensions/{name}/review", body | {"until": day(9)})
    assert shorter.json()["error"]["code"] == "until_earlier"


async def test_sent_twice_it_is_filed_once(house: DeskHouse) -> None:
    again = form(id=unique("").strip("-").ljust(32, "0")[:32].replace("-", "0"))
    first = await house.do("wang.fang", "/api/extensions", again)
    assert await house.do("wang.fang", "/api/extensions", again) == first


async def test_a_release_is_taken_back_while_it_waits(house: DeskHouse) -> None:
    """Of an extension that was ended by mistake; of an application that was withdrawn."""
    name = await file(house)
    await house.do("chen.gang", f"/api/extensions/{name}/approve", await signed(house, name))
    await house.do("chen.gang", f"/api/extensions/{name}/end", await signed(house, name, "误"))
    application = await house.file("wang.fang")
    await house.do("wang.fang", f"/api/applications/{application}/withdraw")
    await house.until_said(ApplicationWithdrawn, application)
    for cause, path, source in (
        (name, f"/api/extensions/{name}", HoldSource.EXTENSION),
        (application, f"/api/applications/{application}", HoldSource.APPLICATION),
    ):
        kept = hold(cause, source)
        nothing = await house.ask("chen.gang", "POST", f"{path}/stop-release", {"password": PASSWORD})
        assert nothing.status_code == 409
        await house.say("keeper", "s001", HoldAsked(hold=kept))
        later = datetime.now(UTC) + timedelta(hours=72)
        await house.say(
            "keeper", "s001", HoldReleased(hold=kept.id, cause=cause, reason="x", effective_at=later)
        )
        await until(house, path, '"stop_release"')
        refused = await house.ask("wang.fang", "POST", f"{path}/stop-release", {"password": PASSWORD})
        assert refused.json()["error"]["code"] == "not_safety"
        answer = await house.ask("chen.gang", "POST", f"{path}/stop-release", {"password": PASSWORD})
        assert answer.is_success, answer.text
        assert len(await said(house, ReleaseStopped, cause)) == 1
        await house.say("keeper", "s001", HoldDecided(hold=kept))
        await until(house, path, '"released_at":null')
    assert (await show(house, name))["status"] == "granted"


async def test_the_pages_lead_through_it_in_both_languages(house: DeskHouse) -> None:
    async with house.person("wang.fang") as http:
        blank = await http.get("/extend", follow_redirects=True)
        assert "申请延期保存" in blank.text
        body = form(cameras=["s001/gate"], start="2026-03-01T08:00", end="2026-03-01T09:00")
        sent = {k: v for k, v in body.items() if k != "school"}
        wrong = await http.post(str(blank.url), data=sent | {"until": day(999)})
        assert wrong.status_code == 422
        assert "到期日最远为 180 天后" in wrong.text
        assert "校门口纠纷" in wrong.text, "what was written is kept"
        done = await http.post(str(blank.url), data=sent, follow_redirects=True)
        assert "待审批" in done.text
        name = done.url.path.rsplit("/", 1)[1]
    async with house.person("chen.gang") as http:
        page = await http.get(f"/extensions/{name}?lang=en")
        assert "Your signature is wanted" in page.text
        data = {"digest": (await show(house, name))["digest"], "password": PASSWORD, "decision": "approve"}
        granted = await http.post(f"/extensions/{name}/decide", data=data, follow_redirects=True)
        assert "granted" in granted.text
        assert "/extensions/" + name in (await http.get("/extensions")).text
