"""What an application waits for: told to whoever looks, and looked for again by the page itself."""

import asyncio

import httpx
import pytest

from reelwarden_access.district.desk.application import HoldState, Status
from reelwarden_access.district.desk.waiting import Situation, Wait, renews, waits_for
from reelwarden_common.events.access import ExportFailed, Manner
from tests.access.test_desk_domain import application
from tests.support.desk import PASSWORD, POLICE, DeskHouse

IN_FORCE, NOT_YET, IN_PART, GONE = HoldState.IN_FORCE, HoldState.NOT_YET, HoldState.IN_PART, HoldState.GONE
VIEW, COPY = Manner.VIEW, Manner.COPY


def waits(status: Status, manner: Manner = VIEW, **so: object) -> set[str]:
    """What is missing where the hold is in force, unless said otherwise."""
    kept = application(status=status, manner=manner)
    return {str(one) for one in waits_for(Situation(kept, **{"holds": (IN_FORCE,), **so}))}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (waits(Status.FILED, holds=()), {"hold"}),
        (waits(Status.FILED, holds=(IN_FORCE, NOT_YET)), {"hold"}),
        (waits(Status.FILED, holds=(IN_PART,)), {"hold"}),
        (waits(Status.FILED, holds=(IN_FORCE, GONE)), set()),
        (waits(Status.APPROVED), {"export"}),
        (waits(Status.APPROVED, export_failed=True), set()),
        (waits(Status.APPROVED, right=True), {"export", "training"}),
        (waits(Status.READY), {"supervision"}),
        (waits(Status.READY, right=True), {"supervision", "training"}),
        (waits(Status.READY, right=True, trained=True), {"supervision"}),
        (waits(Status.READY, supervised=True), {"retrieval"}),
        (waits(Status.READY, supervised=True, right=True, trained=True), set()),
        (waits(Status.READY, supervised=True, right=True), {"training"}),
        (waits(Status.READY, COPY, supervised=True, building=True), {"package"}),
        (waits(Status.RETRIEVED), {"record"}),
        (waits(Status.RETRIEVED, supervised=True, viewing=True), {"viewing"}),
        (waits(Status.RETRIEVED, supervised=True, viewing=True, right=True, trained=True), set()),
        (waits(Status.RETRIEVED, COPY, supervised=True, viewing=True), {"viewing"}),
        (waits(Status.RETRIEVED, recorded=True), {"signatures"}),
        (waits(Status.RETRIEVED, COPY), {"supervision"}),
        (waits(Status.RELEASED, COPY), {"supervision"}),
        (waits(Status.RELEASED, COPY, supervised=True), {"retrieval"}),
        (waits(Status.RELEASED, COPY, handed_over=True), {"record"}),
        (waits(Status.RELEASED, COPY, handed_over=True, recorded=True), {"signatures"}),
        (waits(Status.RECORDED, COPY, handed_over=True, recorded=True), set()),
        (waits(Status.RECORDED, COPY), set()),
        (waits(Status.CLOSED, holds=()), set()),
        (waits(Status.REJECTED, holds=()), set()),
    ],
)
def test_what_is_missing_follows_from_how_far_it_got(found: set[str], expected: set[str]) -> None:
    assert found == expected


@pytest.mark.parametrize(
    ("awaited", "may", "so"),
    [
        ([Wait.EXPORT], [], True),
        ([Wait.HOLD], ["withdraw"], True),
        ([Wait.PACKAGE], ["close_supervision"], True),
        ([Wait.SUPERVISION, Wait.TRAINING], [], True),
        ([Wait.TRAINING], [], False),
        ([Wait.RECORD], [], False),
        ([], [], False),
        *(
            ([Wait.HOLD], [act], False)
            for act in ("decide", "supervise", "release", "record", "sign", "declare")
        ),
    ],
)
def test_a_page_with_a_form_to_fill_in_never_refreshes_itself(
    awaited: list[Wait], may: list[str], *, so: bool
) -> None:
    assert renews(awaited, may) == so


async def page(house: DeskHouse, account: str, application: str, query: str = "") -> httpx.Response:
    return await house.ask(account, "GET", f"/applications/{application}{query}")


def refreshes(answer: httpx.Response) -> bool:
    return '<meta http-equiv="refresh" content="10">' in answer.text


async def test_the_page_refreshes_itself_while_something_is_awaited(house: DeskHouse) -> None:
    application = await house.file()
    filed = await page(house, "wang.fang", application)
    assert refreshes(filed)
    assert "学校正在保全录像。" in filed.text
    assert not refreshes(await page(house, "li.lei", application)), "the approver is filling in a form"
    await house.approve(application, "li.lei")
    waiting = await page(house, "zhou.jie", application)
    assert refreshes(waiting)
    assert "学校正在导出录像。" in waiting.text
    stopped = await page(house, "zhou.jie", application, "?renew=no")
    assert not refreshes(stopped)
    assert "恢复自动刷新" in stopped.text
    refused = await house.ask("zhou.jie", "POST", f"/applications/{application}/export_again")
    assert refused.status_code == 409
    assert not refreshes(refused), "the address of a refused act cannot be opened"


async def test_an_export_that_is_asked_for_again_is_under_way_again(house: DeskHouse) -> None:
    application = await house.file()
    await house.approve(application, "li.lei")
    await house.say("exporter", "s001", ExportFailed(application=application, reason="internal", detail="x"))
    for _ in range(150):
        if "导出失败" in (failed := await page(house, "zhou.jie", application)).text:
            break
        await asyncio.sleep(0.1)
    assert "学校正在导出录像。" not in failed.text
    await house.do("zhou.jie", f"/api/applications/{application}/export")
    again = await page(house, "zhou.jie", application)
    assert "导出失败" not in again.text
    assert "学校正在导出录像。" in again.text


async def test_everybody_is_told_who_does_the_next_step(house: DeskHouse) -> None:
    application = await house.file()
    await house.ready(application, "sun.wei")
    path = f"/applications/{application}"
    for account in ("wu.di", "sun.wei", "li.lei"):
        told = await page(house, account, application)
        assert "等待安全部门开始监督：陈刚。" in told.text, account  # Sun Wei approved, so not she
    untrained = await page(house, "wu.di", application)
    assert "您尚未确认现行制度和培训" in untrained.text
    assert 'href="/training"' in untrained.text
    assert 'action="' + path + '/view"' not in untrained.text
    supervisor = await page(house, "chen.gang", application)
    assert "等待安全部门开始监督" not in supervisor.text
    assert not refreshes(supervisor)
    await house.do("chen.gang", f"/api{path}/supervision", {"present": ["王芳"]})
    opened = await page(house, "chen.gang", application)
    assert "监督已开始，请操作员进行下一步：周杰、林新、高远、吴迪、赵一。" in opened.text
    await house.do("wu.di", "/api/training/ack")
    trained = await page(house, "wu.di", application)
    assert "您尚未确认" not in trained.text
    assert 'action="' + path + '/view"' in trained.text
    viewing = await house.do("wu.di", f"/api{path}/viewings")
    watched = await page(house, "chen.gang", application)
    assert "吴迪 正在查看录像；结束监督即停止查看。" in watched.text
    assert refreshes(watched)
    await house.do("chen.gang", f"/api{path}/supervision/close")
    over = await page(house, "chen.gang", application)
    assert "调取记录表尚待 吴迪 填写。" in over.text
    assert "再次监督</summary>" in over.text, "what is done is not asked for again"
    back = await house.ask("wu.di", "GET", viewing["page"])
    assert "本次查看已结束（R4.3）。" in back.text
    assert f'action="{path}/record' in back.text, "back on the application, with the next step"
    record = await house.do("wu.di", f"/api{path}/record", {"content": "无异常", "outcome": "未见"})
    signing = {"digest": record["digest"], "password": PASSWORD}
    await house.do("wu.di", f"/api{path}/record/sign", signing)
    assert "调取记录表尚待 王芳、陈刚 签字。" in (await page(house, "wu.di", application)).text


async def test_a_package_under_way_is_not_asked_for_twice(house: DeskHouse) -> None:
    application = await house.file("wu.qian", **POLICE)
    await house.ready(application, "li.lei", "han.mei", files={"view/gate.mp4": b"v" * 100})
    path = f"/api/applications/{application}"
    await house.do("chen.gang", f"{path}/supervision", {"present": ["张警官"]})
    await house.do("zhou.jie", "/api/training/ack")
    async with house.database() as admin:
        await admin.execute(
            "INSERT INTO access.releases"
            " (application, claim, claimed_at, retriever, supervision, recipient, medium)"
            " SELECT s.application, 'c', now(), p.actor, s.id, '张警官', ''"
            " FROM access.supervisions s, access.people p"
            " WHERE s.application = $1 AND p.account = 'zhou.jie'",
            application,
        )
        made = await page(house, "zhou.jie", application)
        await admin.execute("DELETE FROM access.releases WHERE application = $1", application)
    assert "正在制作证据包。" in made.text
    assert refreshes(made)
    assert f"/applications/{application}/release" not in made.text
    await house.do("zhou.jie", f"{path}/release", {"recipient": "张警官", "password": PASSWORD})
    done = await page(house, "zhou.jie", application)
    assert "正在制作证据包。" not in done.text
    assert "取出证据包" in done.text
