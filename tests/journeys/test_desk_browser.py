"""A teacher files an application in a real browser, on a desk and on a phone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import av
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from reelwarden_access.verify import check_passkey
from reelwarden_common.events.access import ApplicationFiled
from reelwarden_common.events.base import CameraSpan
from tests.support.backends import Database, ObjectStore, unique
from tests.support.desk import PASSWORD, DeskHouse, open_house
from tests.support.oidc import provider, use

pytestmark = pytest.mark.system
expect.set_options(timeout=60_000)
CHROMIUM = Path("/usr/bin/chromium")
WIDTHS = {"desk": (1280, 900), "phone": (390, 800)}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(
    postgres: Database, s3: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[DeskHouse]:
    """A desk for this module."""
    name = unique("desk_")
    admin = await asyncpg.connect(postgres.admin_url())
    await admin.execute(f"create database {name}")
    try:
        with pytest.MonkeyPatch.context() as patch:
            folder = tmp_path_factory.mktemp("desk")
            async with open_house(folder, postgres, postgres.admin_url(name), s3, patch) as opened:
                yield opened
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        await launched.close()


@asynccontextmanager
async def page_of(
    browser: Browser, house: DeskHouse, account: str, width: str, locale: str = "zh-CN"
) -> AsyncIterator[Page]:
    """Somebody's page after signing in; nothing may be blocked or fail in it."""
    wide, high = WIDTHS[width]
    context = await browser.new_context(
        base_url=house.url,
        viewport={"width": wide, "height": high},
        locale=locale,
        has_touch=width == "phone",
    )
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto("/login")
    await page.fill("[name=id]", account)
    await page.fill("[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/")
    yield page
    assert complaints == []
    await context.close()


async def follow(page: Page, section: str) -> None:
    """Go to a section, from the menu where there is one."""
    menu = page.locator("summary", has_text="菜单")
    if await menu.is_visible():
        await menu.click()
    await page.get_by_role("link", name=section, exact=True).locator("visible=true").click()


async def fits(page: Page) -> bool:
    """Whether nothing sticks out to the right."""
    over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return bool(over <= 0)


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_teacher_files_and_a_leader_signs(
    browser: Browser, house: DeskHouse, width: str, tmp_path: Path
) -> None:
    start = datetime.now(ZoneInfo("Asia/Shanghai")) - timedelta(days=1)
    async with page_of(browser, house, "wang.fang", width) as page:
        await page.get_by_role("link", name="提交申请").click()
        await page.get_by_label("校门").check()
        await page.get_by_label("开始时间").fill(f"{start:%Y-%m-%dT%H:%M:%S}")
        await page.get_by_label("结束时间").fill(f"{start + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}")
        await page.get_by_label("调取事由").fill("学生书包在校门口丢失")
        await page.get_by_label("本人承诺").check()
        await page.get_by_label("输入密码，作为您的签字").fill(PASSWORD)
        assert await fits(page)
        await page.get_by_role("button", name="签字并提交").click()
        await page.wait_for_url("**/applications/*")
        number = await page.get_by_role("heading", level=1).inner_text()
        await expect(page.get_by_text("待审批")).to_be_visible()
        await expect(page.get_by_text("学生书包在校门口丢失")).to_be_visible()
        assert await fits(page)
        application = page.url.rsplit("/", 1)[1]
        await page.screenshot(path=tmp_path / f"filed-{width}.png", full_page=True)
        await page.go_back()
        await expect(page.get_by_text(f"此表已提交，即申请 {number}")).to_be_visible()
        await expect(page.get_by_role("button", name="签字并提交")).to_have_count(0)
        assert await fits(page)
        await page.get_by_role("link", name="查看该申请").click()
        await expect(page.get_by_role("button", name="确认撤回")).to_be_hidden()
        await page.get_by_text("撤回申请").click()
        await expect(page.get_by_role("button", name="确认撤回")).to_be_visible()
    filed = (await house.until_said(ApplicationFiled, application))[0]
    assert filed.number == number
    assert filed.spans[0].start.replace(microsecond=0) == start.replace(microsecond=0)

    async with page_of(browser, house, "li.lei", width) as page:
        await follow(page, "待我审批")
        await page.get_by_role("link", name=number).click()
        await page.get_by_label("意见").fill("同意")
        await page.get_by_label("输入密码，作为您的签字").fill(PASSWORD)
        await page.get_by_role("button", name="批准并签字", exact=True).click()
        await expect(page.get_by_text("已批准，正在导出")).to_be_visible()
        assert await fits(page)


async def test_a_leader_signs_with_a_key_of_their_own(
    browser: Browser, house: DeskHouse, tmp_path: Path
) -> None:
    application = await house.file()
    number = (await house.show(application))["number"]
    named = replace(house, url=house.url.replace("127.0.0.1", "localhost"))  # keys belong to a name
    async with page_of(browser, named, "li.lei", "phone") as page:
        devices = await page.context.new_cdp_session(page)
        await devices.send("WebAuthn.enable")
        device = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
        }
        await devices.send("WebAuthn.addVirtualAuthenticator", {"options": device})
        await page.goto("/keys")
        await page.get_by_label("名称").fill("我的手机")
        await page.get_by_label("您的密码").fill(PASSWORD)
        await page.get_by_role("button", name="添加密钥").click()
        await expect(page.get_by_role("heading", name="我的手机")).to_be_visible()
        assert await fits(page)
        await page.goto("/")
        await page.get_by_role("link", name=number).first.tap()  # with the button and the device, three taps
        await expect(page.get_by_label("输入密码，作为您的签字")).to_be_hidden()
        await page.get_by_role("button", name="批准并签字", exact=True).tap()
        await expect(page.get_by_text("已批准，正在导出")).to_be_visible()
        await expect(page.get_by_text("本人密钥")).to_be_visible()
        assert await fits(page)
        await page.goto("/apply")  # what is filed is signed with the key, too
        await page.get_by_label("校门口").check()
        start = datetime.now(ZoneInfo("Asia/Shanghai")) - timedelta(days=1)
        await page.get_by_label("开始时间").fill(f"{start:%Y-%m-%dT%H:%M:%S}")
        await page.get_by_label("结束时间").fill(f"{start + timedelta(minutes=9):%Y-%m-%dT%H:%M:%S}")
        await page.get_by_role("button", name="签字并提交").tap()  # the browser itself asks for the reason
        await page.get_by_label("调取事由").fill("学生书包丢失")
        await page.get_by_label("本人承诺").check()
        await page.screenshot(path=tmp_path / "file-with-key.png", full_page=True)
        await page.get_by_role("button", name="签字并提交").tap()
        await page.wait_for_url("**/applications/*", timeout=60_000)
        await expect(page.get_by_text("本人密钥")).to_be_visible()
        await page.screenshot(path=tmp_path / "filed-with-key.png", full_page=True)
        filed = page.url.partition("/applications/")[2].partition("#")[0]
    [applicant] = (await house.show(filed))["signatures"]
    assert applicant["own_key"]["act"] == "file"
    signatures = (await house.show(application))["signatures"]
    approval = next(one for one in signatures if one["capacity"] == "approver")
    assert check_passkey(approval | {"passkey": approval["own_key"]})


async def test_english_for_who_wants_it_and_by_keyboard_alone(browser: Browser, house: DeskHouse) -> None:
    async with page_of(browser, house, "wang.fang", "desk", "en-US") as page:
        await expect(page.get_by_role("heading", name="My applications")).to_be_visible()
        await page.keyboard.press("Tab")
        focused = page.locator(":focus")
        await expect(focused).to_have_text("Skip to content")
        outline = await focused.evaluate("element => getComputedStyle(element).outlineStyle")
        assert outline == "solid"
        await page.get_by_role("link", name="中文").click()
        await expect(page.get_by_role("heading", name="我的申请")).to_be_visible()
        await page.goto("/training")
        await expect(page.get_by_role("heading", name="制度与培训")).to_be_visible()


async def test_a_page_that_waits_refreshes_itself(browser: Browser, house: DeskHouse) -> None:
    application = await house.file()
    await house.approve(application, "li.lei")
    async with page_of(browser, house, "wang.fang", "phone") as page:
        await page.goto(f"/applications/{application}")
        await expect(page.get_by_text("学校正在导出录像。")).to_be_visible()
        assert await fits(page)
        await house.export(application, {"view/gate.mp4": b"0123456789" * 100})
        await expect(page.get_by_text("等待安全部门开始监督：陈刚、孙伟。")).to_be_visible(timeout=60_000)
        await page.get_by_role("link", name="停止刷新").click()
        await expect(page.get_by_text("本页不再自动刷新。")).to_be_visible()


@pytest.mark.parametrize("width", WIDTHS)
async def test_an_operator_is_led_by_the_rules_to_the_footage(
    browser: Browser, house: DeskHouse, width: str
) -> None:
    operator = {"desk": "gao.yuan", "phone": "wu.di"}[width]
    application = await house.file()
    await house.ready(application, "li.lei")
    async with page_of(browser, house, operator, width) as page:
        await follow(page, "调取")
        await page.goto(f"/applications/{application}")
        await expect(page.get_by_text("等待安全部门开始监督：陈刚、孙伟。")).to_be_visible()
        await page.get_by_role("link", name="阅读并确认").click()
        assert await fits(page)
        await page.get_by_role("button", name="我已阅读制度并接受培训").click()
        await house.do("chen.gang", f"/api/applications/{application}/supervision", {"present": ["王芳"]})
        await page.goto(f"/applications/{application}")
        await expect(page.get_by_text("您尚未确认")).to_have_count(0)
        await page.get_by_role("button", name="打开录像").click()
        await page.wait_for_url("**/viewings/*")


async def test_the_supervisor_sees_what_is_watched_and_stops_it(
    browser: Browser, house: DeskHouse, clip: bytes, tmp_path: Path
) -> None:
    """Two people, two screens: the mark over the footage, a still, and the player that stops by itself."""
    start = (datetime.now(ZoneInfo("Asia/Shanghai")) - timedelta(days=1)).replace(microsecond=0)
    shows = CameraSpan(camera="gate", start=start, end=start + timedelta(seconds=20))
    application = await house.file()
    await house.approve(application, "li.lei")
    await house.export(application, {"view/gate.mp4": clip}, shows=shows)
    await house.until(application, status="ready")
    await house.do("zhou.jie", "/api/training/ack")
    async with (
        page_of(browser, house, "chen.gang", "phone") as supervisor,
        page_of(browser, house, "zhou.jie", "desk") as retriever,
    ):
        await supervisor.goto(f"/applications/{application}")
        await supervisor.get_by_label("监督时长（分钟）").fill("45")
        await supervisor.get_by_role("button", name="开始监督").click()
        await expect(supervisor.get_by_role("heading", name="尚未打开录像")).to_be_visible()
        await retriever.goto(f"/applications/{application}")
        await retriever.get_by_role("button", name="打开录像").click()
        await expect(retriever.get_by_text("无缺口：录像覆盖整个时段。")).to_be_visible()
        await retriever.evaluate("() => { document.querySelector('video').muted = true; }")
        await retriever.get_by_role("button", name="播放").click()
        await retriever.wait_for_function("() => document.querySelector('video').currentTime > 0.2")
        number = await retriever.evaluate("() => document.querySelector('.mark .one').innerText")
        assert f"王芳 · s001-{start:%Y}" in number
        assert f"{start:%Y-%m-%d %H:%M}" in number, "the footage's own time, following playback"
        await expect(supervisor.get_by_role("heading", name="周杰 正在查看")).to_be_visible()
        assert await fits(supervisor)
        await retriever.get_by_role("button", name="全屏").click()
        await retriever.wait_for_function("() => document.fullscreenElement?.classList.contains('stage')")
        await expect(retriever.locator(".stage .mark .two")).to_be_visible()
        await retriever.get_by_role("button", name="全屏").click()
        await retriever.get_by_role("button", name="截图").click()
        still = retriever.locator("ol.stills img")
        await expect(still).to_be_visible()
        await retriever.wait_for_function("() => document.querySelector('ol.stills img').naturalWidth > 0")
        await retriever.screenshot(path=tmp_path / "viewing.png", full_page=True)
        await expect(supervisor.get_by_role("heading", name="周杰 已暂停")).to_be_visible()
        await retriever.get_by_role("button", name="播放").click()
        await supervisor.screenshot(path=tmp_path / "supervision.png", full_page=True)
        await supervisor.get_by_role("button", name="停止查看").click()
        await expect(retriever.locator("#over")).to_be_visible()
        await expect(still).to_have_count(0)
        assert await retriever.evaluate("() => document.querySelector('video').readyState") == 0
        await expect(supervisor.get_by_role("heading", name="尚未打开录像")).to_be_visible()
    shown = await house.show(application)
    assert shown["viewings"][0]["bytes"] >= len(clip) // 2
    assert (shown["watched"][0]["played"], len(shown["stills"])) == (True, 1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Twenty seconds of grey that Chromium plays."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with av.open(str(path), "w", options={"movflags": "faststart"}) as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for shade in range(200):
            frame = av.VideoFrame(320, 180, "gray")
            frame.planes[0].update(bytes([shade]) * frame.planes[0].buffer_size)
            out.mux(stream.encode(frame.reformat(format="yuv420p")))
        out.mux(stream.encode())
    return path.read_bytes()


async def test_a_leader_signs_in_with_the_districts_account(
    browser: Browser, house: DeskHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service is another site: the browser must send the new session along all the same."""
    with provider("localhost") as issuer:
        use(house, issuer, monkeypatch)
        context = await browser.new_context(base_url=house.url, locale="zh-CN")
        try:
            page = await context.new_page()
            await page.goto("/keys")
            await page.get_by_role("link", name="使用学区统一账号登录").click()
            await page.get_by_role("button", name="u-1").click()
            await page.wait_for_url("**/keys")
            await expect(page.get_by_text("林校长")).to_be_visible()
            await expect(page.get_by_text("您在本系统没有密码").first).to_be_visible()
        finally:
            await context.close()
