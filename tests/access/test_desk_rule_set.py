"""The desk heeds the numbers of the rule set in force, and tells leaders who does not know it (R6, R7)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from reelwarden_access.district.desk.application import Rules
from reelwarden_access.district.desk.rule_set import in_force
from reelwarden_common.events.access import TrainingCounted
from reelwarden_common.events.report import RuleSettings, RulesPublished
from tests.access.test_desk_hears import eventually
from tests.support.desk import DeskHouse

NOW = datetime.now(UTC)


@asynccontextmanager
async def rules_in_force(house: DeskHouse, version: int, settings: RuleSettings) -> AsyncIterator[None]:
    """While the block runs; the house is others' too."""
    text = f"# 第 {version} 版\n"
    digest = sha256(text.encode()).hexdigest()
    since = NOW - timedelta(days=1)
    event = RulesPublished(version=version, effective_from=since, digest=digest, text=text, settings=settings)
    await house.say("inspector", "district", event)
    try:
        yield
    finally:
        async with house.database() as behind:
            await behind.execute("DELETE FROM access.trainings WHERE rules_version = $1", version)
            await behind.execute("DELETE FROM access.rules WHERE version = $1", version)


async def test_a_published_number_counts_at_the_desk(house: DeskHouse) -> None:
    three_hours = house.filing(
        start=(NOW - timedelta(hours=30)).isoformat(), end=(NOW - timedelta(hours=27)).isoformat()
    )

    async def filed() -> int:
        return (await house.ask("wang.fang", "POST", "/api/applications", three_hours)).status_code

    assert await filed() == 201
    async with rules_in_force(house, 5, RuleSettings(max_footage_hours=2, decide_days=1)):
        await eventually(filed, 422)
        refused = await house.ask("wang.fang", "POST", "/api/applications", three_hours)
        assert refused.json()["error"]["rule"] == "R4.4"
        assert "2" in refused.json()["error"]["message"]
        form = (await house.ask("wang.fang", "GET", "/apply")).headers["location"]
        assert "2 小时" in (await house.ask("wang.fang", "GET", form)).text
    await eventually(filed, 201)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (RuleSettings(), timedelta(hours=8)),
        (RuleSettings(max_footage_hours=4), timedelta(hours=4)),
        (RuleSettings(max_footage_hours=1000), timedelta(hours=24)),
    ],
)
def test_a_slip_in_the_rule_set_does_not_open_the_desk(settings: RuleSettings, expected: timedelta) -> None:
    assert in_force(Rules(), settings).max_footage == expected


async def test_leaders_see_who_does_not_know_the_rules(house: DeskHouse) -> None:
    async with rules_in_force(house, 6, RuleSettings()):

        async def page() -> str:
            return (await house.ask("li.lei", "GET", "/training/people")).text

        async def counts() -> bool:
            return "第 6 版" in await page()

        await eventually(counts, expected=True)
        before = await page()
        assert "王芳" in before
        assert "实验中学" not in before, "another school's people are not theirs to see"
        await house.do("wang.fang", "/api/training/ack")
        after = await page()
        assert after.count('class="badge good"') == before.count('class="badge good"') + 1
        english = (await house.ask("feng.ju", "GET", "/training/people?lang=en")).text
        for told in ("Who knows the rules", "实验中学", "have not acknowledged version 6"):
            assert told in english, told
        assert (await house.ask("wang.fang", "GET", "/training/people")).status_code == 403


async def test_how_many_know_the_rules_is_told_never_who(house: DeskHouse) -> None:
    (counted, *_) = await house.until_said(TrainingCounted, count=2)
    assert counted.people >= counted.acknowledged
    assert set(counted.model_dump()) == {"rules_version", "people", "acknowledged"}
