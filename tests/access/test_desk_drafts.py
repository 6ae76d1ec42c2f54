"""A draft is its owner's alone, holds nothing, and leaves when it was filed, deleted or forgotten."""

import re
import uuid
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from reelwarden_access.district.desk.drafts import KEPT, LONGEST, MOST
from reelwarden_access.district.desk.tables.drafts import DraftsTable, SavedDraft
from reelwarden_access.district.desk.tables.people import PeopleTable
from reelwarden_common.events.access import ApplicationFiled
from tests.support.desk import PASSWORD, DeskHouse

EVIL = '"><script>alert(1)</script>'


def form_of() -> dict[str, str]:
    day = (datetime.now(UTC) - timedelta(days=1)).date()
    span = {"start": f"{day}T08:00", "end": f"{day}T09:00"}
    return {"cameras": "s001/gate", **span, "reason": f"书包 {EVIL}", "relation": EVIL}


async def forget(house: DeskHouse) -> None:
    async with house.database() as database:
        await database.execute("DELETE FROM access.drafts")


async def test_a_draft_is_saved_resumed_and_filed(house: DeskHouse) -> None:
    path = f"/apply?form={uuid.uuid4().hex}"
    async with house.person("wang.fang") as http:
        said = len(house.said(ApplicationFiled))
        sent = form_of() | {"save": "draft", "password": PASSWORD, "undertaking": "on"}
        assert (await http.post(path, data=sent)).headers["location"] == "/drafts"
        listed = await http.get("/drafts")
        assert f'href="{path}"' in listed.text
        assert "草稿不保全任何录像" in listed.text
        assert "<script>" not in listed.text
        resumed = await http.get(path)
        assert "书包" in resumed.text
        assert 'value="s001/gate" checked' in resumed.text
        assert "<script>" not in resumed.text
        assert not re.search(r'name="undertaking"[^>]*checked', resumed.text)
        async with house.database() as database:
            kept = await database.fetchval("SELECT fields FROM access.drafts WHERE id = $1", path[-32:])
        assert PASSWORD not in kept
        assert len(house.said(ApplicationFiled)) == said  # nothing is held for a draft
        filed = await http.post(path, data=form_of() | {"password": PASSWORD, "undertaking": "on"})
        assert filed.headers["location"] == f"/applications/{path[-32:]}"
        assert path not in (await http.get("/drafts")).text


@pytest.mark.parametrize(("account", "page"), [("wu.qian", "/reception"), ("chen.gang", "/extend")])
async def test_every_form_has_drafts(house: DeskHouse, account: str, page: str) -> None:
    path = f"{page}?form={uuid.uuid4().hex}"
    async with house.person(account) as http:
        await http.post(path, data={"reason": "尚未写完", "save": "draft"})
        assert "尚未写完" in (await http.get(path)).text
        await http.post(f"/drafts/{path[-32:]}/delete")
        assert "尚未写完" not in (await http.get(path)).text


async def test_nobody_reaches_anothers_draft(house: DeskHouse) -> None:
    name = uuid.uuid4().hex
    async with house.person("wang.fang") as http:
        await http.post(f"/apply?form={name}", data=form_of() | {"save": "draft"})
    for account in ("li.lei", "chen.gang", "feng.ju", "nobody"):
        async with house.person(account) as http:
            assert "书包" not in (await http.get(f"/apply?form={name}")).text
            assert "书包" not in (await http.get("/drafts")).text
            await http.post(f"/drafts/{name}/delete")
            await http.post(f"/apply?form={name}", data={"reason": "另一份", "save": "draft"})
    mine = await house.ask("wang.fang", "GET", f"/apply?form={name}")
    assert ("书包" in mine.text, "另一份" in mine.text) == (True, False)


async def test_drafts_are_few_and_short(house: DeskHouse) -> None:
    await forget(house)
    async with house.person("wang.fang") as http:
        long = await http.post("/apply", data={"reason": "长" * LONGEST, "save": "draft"})
        assert (long.status_code, "草稿过长" in long.text) == (422, True)
        for n in range(MOST + 1):
            last = await http.post(f"/apply?form={n:032x}", data={"reason": "短", "save": "draft"})
        assert (last.status_code, "请先提交或删除一些" in last.text) == (422, True)
        again = await http.post(f"/apply?form={0:032x}", data={"reason": "改", "save": "draft"})
        assert again.status_code == 303
    await forget(house)


async def test_only_what_was_long_forgotten_is_erased(house: DeskHouse) -> None:
    await forget(house)
    now = datetime.now(UTC)
    settings = {"search_path": "access"}
    pool = asyncpg.create_pool(house.database_url, min_size=1, max_size=1, server_settings=settings)
    async with pool, pool.acquire() as database:
        owner = await PeopleTable(database).actor_id("wang.fang")
        drafts = DraftsTable(database)
        for name, age in (("old", KEPT + timedelta(seconds=1)), ("new", KEPT - timedelta(seconds=1))):
            await drafts.save(owner, SavedDraft(name, "apply", {}, now - age))
        await drafts.expire(now - KEPT)
        assert [one.id for one in await drafts.of(owner)] == ["new"]
    await forget(house)
