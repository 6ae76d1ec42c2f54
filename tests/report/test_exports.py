"""Every list of the dashboard's API as a table, which no spreadsheet takes for formulas."""

import csv
import io
from pathlib import Path

import pytest

from reelwarden_common.web.tables import as_csv
from reelwarden_local.bus import EmbeddedBus
from tests.report.district import Index, district_toml, inspector, signed_in

NOT_LISTS = {"/api/events", "/api/asyncapi/{service}.json", "/api/session", "/api/custody/{school}"}
QUERY = {"camera": "gate", "start": "2026-03-02T00:00:00Z", "end": "2026-03-02T01:00:00Z", "format": "csv"}


def table(text: str) -> list[list[str]]:
    assert text.startswith("\ufeff"), "without the mark a spreadsheet shows no Chinese"
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


async def test_every_list_is_a_table_too(
    district_bus: EmbeddedBus, report_url: str, index: Index, tmp_path: Path
) -> None:
    assert index is not None  # it answers
    async with inspector(district_bus, report_url, district_toml(tmp_path)) as address:
        client = await signed_in(address, "officer")
        safety = await signed_in(address, "safety")
        said = '=HYPERLINK("http://x"), "换行\n" 王'
        assert (await safety.post("/api/feedback", json={"school": "s001", "text": said})).status_code == 201
        paths = (await client.get("/api/openapi.json")).json()["paths"]
        lists = [path for path, item in paths.items() if "get" in item and path not in NOT_LISTS]
        assert len(lists) > 12
        for path in lists:
            if "text/csv" not in paths[path]["get"]["responses"]["200"]["content"]:
                assert path.endswith("/log"), f"{path} cannot be had as a table"
                continue
            if path.endswith("/copies"):
                continue  # the ledger is not there
            answer = await client.get(path.format(school="s001"), params=QUERY)
            assert answer.status_code == 200, path
            assert answer.headers["content-type"] == "text/csv; charset=utf-8", path
            assert "attachment" in answer.headers["content-disposition"]
            table(answer.text)
        head, row = table((await client.get("/api/feedback", params={"format": "csv"})).text)
        assert dict(zip(head, row, strict=True))["text"] == f"'{said}"
        names = {row[1] for row in table((await client.get("/api/schools?format=csv")).text)}
        assert {"第一小学", "实验中学"} <= names
        auditor = await signed_in(address, "auditor")
        assert (await auditor.get("/api/schools/s001/holds?format=csv")).status_code == 404
        for one in (client, safety, auditor):
            await one.aclose()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1"])
def test_no_text_becomes_a_formula(text: str) -> None:
    (_, row) = table(as_csv([{"a": text}]))
    assert row[0].startswith("'")


def test_numbers_stay_numbers_and_nested_things_are_json() -> None:
    assert as_csv([{"n": -1.5, "t": True, "x": None, "l": [1]}, {"more": 1}]).splitlines()[1:] == [
        "-1.5,true,,[1],",
        ",,,,1",
    ]
    assert table(as_csv([])) == [[]]
