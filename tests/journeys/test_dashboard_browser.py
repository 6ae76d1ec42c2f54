"""The dashboard in a real browser: live, in both languages, on a desk and on a phone."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

from reelwarden_common.events import access, ingest, report
from reelwarden_local.bus import EmbeddedBus
from tests.report.district import (
    PASSWORD,
    Index,
    Voices,
    district_toml,
    inspector,
    migrated,
    segment,
)

pytestmark = pytest.mark.system
expect.set_options(timeout=60_000)
ZONE = ZoneInfo("Asia/Shanghai")
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
AGAIN = START + timedelta(hours=1, minutes=20)
"""After a gap; whether midnight lies before, in or after it depends on when this runs."""


@pytest_asyncio.fixture(loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        path = shutil.which("chromium")
        launched = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        await launched.close()


@asynccontextmanager
async def a_page(browser: Browser, size: dict[str, int]) -> AsyncIterator[Page]:
    """A page whose console must stay empty: no error of a script, nothing that the policy blocked."""
    said: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "ERR_" not in message.text:
            said.append(message.text)

    context = await browser.new_context(viewport=size, locale="zh-CN")  # type: ignore[arg-type]
    page = await context.new_page()
    page.on("console", heard)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    await context.close()
    assert said == []


async def sign_in(page: Page, address: str, person: str) -> None:
    await page.goto(address)
    await page.fill("input[name=id]", person)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("button[type=submit]")


async def picture(page: Page, name: str) -> None:
    """Keep a picture where somebody wants to look at one."""
    folder = os.environ.get("RW_TEST_PICTURES")
    if folder:
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


async def fits(page: Page) -> bool:
    """Whether nothing sticks out to the right."""
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return bool(wide <= 0)


def alive() -> report.SiteAlive:
    return report.SiteAlive(at=datetime.now(UTC), software="0.1.0", plan_version=4, backlog=2)


async def a_morning(voices: Voices, index: Index) -> None:
    """Two schools; in one of them there are things to find."""
    for camera in ("gate", "hall", "yard"):
        index.add("s001", camera, START, START + timedelta(hours=1))
        index.add("s001", camera, AGAIN, START + timedelta(hours=3))
        said = (segment(camera, START), segment(camera, AGAIN))
        await voices.say("s001", ingest.SegmentsRecorded(segments=said))
    bad = ingest.RejectedFile(
        id="bad1",
        camera="yard",
        locator="frigate/recordings/2026-03-02/08/yard/00.10.mp4",
        size=12,
        file_time=START,
        reason="truncated",
        detail="the file ends inside its last packet",
    )
    lost = segment("hall", START)
    gone = ingest.LostSegment(**lost.model_dump(include=set(ingest.LostSegment.model_fields)))
    await voices.say(
        "s001",
        alive(),
        ingest.StorageMeasured(total=4 * 10**12, free=10**12, forecast_days=41.5),
        ingest.SegmentsRejected(files=(bad,)),
        ingest.SegmentsLost(segments=(gone,), noticed_at=START),
    )


async def the_heat_of_a_school_lives(page: Page, voices: Voices, index: Index) -> None:
    """From the tile to the school and its camera: what was recorded meanwhile is drawn without a reload."""
    await page.get_by_role("link", name="第一小学").first.click()
    gate = page.locator("#camera-gate")
    heat = gate.get_by_role("img")
    before = await heat.get_attribute("aria-label")
    assert before is not None
    await expect(page.get_by_role("list", name="色块图例")).to_contain_text("情况不明")
    await page.evaluate("window.stayed = true")
    noon = (START.astimezone(ZONE) - timedelta(days=3)).replace(hour=12, minute=0, second=0)
    earlier = noon.astimezone(UTC)
    index.add("s001", "gate", earlier, earlier + timedelta(minutes=5))
    await voices.say("s001", ingest.SegmentsRecorded(segments=(segment("gate", earlier),)))
    await expect(heat).not_to_have_attribute("aria-label", before)
    assert await page.evaluate("window.stayed") is True
    await picture(page, "school")
    await gate.get_by_role("link", name="校门", exact=True).click()
    day = page.get_by_role("row").filter(has_text=f"{noon:%Y-%m-%d}")
    await expect(day.get_by_role("img")).to_have_attribute("aria-label", re.compile("不到一半 1"))
    assert await fits(page)
    await picture(page, "camera")


async def a_report_is_signed_with_a_key(page: Page, report: str) -> None:
    """The key is asked for by the browser; page and PDF say that it was one."""
    named = report.replace("127.0.0.1", "localhost")  # keys belong to a name
    devices = await page.context.new_cdp_session(page)
    await devices.send("WebAuthn.enable")
    device = {"protocol": "ctap2", "transport": "internal", "hasUserVerification": True}
    device |= {"hasResidentKey": True, "isUserVerified": True}
    await devices.send("WebAuthn.addVirtualAuthenticator", {"options": device})
    await sign_in(page, named.partition("/reports")[0], "officer")
    await expect(page.locator("#live")).to_have_text("实时")
    await page.get_by_role("link", name="我的密钥").click()
    await page.get_by_label("名称").fill("办公室电脑")
    await page.get_by_label("您的密码").fill(PASSWORD)
    await page.get_by_role("button", name="添加密钥").click()
    await expect(page.get_by_role("heading", name="办公室电脑")).to_be_visible()
    await picture(page, "keys")
    await page.goto(named)
    await picture(page, "report-to-sign")
    await page.get_by_role("button", name="签名并送达").click()
    await expect(page.locator("#signature")).to_contain_text("以本人密钥")


async def test_the_dashboard_lives(
    browser: Browser, fresh_database: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    url, toml = await migrated(fresh_database), district_toml(tmp_path)
    async with EmbeddedBus(tmp_path_factory.mktemp("bus"), ["s001", "s002"]) as bus:
        voices, index = Voices(bus), Index()
        await index.serve(await voices.client("index"))
        async with (
            a_page(browser, DESK) as page,
            a_page(browser, PHONE) as phone,
            inspector(bus, url, toml, cut_off_seconds=600) as address,
        ):
            await sign_in(page, address, "officer")
            await expect(page.locator("#live")).to_have_text("实时")
            first = page.locator("#tile-s001")
            await expect(first).to_contain_text("从未收到消息")
            await page.evaluate("window.stayed = true")
            await a_morning(voices, index)
            await expect(first).to_contain_text("严重")
            await expect(first).to_contain_text("3/3")
            await expect(page.locator("#tile-s002")).to_contain_text("从未收到消息")
            await expect(page.locator("#findings")).to_contain_text("不可用文件")
            await expect(page.locator("#findings")).to_contain_text("断档")
            assert await page.evaluate("window.stayed") is True
            await picture(page, "dashboard")
            await the_heat_of_a_school_lives(page, voices, index)
            await page.goto(address)

            await sign_in(phone, address, "officer")
            await expect(phone.locator("#findings")).to_contain_text("录像丢失")
            assert await fits(phone)
            await picture(phone, "dashboard-phone")
            await phone.get_by_role("link", name="English").click()
            await expect(phone.locator("#live")).to_have_text("live")
            await expect(phone.locator("#findings")).to_contain_text("Lost footage")

            await page.get_by_role("link", name="检查报告").click()
            await page.get_by_role("button", name="立即检查").click()
            await expect(page.locator("h1")).to_contain_text("s001-INS-")
            await expect(page.locator("article")).to_contain_text("0:20:00")
            await picture(page, "report")
            link = await page.get_by_role("link", name="PDF").get_attribute("href")
            pdf = await page.request.get(f"{address}{link}")
            assert (await pdf.body()).startswith(b"%PDF")
            if folder := os.environ.get("RW_TEST_PICTURES"):
                (Path(folder) / "report.pdf").write_bytes(await pdf.body())
            await phone.goto(page.url)
            assert await fits(phone)
            async with a_page(browser, DESK) as signer:
                await a_report_is_signed_with_a_key(signer, page.url)
            await voices.say("s001", access.AccessDenied(actor="a-5d3f09aa", act="sweeps", rule="R3.3"))
            await expect(phone.locator("h1")).to_contain_text("s001-INS-")
            for name in ("violations", "rules", "feedback", "reports"):
                for one in (page, phone):
                    await one.goto(f"{address}/{name}")
                    assert await fits(one), name
                    await picture(one, f"{name}-{'desk' if one is page else 'phone'}")
            await page.goto(f"{address}/violations")
            await page.get_by_label("处理结果").select_option(label="已教育提醒")
            await page.get_by_role("button", name="结案").click()
            await expect(page.locator("tbody")).to_contain_text("已教育提醒")
            await expect(page.get_by_role("button", name="结案")).to_have_count(0)
            await page.goto(address)
            await page.locator("#findings").get_by_role("button", name="已整改").first.click()
            await expect(page.locator("#live")).to_have_text("实时")
        await voices.close()


async def test_a_broken_line_is_shown_as_such(
    browser: Browser,
    fresh_database: str,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    capfd: pytest.CaptureFixture[str],
) -> None:
    url, toml = await migrated(fresh_database), district_toml(tmp_path)
    async with (
        EmbeddedBus(tmp_path_factory.mktemp("bus"), ["s001", "s002"]) as bus,
        a_page(browser, DESK) as page,
    ):
        async with inspector(bus, url, toml) as address:
            await sign_in(page, address, "officer")
            await expect(page.locator("#live")).to_have_text("实时")
        await expect(page.locator("#live")).to_have_text("连接中断：所示内容可能已过时")
    assert "graceful shutdown" not in capfd.readouterr().err, "the stream ended by itself"
