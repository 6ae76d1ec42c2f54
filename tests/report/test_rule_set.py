"""The rule set: written as a draft, compared, signed, published, and what it sets (R6)."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from reelwarden_common.events import report
from reelwarden_common.web import Wrong
from reelwarden_local.bus import EmbeddedBus
from reelwarden_report.district.inspector.rule_drafts import compared, in_effect, read_numbers
from reelwarden_report.district.inspector.rules import Version, announce
from tests.report.district import PASSWORD, district_toml, inspector, signed_in
from tests.report.test_inspector_store import AT, Office, office

__all__ = ["office"]
ZONE = ZoneInfo("Asia/Shanghai")
TEXT = "# 第 2 版\n\n1. R3.1 保存期限为 45 天。\n2. <script>alert(1)</script>\n"


async def test_the_next_version_is_drafted_compared_signed_and_in_force(
    district_bus: EmbeddedBus, report_url: str, tmp_path: Path
) -> None:
    today = datetime.now(ZONE).date()
    draft = {"text": TEXT, "english": "# Version 2\n\n1. R3.1 Kept for 45 days.", "keep_days": "45"}
    async with inspector(district_bus, report_url, district_toml(tmp_path)) as address:
        officer = await signed_in(address, "officer")
        for person in ("safety", "leader", "auditor", "operator"):
            other = await signed_in(address, person)
            assert (await other.get("/rules/draft")).status_code == 403, person
            assert (await other.post("/rules/draft", data=draft)).status_code == 403, person
            publishing = {"effective": str(today), "password": PASSWORD}
            assert (await other.post("/rules/publish", data=publishing)).status_code == 403, person
            await other.aclose()
        nothing = {"effective": str(today), "password": PASSWORD}
        assert (await officer.post("/rules/publish", data=nothing)).status_code == 422, "no draft yet"
        refused = await officer.post("/rules/draft", data=draft | {"keep_days": "29"})
        assert refused.status_code == 422
        assert "R3.1" in refused.text
        assert "保存期限为 45 天" in refused.text, "what was written is kept"
        assert (await officer.post("/rules/draft", data=draft)).status_code == 303
        page = (await officer.get("/rules/draft")).text
        for told in ("<del>—</del>", "<ins>45</ins>", "R3.1 保存期限为 45 天", "&lt;script&gt;"):
            assert told in page, told
        shown = re.search(r'name="digest" value="([0-9a-f]{64})"', page)
        assert shown is not None
        unseen = await officer.post("/rules/publish", data=nothing)
        assert unseen.status_code == 409, "not what was shown"
        nothing["digest"] = shown[1]
        wrong = await officer.post("/rules/publish", data=nothing | {"password": "wrong"})
        assert wrong.status_code == 403
        late = await officer.post("/rules/publish", data=nothing | {"effective": "2020-01-01"})
        assert late.status_code == 422
        assert len((await officer.get("/api/rules")).json()) == 1
        assert (await officer.post("/rules/publish", data=nothing)).status_code == 303
        newest, first = (await officer.get("/api/rules")).json()
        assert (newest["version"], newest["settings"]["keep_days"]) == (2, 45)
        assert (newest["signed_name"], first["version"]) == ("区检查员", 1)
        told_to_all = (await officer.get("/rules?lang=en")).text
        for told in ("Kept for 45 days.", "R3.1 保存期限为 45 天", "区检查员", "Days that footage is kept"):
            assert told in told_to_all, told
        assert "<script>alert" not in told_to_all
        cameras = (await officer.get("/api/schools/s001/cameras")).json()["cameras"]
        assert {one["keep_days"] for one in cameras} == {45}
        await officer.aclose()


async def test_schools_hear_what_a_version_sets(office: Office) -> None:
    settings = report.RuleSettings(keep_days=45, max_footage_hours=6)
    version = Version(2, TEXT, "", settings, AT + timedelta(days=3), "officer", "区检查员")
    async with office.units.begin() as store:
        assert await announce(store, ["s001"], version)
        assert not await announce(store, ["s001"], version)
    said = [one for one in await office.said() if isinstance(one, report.RulesPublished)]
    assert [one.settings for one in said] == [settings, settings]
    assert "区检查员" not in said[0].model_dump_json(), "names stay here"


def test_numbers_stay_within_what_the_law_bears() -> None:
    assert read_numbers({}) == report.RuleSettings()
    assert read_numbers({"use_days": " 14 "}).use_days == 14
    for given in ({"keep_days": "29"}, {"keep_days": "30.5"}, {"use_days": "x"}, {"max_footage_hours": "25"}):
        with pytest.raises(Wrong) as refusal:
            read_numbers(given)
        assert refusal.value.rule in ("R3.1", "R4.4")


def test_a_comparison_keeps_the_order() -> None:
    lines = [(line.kind, line.text) for line in compared("a\nb\nc\n", "a\nB\nc\nd\n")]
    assert lines == [("same", "a"), ("gone", "b"), ("new", "B"), ("same", "c"), ("new", "d")]


def test_a_version_counts_from_a_local_midnight() -> None:
    now = datetime(2026, 3, 3, 2, tzinfo=UTC)
    assert in_effect("2026-03-05", now, ZONE) == datetime(2026, 3, 4, 16, tzinfo=UTC)
    assert in_effect("2026-03-03", now, ZONE) == now
    for written in ("2026-03-02", "2028-01-01", "soon"):
        with pytest.raises(Wrong):
            in_effect(written, now, ZONE)
