"""Every refusal names its rule, is recorded in the desk's table, and is told on the bus (invariant 4)."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from reelwarden_common.events.access import AccessDenied, ExportFailed
from reelwarden_common.events.retention import SweepStopped
from tests.support.desk import PASSWORD, POLICE, DeskHouse, filing
from tests.support.roles import until

NOW = datetime.now(UTC)


async def refused(house: DeskHouse, answer: httpx.Response, code: str, rule: str) -> None:
    """The answer says which rule, the auditor finds it, and the bus has heard it."""
    assert answer.status_code == 403, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["rule"]) == (code, rule)
    assert rule in error["message"]
    rows = (await house.ask("feng.ju", "GET", "/api/denials")).json()
    assert (rows[0]["code"], rows[0]["rule"]) == (code, rule)
    told = (rows[0]["actor"], rows[0]["act"], rule, rows[0]["application"])
    await until(lambda: told in {(e.actor, e.act, e.rule, e.application) for e in house.said(AccessDenied)})


async def slips(house: DeskHouse, code: str, account: str) -> list[bool]:
    """Which of somebody's refusals of one kind were slips, the newest first; as on the bus."""
    rows = (await house.ask("feng.ju", "GET", "/api/denials")).json()
    found = [row for row in rows if (row["code"], row["account"]) == (code, account)]
    told = [e for e in await house.until_said(AccessDenied) if e.actor == found[0]["actor"]]
    assert {row["slip"] for row in found} <= {e.slip for e in told}
    return [row["slip"] for row in found]


@pytest.mark.parametrize("account", ["nobody", "zhou.jie", "zheng.yu", "wu.qian", "qian.duo", "deng.ke"])
async def test_without_the_right_nothing_is_applied_for(house: DeskHouse, account: str) -> None:
    answer = await house.ask(account, "POST", "/api/applications", filing())
    await refused(house, answer, "not_applicant", "R3.3")


async def test_only_reception_files_for_outsiders(house: DeskHouse) -> None:
    answer = await house.ask("wang.fang", "POST", "/api/applications", filing(**POLICE))
    await refused(house, answer, "not_reception", "R3.3")


async def test_staff_and_guardians_get_no_copy(house: DeskHouse) -> None:
    answer = await house.ask("wang.fang", "POST", "/api/applications", filing(manner="copy"))
    await refused(house, answer, "no_copy", "R4.4")
    guardian = {**POLICE, "outsider": "guardian"}
    answer = await house.ask("wu.qian", "POST", "/api/applications", filing(**guardian))
    await refused(house, answer, "no_copy", "R4.4")


async def test_a_wrong_password_signs_nothing(house: DeskHouse) -> None:
    application = await house.file()
    body = {"digest": (await house.show(application))["digest"], "password": "wrong"}
    answer = await house.ask("li.lei", "POST", f"/api/applications/{application}/approve", body)
    await refused(house, answer, "wrong_password", "R4.2")
    assert (await house.show(application))["approvals"] == 0
    await house.approve(application, "li.lei")


async def decide(house: DeskHouse, account: str, application: str, **changes: Any) -> httpx.Response:
    body = {"digest": (await house.show(application, "feng.ju"))["digest"], "password": PASSWORD} | changes
    return await house.ask(account, "POST", f"/api/applications/{application}/approve", body)


async def test_nobody_approves_their_own(house: DeskHouse) -> None:
    application = await house.file("zhao.yi")
    await refused(house, await decide(house, "zhao.yi", application), "own_application", "R4.2")


@pytest.mark.parametrize("account", ["qian.duo", "zhou.jie", "zheng.yu", "feng.ju", "nobody"])
async def test_only_leader_or_safety_of_the_school_approves(house: DeskHouse, account: str) -> None:
    application = await house.file()
    await refused(house, await decide(house, account, application), "not_approver", "R4.2")


async def test_a_copy_needs_a_second_different_signer(house: DeskHouse) -> None:
    application = await house.file("wu.qian", **POLICE)
    await house.approve(application, "li.lei")
    await refused(house, await decide(house, "li.lei", application), "same_signer", "R4.4")
    path = f"/api/applications/{application}"
    await house.do("zhou.jie", "/api/training/ack")
    body = {"recipient": "张警官", "password": PASSWORD}
    answer = await house.ask("zhou.jie", "POST", f"{path}/release", body)
    await refused(house, answer, "not_approved", "R4.4")
    assert (await house.show(application))["status"] == "filed"


async def test_a_leaders_own_footage_goes_to_the_district(house: DeskHouse) -> None:
    application = await house.file(concerns_leader=True)
    await refused(house, await decide(house, "li.lei", application), "district_decides", "R4.4")
    await refused(house, await decide(house, "chen.gang", application), "district_decides", "R4.4")
    assert (await decide(house, "feng.ju", application)).status_code == 200
    assert (await house.show(application))["status"] == "approved"


async def test_a_signature_holds_for_the_form_that_was_shown(house: DeskHouse) -> None:
    application = await house.file()
    answer = await decide(house, "li.lei", application, digest="0" * 64)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "other_form")


async def test_another_school_sees_nothing(house: DeskHouse) -> None:
    application = await house.file()
    for account in ("qian.duo", "nobody", "wu.qian"):
        answer = await house.ask(account, "GET", f"/api/applications/{application}")
        await refused(house, answer, "not_yours", "R3.3")
    pdf = await house.ask("qian.duo", "GET", f"/api/applications/{application}/forms/application.pdf")
    await refused(house, pdf, "not_yours", "R3.3")
    listed = (await house.ask("qian.duo", "GET", "/api/applications?view=all")).json()
    assert all(a["school"] == "s002" for a in listed)


async def test_retrieval_needs_approval_supervision_training_and_four_people(house: DeskHouse) -> None:
    application = await house.file()
    path = f"/api/applications/{application}"
    answer = await house.ask("chen.gang", "POST", f"{path}/supervision", {"present": ["王芳"]})
    await refused(house, answer, "not_approved", "R4.2")
    await house.ready(application, "sun.wei")
    await refused(house, await house.ask("zhou.jie", "POST", f"{path}/viewings"), "no_supervision", "R4.3")
    for account, code in (("sun.wei", "not_apart"), ("li.lei", "not_safety"), ("qian.duo", "not_safety")):
        answer = await house.ask(account, "POST", f"{path}/supervision", {"present": ["王芳"]})
        await refused(house, answer, code, "R4.3")
    await house.do("chen.gang", f"{path}/supervision", {"present": ["王芳"]})
    await refused(house, await house.ask("lin.xin", "POST", f"{path}/viewings"), "not_trained", "R7")
    await refused(house, await house.ask("wang.fang", "POST", f"{path}/viewings"), "not_retriever", "R3.3")
    await refused(house, await house.ask("qian.duo", "POST", f"{path}/viewings"), "not_retriever", "R3.3")
    await house.do("zhou.jie", "/api/training/ack")
    opened = await house.do("zhou.jie", f"{path}/viewings")
    url = opened["files"][0]["url"]
    await refused(house, await house.ask("chen.gang", "GET", url), "not_retriever", "R4.3")
    other = await house.ask("sun.wei", "POST", f"{path}/supervision/close")
    await refused(house, other, "not_supervisor", "R4.3")
    await house.do("chen.gang", f"{path}/supervision/close")
    await refused(house, await house.ask("zhou.jie", "GET", url), "viewing_over", "R4.3")
    assert (await house.show(application))["viewings"][0]["stopped_at"]


async def test_who_approved_or_applied_does_not_retrieve(house: DeskHouse) -> None:
    application = await house.file()
    await house.ready(application, "zhao.yi")
    await house.do("chen.gang", f"/api/applications/{application}/supervision", {"present": ["王芳"]})
    await house.do("zhao.yi", "/api/training/ack")
    answer = await house.ask("zhao.yi", "POST", f"/api/applications/{application}/viewings")
    await refused(house, answer, "not_apart", "R4.3")


async def test_a_viewing_gives_no_copy_and_a_copy_no_other_recipient(house: DeskHouse) -> None:
    view = await house.file()
    await house.ready(view, "li.lei")
    body = {"recipient": "王芳", "password": PASSWORD}
    answer = await house.ask("zhou.jie", "POST", f"/api/applications/{view}/release", body)
    await refused(house, answer, "view_only", "R4.4")
    copy = await house.file("wu.qian", **POLICE)
    await house.ready(copy, "li.lei", "han.mei")
    answer = await house.ask("zhou.jie", "POST", f"/api/applications/{copy}/release", body)
    await refused(house, answer, "other_recipient", "R4.4")


async def test_footage_that_was_changed_in_the_store_does_not_leave(house: DeskHouse) -> None:
    application = await house.file("wu.qian", **POLICE)
    await house.approve(application, "li.lei", "han.mei")
    event = await house.export(application, {"view/gate.mp4": b"as exported"})
    await house.until(application, status="ready")
    key = f"{event.folder}view/gate.mp4"
    house.put(event.bucket, key, b"as forged!!")
    await house.do("chen.gang", f"/api/applications/{application}/supervision", {"present": ["张警官"]})
    await house.do("zhou.jie", "/api/training/ack")
    body = {"recipient": "张警官", "password": PASSWORD}
    answer = await house.ask("zhou.jie", "POST", f"/api/applications/{application}/release", body)
    assert answer.status_code == 422
    assert "view/gate.mp4" in answer.json()["error"]["message"]
    assert (await house.show(application))["release"] is None
    house.put(event.bucket, key, b"as exported")
    await house.do("zhou.jie", f"/api/applications/{application}/release", body)


async def school_of_refusal(house: DeskHouse, account: str, method: str, path: str, **body: Any) -> str:
    """The school under which the newest refusal is recorded, as the district officer reads it."""
    answer = await house.ask(account, method, path, body or None)
    assert answer.status_code == 403, answer.text
    return str((await house.ask("feng.ju", "GET", "/api/denials")).json()[0]["school"])


async def test_a_refusal_is_the_matter_of_the_school_that_it_concerns(house: DeskHouse) -> None:
    application = await house.file()
    await house.ready(application, "li.lei")
    path = f"/api/applications/{application}"
    await house.do("chen.gang", f"{path}/supervision", {"present": ["王芳"]})
    await house.do("zhou.jie", "/api/training/ack")
    viewing = (await house.do("zhou.jie", f"{path}/viewings"))["viewing"]
    for method, page in (("GET", ""), ("POST", "/stop")):
        assert await school_of_refusal(house, "qian.duo", method, f"/viewings/{viewing}{page}") == "s001"
    refusal = (await house.ask("zheng.yu", "GET", "/api/denials")).json()[0]
    assert (refusal["act"], refusal["application"]) == ("stop_viewing", application)
    stopped = SweepStopped(
        sweep="w-refused", reason="first-sweep", segments=1, bytes=1, oldest=NOW, newest=NOW
    )
    await house.say("reaper", "s001", stopped)
    await heard_of(house, "sweeps", "w-refused")
    confirm = "/api/sweeps/w-refused/confirm"
    assert await school_of_refusal(house, "qian.duo", "POST", confirm, password=PASSWORD) == "s001"
    for officer in ("chen.gang", "li.lei"):
        tried = await school_of_refusal(house, officer, "POST", confirm, password=PASSWORD)
        assert tried == "district", "nobody closes the violation of their own attempt"


async def heard_of(house: DeskHouse, kind: str, name: str) -> None:
    for _ in range(150):
        if name in (await house.ask("feng.ju", "GET", f"/api/{kind}")).text:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(kind)


async def test_a_refusal_about_nothing_else_is_of_the_school_of_whoever_tried(house: DeskHouse) -> None:
    for path in ("/alarms", "/all", "/api/denials"):
        assert await school_of_refusal(house, "wang.fang", "GET", path) == "s001"
    for officer in ("chen.gang", "li.lei"):
        assert await school_of_refusal(house, officer, "GET", "/retrieve") == "district"
    assert await school_of_refusal(house, "nobody", "GET", "/alarms") == "district"
    page = (await house.ask("feng.ju", "GET", "/alarms")).text
    assert '<td data-label="申请">示范区教育局</td>' in page
    actor = (await house.ask("feng.ju", "GET", "/api/denials")).json()[0]["actor"]
    assert f'无名 <code class="muted small" title="{actor}">{actor[:10]}</code>' in page


async def test_officers_only_confirm_sweeps_and_see_alarms(house: DeskHouse) -> None:
    answer = await house.ask("wang.fang", "GET", "/api/denials")
    await refused(house, answer, "no_right", "R3.3")


WRONG: dict[str, Callable[[datetime], dict[str, Any]]] = {
    "too_long": lambda now: {"end": (now - timedelta(hours=15, minutes=30)).isoformat()},
    "span_backwards": lambda now: {"end": (now - timedelta(days=2)).isoformat()},
    "span_in_future": lambda now: {"end": (now + timedelta(hours=1)).isoformat()},
    "no_undertaking": lambda _now: {"undertaking": False},
    "field_missing": lambda _now: {"reason": "  "},
}
"""What is wrong with a form that is filled in now."""


@pytest.mark.parametrize("code", WRONG)
async def test_a_wrong_form_gets_a_clear_answer(house: DeskHouse, code: str) -> None:
    form = filing(**WRONG[code](datetime.now(UTC)))
    answer = await house.ask("wang.fang", "POST", "/api/applications", form)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code), answer.text


async def test_police_must_show_their_authority(house: DeskHouse) -> None:
    lacking = {**POLICE, "authority_document": ""}
    answer = await house.ask("wu.qian", "POST", "/api/applications", filing(**lacking))
    assert answer.json()["error"]["message"] == "请填写：法定文书。"


async def test_an_unknown_camera_is_named(house: DeskHouse) -> None:
    answer = await house.ask("wang.fang", "POST", "/api/applications", filing(cameras=["cellar"]))
    assert answer.status_code == 422
    assert "cellar" in answer.json()["error"]["message"]


async def test_a_failed_export_is_told_and_asked_for_again(house: DeskHouse) -> None:
    application = await house.file()
    await house.approve(application, "li.lei")
    path = f"/api/applications/{application}/export"
    assert (await house.ask("zhou.jie", "POST", path)).status_code == 409
    failed = ExportFailed(application=application, reason="gone", detail="nothing on disk or in backup")
    await house.say("exporter", "s001", failed)

    async def told() -> bool:
        export = (await house.show(application))["export"]
        return bool(export and export["problem"] == "gone: nothing on disk or in backup")

    await until(told)
    await house.do("zhou.jie", path)


async def test_a_mistyped_password_is_a_slip_and_the_third_an_attempt(house: DeskHouse) -> None:
    application = await house.file()
    body = {"digest": (await house.show(application))["digest"], "password": "wrong"}
    for _ in range(3):
        answer = await house.ask("deng.ke", "POST", f"/api/applications/{application}/approve", body)
        await refused(house, answer, "wrong_password", "R4.2")
    assert await slips(house, "wrong_password", "deng.ke") == [False, True, True]


async def test_slips_at_the_same_moment_are_counted_one_by_one(house: DeskHouse) -> None:
    application = await house.file("wu.qian", **POLICE)
    await house.approve(application, "han.mei")

    async with house.database() as behind, house.database() as watch, asyncio.TaskGroup() as tasks:

        async def all_wait() -> bool:
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            return bool(await watch.fetchval(f"{waiting} AND datname = current_database()") == 4)

        async with behind.transaction():
            await behind.execute("LOCK TABLE access.denials IN SHARE MODE")
            for _ in range(4):
                tasks.create_task(decide(house, "han.mei", application))
            await until(all_wait)
    assert await slips(house, "same_signer", "han.mei") == [False, False, True, True]


async def test_back_to_a_viewing_that_was_stopped_is_a_slip(house: DeskHouse) -> None:
    application = await house.file()
    await house.ready(application, "li.lei")
    path = f"/api/applications/{application}"
    await house.do("chen.gang", f"{path}/supervision", {"present": ["王芳"]})
    await house.do("gao.yuan", "/api/training/ack")
    viewing = await house.do("gao.yuan", f"{path}/viewings")
    await house.do("chen.gang", f"/api/viewings/{viewing['viewing']}/stop")
    page = await house.ask("gao.yuan", "GET", viewing["page"])
    assert (page.status_code, "本次查看已结束" in page.text) == (403, True)
    assert (await slips(house, "viewing_over", "gao.yuan"))[0]
    await house.ask("lin.xin", "GET", viewing["page"])
    assert not (await slips(house, "not_retriever", "lin.xin"))[0]
    alarms = await house.ask("feng.ju", "GET", "/alarms")
    assert "疏忽，不计违规" in alarms.text


async def test_a_second_click_on_the_download_is_a_slip_and_told_on_the_page(house: DeskHouse) -> None:
    application = await house.file("wu.qian", **POLICE)
    await house.ready(application, "li.lei", "han.mei")
    path = f"/api/applications/{application}"
    await house.do("chen.gang", f"{path}/supervision", {"present": ["张警官"]})
    await house.do("gao.yuan", "/api/training/ack")
    body = {"recipient": "张警官", "password": PASSWORD}
    await house.do("gao.yuan", f"{path}/release", body)
    link = f"/applications/{application}/package"
    assert link in (await house.ask("gao.yuan", "GET", f"/applications/{application}")).text
    taken = await house.ask("gao.yuan", "POST", link)
    number = (await house.show(application))["number"]
    assert taken.headers["content-disposition"] == f'attachment; filename="{number}.zip"'
    again = await house.ask("gao.yuan", "POST", link)
    assert (again.status_code, again.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert "拷贝已经交付过" in again.text
    assert re.search(r"证据包已于 \d{4}-\d\d-\d\d \d\d:\d\d:\d\d 交付 张警官。", again.text)
    assert link not in again.text
    assert (await slips(house, "released", "gao.yuan"))[0]
    stranger = await house.ask("wang.fang", "POST", f"{path}/release", body)
    await refused(house, stranger, "not_retriever", "R3.3")
    assert not (await slips(house, "not_retriever", "wang.fang"))[0]
