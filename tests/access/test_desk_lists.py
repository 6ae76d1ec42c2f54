"""The lists are filtered and paged in the database, and exported to whom they are shown."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from reelwarden_access.district.desk.application import Status
from reelwarden_access.district.desk.shown import ApplicationShort
from reelwarden_access.district.desk.wanted import PAGE, wanted
from reelwarden_common.web.tables import as_csv
from tests.support.desk import DeskHouse

ZONE = "Asia/Shanghai"


def test_an_address_asks_for_local_days() -> None:
    asked = wanted({"since": "2026-04-01", "until": "2026-04-02", "status": "filed", "page": "3"}, ZONE)
    assert asked.since == datetime(2026, 3, 31, 16, tzinfo=UTC)
    assert asked.until == datetime(2026, 4, 2, 16, tzinfo=UTC)
    assert (asked.status, asked.skip, asked.most) == (Status.FILED, 2 * PAGE, PAGE + 1)


@pytest.mark.parametrize("page", ["0", "-1", "x", "", "9" * 30, "²"])
def test_what_cannot_be_read_is_not_asked_for(page: str) -> None:
    asked = wanted({"since": "9999-12-31", "until": "no", "status": "evil", "page": page}, ZONE)
    assert (asked.skip, asked.filtered) == (0, False)


def test_no_cell_is_a_formula() -> None:
    now = datetime(2026, 4, 1, tzinfo=UTC)
    fields = {"id": "1", "number": "s001-2026-0001", "school": "s001", "school_name": "@x", "status": "filed"}
    rest = {"manner": "view", "cameras": [], "start": now, "end": now, "outsider": None}
    counts = {"concerns_leader": False, "urgent": False, "approvals": 0, "approvals_needed": 1}
    rest["decide_by"] = "2026-03-09T08:00:00+00:00"
    one = ApplicationShort.model_validate({**fields, **rest, **counts, "applicant": '=HYPERLINK("x")'})
    row = next(csv.DictReader(io.StringIO(as_csv([one.model_dump(mode="json")]).removeprefix("\ufeff"))))
    assert (row["applicant"], row["school_name"]) == ('\'=HYPERLINK("x")', "'@x")


async def numbers(house: DeskHouse, account: str, path: str) -> list[str]:
    page = await house.ask(account, "GET", path)
    assert page.status_code == 200, page.text
    return re.findall(r'href="/applications/\w+">(s\d+-\d+-\d+)</a>', page.text)


async def test_filters_and_their_empty_state(house: DeskHouse) -> None:
    number = (await house.show(await house.file()))["number"]
    withdrawn = await house.file()
    await house.do("wang.fang", f"/api/applications/{withdrawn}/withdraw")
    other = (await house.show(withdrawn))["number"]
    today = datetime.now(ZoneInfo(ZONE)).date()
    long_ago = today - timedelta(days=400)
    assert await numbers(house, "zheng.yu", f"/all?number={number}") == [number]
    assert await numbers(house, "zheng.yu", f"/all?number={number.upper()}&status=filed") == [number]
    assert await numbers(house, "zheng.yu", f"/all?number={number}&status=withdrawn") == []
    assert other in await numbers(house, "wang.fang", "/?status=withdrawn")
    assert number not in await numbers(house, "wang.fang", "/?status=withdrawn")
    assert await numbers(house, "zheng.yu", f"/all?until={long_ago}") == []
    assert number in await numbers(
        house, "zheng.yu", f"/all?since={today - timedelta(days=1)}&number={number}"
    )
    assert await numbers(house, "feng.ju", "/all?school=s002&number=s001") == []
    evil = '"><script>alert(1)</script>%25'
    page = await house.ask("zheng.yu", "GET", f"/all?number={evil}&since={evil}&school={evil}")
    assert (page.status_code, "<script>" in page.text) == (200, False)
    assert "没有符合筛选条件的申请" in page.text


async def test_pages_follow_each_other_without_loss(house: DeskHouse) -> None:
    async with house.database() as database:
        filed = [await house.file()]
        await database.execute(
            "INSERT INTO access.applications SELECT (jsonb_populate_record(a, jsonb_build_object('id',"
            " md5('list' || n), 'number', 's001-1999-' || n))).* FROM access.applications a,"
            " generate_series(1001, 1000 + $2::int) n WHERE a.id = $1",
            filed[0],
            PAGE + 5,
        )
        first = await numbers(house, "zheng.yu", "/all?number=-1999-")
        page = await house.ask("zheng.yu", "GET", "/all?number=-1999-")
        found = re.search(r'rel="next" href="([^"]+)"', page.text)
        assert found
        second = await numbers(house, "zheng.yu", found[1].replace("&amp;", "&"))
        assert (len(first), len(second), len({*first, *second})) == (PAGE, 5, PAGE + 5)
        exported = await house.ask("zheng.yu", "GET", "/lists/all.csv?number=-1999-")
        rows = list(csv.DictReader(io.StringIO(exported.text.removeprefix("\ufeff"))))
        assert {row["number"] for row in rows} == {*first, *second}
        assert {row["school"] for row in rows} == {"s001"}
        await database.execute("DELETE FROM access.applications WHERE number LIKE 's001-1999-%'")


async def test_an_export_is_for_whom_the_list_is(house: DeskHouse) -> None:
    number = (await house.show(await house.file()))["number"]
    for account in ("nobody", "wang.fang", "zhou.jie"):
        answer = await house.ask(account, "GET", "/lists/all.csv")
        assert (answer.status_code, number in answer.text) == (403, False)
    assert number not in (await house.ask("qian.duo", "GET", "/lists/all.csv")).text
    assert number not in (await house.ask("qian.duo", "GET", "/lists/mine.csv")).text
    assert number in (await house.ask("wang.fang", "GET", "/lists/mine.csv")).text
    assert (await house.ask("zheng.yu", "GET", "/lists/..%2Fall.csv")).status_code == 404
    assert (await house.ask("zheng.yu", "GET", "/lists/other.csv")).status_code == 404
