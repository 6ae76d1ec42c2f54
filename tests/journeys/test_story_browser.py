"""The whole way of an application in a real browser on the real district, following visible words alone.

Nobody in here knows an address or an id: each goes by what is written on links, buttons and fields, in
Chinese and English, on a desk and on a phone. Every page on the way is read by axe-core.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright, expect

from reelwarden_common.web.i18n import Catalogue, read_catalogue
from reelwarden_local.demo import sample
from reelwarden_local.demo.play import PACE
from reelwarden_local.demo.sample import Past
from reelwarden_local.stack import Stack

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
expect.set_options(timeout=60_000)
CHROMIUM = Path("/usr/bin/chromium")
PACKAGES = ["reelwarden_common.web", "reelwarden_access.district.desk"]
LANGUAGES = {"zh-CN": read_catalogue(PACKAGES), "en-US": Catalogue({})}
UNDERTAKING = {"zh-CN": "本人承诺", "en-US": "I undertake"}
WIDTHS = {"desk": (1280, 900), "phone": (390, 800)}
WATCHED = """video => new Promise((seen) => {
    video.addEventListener("timeupdate", () => { if (video.currentTime > 0.5) seen(); });
    video.play();
})"""
SERIOUS = {"serious", "critical"}


@dataclass
class District:
    """The sample's district, running."""

    stack: Stack
    password: str
    past: Past
    browser: Browser


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def district(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[District]:
    """All servers and roles, with footage that recorders have written."""
    state = tmp_path_factory.mktemp("story")
    recorders = await asyncio.to_thread(sample.prepare, state)
    past = await asyncio.to_thread(sample.write_past, recorders)
    async with Stack(state, state / "district.toml", PACE) as stack, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield District(stack, recorders.password, past, browser)
        await browser.close()


class Somebody:
    """A person before a screen, who reads."""

    def __init__(self, page: Page, words: Catalogue, password: str) -> None:
        self.page = page
        self._words = words
        self._password = password

    def reads(self, text: str) -> str:
        """What stands on the screen for an English text."""
        return self._words.gettext(text)

    async def follows(self, link: str) -> None:
        """Click on a link, from the menu where there is one."""
        menu = self.page.locator("summary", has_text=self.reads("Menu"))
        if await menu.is_visible():
            await menu.click()
        links = self.page.get_by_role("link", name=self.reads(link), exact=True)
        await links.locator("visible=true").first.click()
        await self.looks()

    async def writes(self, label: str, text: str) -> None:
        """Fill in a field."""
        await self.page.get_by_label(self.reads(label)).first.fill(text)

    async def ticks(self, label: str) -> None:
        """Mark a box."""
        await self.page.get_by_label(self.reads(label)).first.check()

    async def signs(self, button: str) -> None:
        """Give the password, press the button."""
        await self.writes("Your password, as your signature", self._password)
        await self.presses(button)

    async def presses(self, button: str) -> None:
        """Press a button."""
        async with self.page.expect_navigation():
            await self.page.get_by_role("button", name=self.reads(button), exact=True).click()
        await self.looks()

    async def sees(self, text: str, seconds: float = 90) -> None:
        """Wait until a text stands there; pages that wait renew themselves."""
        shown = self.page.get_by_text(self.reads(text)).locator("visible=true").first
        await expect(shown).to_be_visible(timeout=seconds * 1000)

    async def looks(self) -> None:
        """The page fits the screen, and axe finds nothing serious."""
        await self.page.wait_for_load_state()
        over = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await self.page.evaluate(over) <= 0, f"{self.page.url} sticks out to the right"
        found = await Axe().run(self.page)
        bad = [f"{v['id']}: {v['help']}" for v in found.response["violations"] if v["impact"] in SERIOUS]
        assert bad == [], f"{self.page.url}: {bad}"


@asynccontextmanager
async def somebody(
    district: District, account: str, locale: str, width: str = "desk", where: str = ""
) -> AsyncIterator[Somebody]:
    """Somebody who has signed in; nothing may be blocked or fail in their browser."""
    wide, high = WIDTHS[width]
    context = await district.browser.new_context(locale=locale, viewport={"width": wide, "height": high})
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    one = Somebody(page, LANGUAGES[locale], district.password)
    await page.goto(where or district.stack.desk_url)
    await one.writes("Account", account)
    await one.writes("Password", district.password)
    await one.presses("Sign in")
    yield one
    assert complaints == [], complaints
    await context.close()


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_an_application_from_filing_to_closing_by_what_is_written_on_the_screen(
    district: District, locale: str
) -> None:
    zone = ZoneInfo("Asia/Shanghai")

    def local(at: datetime) -> str:
        return f"{at.astimezone(zone):%Y-%m-%dT%H:%M:%S}"

    async with somebody(district, "wang.fang", locale, "phone") as teacher:
        await teacher.follows("Apply")
        await teacher.ticks("校门")
        await teacher.writes("From", local(district.past.recent_from))
        await teacher.writes("To", local(district.past.gap_from))
        await teacher.writes("Reason", "学生书包在校门口丢失")
        await teacher.ticks(UNDERTAKING[locale])
        await teacher.signs("Sign and file")
        number = await teacher.page.get_by_role("heading", level=1).inner_text()

        async with somebody(district, "li.xiaozhang", locale, "phone") as leader:
            await leader.follows("To approve")
            await leader.follows(number)
            await leader.writes("Opinion", "同意")
            await leader.signs("Approve and sign")

        async with somebody(district, "zhou.cao", locale) as retriever:
            await retriever.follows("Rules and training")
            acknowledge = "I know the rules and was trained"
            if await retriever.page.get_by_role("button", name=retriever.reads(acknowledge)).count():
                await retriever.presses(acknowledge)
            async with somebody(district, "chen.an", locale) as supervisor:
                await supervisor.follows("All applications")
                await supervisor.follows(number)
                await supervisor.sees("Open the supervision")
                await supervisor.presses("Open the supervision")

                await retriever.follows("Retrieve")
                await retriever.follows(number)
                await retriever.presses("Open the footage")
                video = retriever.page.locator("video").first
                await video.evaluate(WATCHED)
                await retriever.presses("Stop the viewing")
                await retriever.writes("Content", "一名学生在校门口拾到书包")
                await retriever.writes("Outcome", "书包已归还")
                await retriever.presses("Save the record")
                await retriever.signs("Sign")

                await supervisor.presses("End the supervision")
                await supervisor.signs("Sign")
        await teacher.page.reload()
        await teacher.signs("Sign")
        async with somebody(district, "chen.an", locale) as safety:
            await safety.follows("All applications")
            await safety.follows(number)
            await safety.presses("Close the application")
            await safety.sees("closed")
