"""A form that draws what exists while it is filled in, is put aside as a draft, and is filed later."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import FilePayload, async_playwright, expect

from tests.support.backends import Database, ObjectStore, unique
from tests.support.desk import PASSWORD, DeskHouse, open_house
from tests.support.papers import picture

pytestmark = pytest.mark.system
CHROMIUM = Path("/usr/bin/chromium")


@pytest_asyncio.fixture(loop_scope="session")
async def house(postgres: Database, s3: ObjectStore, tmp_path: Path) -> AsyncIterator[DeskHouse]:
    """A running desk."""
    name = unique("apply_")
    admin = await asyncpg.connect(postgres.admin_url())
    await admin.execute(f"create database {name}")
    try:
        with pytest.MonkeyPatch.context() as patch:
            async with open_house(tmp_path, postgres, postgres.admin_url(name), s3, patch) as opened:
                yield opened
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


async def plan_of(house: DeskHouse) -> None:
    """A floor plan with the gate on it."""
    async with house.person("chen.gang") as http:
        await http.post("/plans/s001", files=[("files", ("plan.png", picture(size=(800, 500)), "image/png"))])
        await http.post("/plans/s001/marks", data={"x.gate": "20", "y.gate": "20"})


async def test_a_form_follows_what_is_chosen_and_waits_as_a_draft(house: DeskHouse) -> None:
    day = (datetime.now(UTC) - timedelta(days=2)).date()
    errors: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = await browser.new_context(viewport={"width": 390, "height": 844})
        await context.request.post(f"{house.url}/api/session", data={"id": "wang.fang", "password": PASSWORD})
        page = await context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        await plan_of(house)
        await page.goto(f"{house.url}/apply?lang=en")
        await page.get_by_label("Find a camera").fill("校门口")
        await expect(page.get_by_label("大厅")).to_be_hidden()
        await page.locator("label.mark").click()
        await expect(page.get_by_label("校门口")).to_be_checked()
        await expect(page.locator("label.mark")).to_have_class("mark chosen")
        await expect(page.locator("svg rect.recorded").first).to_be_attached(timeout=60_000)
        await page.locator("[name=start]").fill(f"{day}T08:00:00")
        await page.locator("[name=end]").fill(f"{day}T09:00:00")
        await page.locator("[name=end]").press("Tab")
        await expect(page.locator("svg rect.chosen")).to_be_attached(timeout=60_000)
        await page.get_by_role("textbox", name="Reason").fill("A lost bag")
        large = FilePayload(name="large.pdf", mimeType="application/pdf", buffer=bytes(10_000_001))
        await page.get_by_label("Files").set_input_files(large)
        await expect(page.get_by_text("Too large: at most 10 MB a file")).to_be_visible()
        letter = FilePayload(name="介绍信.png", mimeType="image/png", buffer=picture())
        await page.get_by_label("Files").set_input_files(letter)
        await page.get_by_role("button", name="Attach now").click()
        await expect(page.get_by_label("Remove 介绍信.png")).to_be_visible()
        await page.get_by_role("button", name="Save as a draft").click()
        await page.get_by_role("link", name="Application for footage").click()
        await expect(page.get_by_role("textbox", name="Reason")).to_have_value("A lost bag")
        await expect(page.locator("svg rect.chosen")).to_be_attached(timeout=60_000)
        await page.get_by_label("I undertake").check()
        await page.get_by_label("Your password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign and file").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("s001-", timeout=60_000)
        await page.goto(f"{house.url}/drafts")
        await expect(page.get_by_text("You have no drafts.")).to_be_visible()
        await browser.close()
    assert errors == []
