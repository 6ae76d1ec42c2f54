"""Findings, violations and suggestions as work of people (R5.1, R5.2, R5.3)."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio

from reelwarden_common.district import PersonRole
from reelwarden_common.events import access, ingest, report
from reelwarden_local.bus import EmbeddedBus
from reelwarden_report.district.inspector.domain import Cause, Kind
from reelwarden_report.district.inspector.finding_work import due_step, state_of
from reelwarden_report.district.inspector.violation_rules import in_two_roles, kind_of_denial
from tests.report.district import Voices, district_toml, inspector, signed_in
from tests.report.test_inspector import get, until
from tests.report.test_inspector_store import AT, SPAN, Office


@pytest_asyncio.fixture(loop_scope="session")
async def office(report_pool: asyncpg.Pool, tmp_path: Path) -> AsyncIterator[Office]:
    yield Office(report_pool, district_toml(tmp_path))


async def test_a_finding_is_taken_over_talked_of_and_ended_by_people(
    district_bus: EmbeddedBus, report_url: str, tmp_path: Path, voices: Voices
) -> None:
    async with inspector(district_bus, report_url, district_toml(tmp_path)) as address:
        people = {
            one: await signed_in(address, one)
            for one in ("safety", "leader", "operator", "auditor", "teacher", "officer")
        }
        safety, leader = people["safety"], people["leader"]
        await voices.say("s001", ingest.CameraSilent(camera="gate", since=AT))
        silent = await until(lambda: get(safety, "/api/findings", open="true"), bool)
        finding = next(one["finding"] for one in silent if one["kind"] == "camera-silent")
        page, steps = f"/findings/{finding}", f"/findings/{finding}/steps"

        async def step(who: str, kind: str, text: str = "") -> int:
            return (await people[who].post(steps, data={"kind": kind, "text": text})).status_code

        assert await step("leader", "comment", "谁去看一下？<script>x</script>") == 303
        assert await step("safety", "owner", "retriever") == 303
        assert await step("safety", "owner", "person:officer") == 422, "nobody of this school"
        assert await step("safety", "owner", "person:leader") == 303
        assert await step("safety", "owner", "retriever") == 303
        assert await step("safety", "acknowledged") == 303
        assert await step("safety", "due", "2020-01-01T00:00") == 422
        assert await step("safety", "due", "2099-01-01T08:00") == 303
        assert await step("leader", "mended") == 403, "the safety department ends it"
        assert await step("operator", "comment", "x") == 403
        assert await step("auditor", "comment", "x") == 404, "another school's"
        assert await step("teacher", "comment", "x") == 403
        assert await step("safety", "comment", " ") == 422
        assert await step("safety", "drop") == 404
        shown = (await leader.get(page)).text
        for told in ("陈校长", "王安全", "谁去看一下？&lt;script&gt;", "2099-01-01 08:00", "已知悉"):
            assert told in shown, told
        read = (await people["operator"].get(page)).text
        assert "谁去看一下" in read
        assert "陈校长" not in read, "names are for those in charge"
        assert (await people["auditor"].get(page)).status_code == 404
        assert await step("safety", "false-alarm") == 422, "a false alarm has a reason"
        assert await step("safety", "false-alarm", "摄像机检修") == 303
        assert await step("safety", "in-work") == 409
        assert await step("leader", "comment", "知道了") == 303, "talk goes on"
        listed = (await safety.get("/findings", params={"state": "false-alarm"})).text
        assert page in listed
        assert page not in (await safety.get("/findings")).text
        table = await safety.get("/findings.csv", params={"state": "false-alarm", "lang": "en"})
        (row,) = list(csv.DictReader(io.StringIO(table.text.lstrip("\ufeff"))))
        assert (row["state"], row["owner"], row["camera"]) == ("false-alarm", "retriever", "gate")
        await _is_reported_and_handled(people)
        for client in people.values():
            await client.aclose()


async def _is_reported_and_handled(people: dict[str, httpx.AsyncClient]) -> None:
    """Violations that people report, with and without their name; suggestions likewise (R5.2, R5.3)."""
    safety, teacher, operator = people["safety"], people["teacher"], people["operator"]
    told = {"school": "s001", "text": "有人翻拍屏幕"}
    assert (await teacher.post("/violations/report", data=told)).status_code == 303
    assert (await teacher.post("/violations/report", data=told | {"anonymous": "true"})).status_code == 303
    assert (await teacher.post("/violations/report", data=told | {"school": "s002"})).status_code == 403
    assert (await teacher.post("/violations/report", data=told | {"text": " "})).status_code == 422
    unknown, named = [one["violation"] for one in await get(safety, "/api/violations")]
    shown = [(await safety.get(f"/violations/{one}")).text for one in (named, unknown)]
    assert sorted("李老师" in one for one in shown) == [False, True]
    assert all("有人翻拍屏幕" in one for one in shown)
    for one in (named, unknown):
        seen = (await operator.get(f"/violations/{one}")).text
        assert "李老师" not in seen
        assert "翻拍" not in seen
        assert (await teacher.get(f"/violations/{one}")).status_code == 403
    steps = f"/violations/{named}/steps"
    for who, kind, text, status in (
        ("leader", "graded", "grave", 403),
        ("safety", "graded", "awful", 422),
        ("safety", "graded", "grave", 303),
        ("safety", "handled", " ", 422),
        ("safety", "handled", "已收回权限", 303),
        ("safety", "referred", "派出所", 303),
        ("safety", "closed", "unheard-of", 422),
        ("safety", "closed", "referred", 303),
        ("safety", "handled", "again", 422),
    ):
        answer = await people[who].post(steps, data={"kind": kind, "text": text})
        expected = 409 if (kind, text) == ("handled", "again") else status
        assert answer.status_code == expected, (who, kind, text)
    page = (await safety.get(f"/violations/{named}")).text
    for word in ("严重", "已收回权限", "派出所", "王安全"):
        assert word in page, word
    suggestion = {"school": "s001", "text": "把保存期改为四十五天"}
    assert (await teacher.post("/feedback", data=suggestion)).status_code == 303
    (one,) = await get(safety, "/api/feedback")
    said = {"text": "已列入第 1 版修订", "rules_version": "1"}
    assert (await teacher.post(f"/feedback/{one['feedback']}/answer", data=said)).status_code == 403
    assert (await safety.post(f"/feedback/{one['feedback']}/answer", data=said)).status_code == 303
    page = (await safety.get("/feedback")).text
    for word in ("收到 1 条，已答复 1 条，促成制度修订 1 条", "已列入第 1 版修订"):
        assert word in page, word


async def test_what_stands_too_long_goes_up_once_a_step(office: Office) -> None:
    async with office.units.begin() as store:
        await store.open("s001", Cause(Kind.SILENT, "gate", "gate", {"since": AT.isoformat()}))
    for hours, expected in ((23, []), (1, ["leader"]), (1, ["leader"]), (23, ["leader", "district_officer"])):
        office.now += timedelta(hours=hours)
        async with office.units.begin() as store:
            await store.escalate("s001")
            await store.escalate("s001")
        rows = await office.pool.fetch("SELECT text FROM finding_note WHERE kind = 'escalated' ORDER BY at")
        assert [row["text"] for row in rows] == expected, hours
    said = [one.to for one in await office.said() if isinstance(one, report.FindingEscalated)]
    assert said == ["leader", "district_officer"]


async def test_what_is_planned_does_not_go_up(office: Office) -> None:
    async with office.units.begin() as store:
        await store.open("s001", Cause(Kind.SILENT, "gate", "gate", {"since": AT.isoformat()}))
        await store.conn.execute("UPDATE finding SET planned = 'w1'")
    office.now += timedelta(days=9)
    async with office.units.begin() as store:
        await store.escalate("s001")
    assert not [one for one in await office.said() if isinstance(one, report.FindingEscalated)]


async def test_the_same_two_people_and_two_roles_in_one_hand_are_noticed(office: Office) -> None:
    for number in range(6):
        app = {"application": f"app{number}"}
        approver = "a-2" if number < 5 else "a-3"
        filed = access.ApplicationFiled(
            **app,
            version=1,
            number=f"s001-2026-{number:04}",
            manner=access.Manner.VIEW,
            spans=(SPAN,),
            purpose="application",
            applicant="a-1",
            hold_until=AT,
        )
        approved = access.ApplicationApproved(
            **app,
            version=2,
            approvers=(approver,),
            approver_roles=("leader",),
            form_digest="ab" * 32,
            valid_until=AT,
            hold_until=AT,
        )
        await office.hear(filed, approved)
        if number < 4:
            await office.look()
            assert await office.pool.fetchval("SELECT count(*) FROM violation") == 0, number
    await office.hear(
        access.ViewingStarted(application="app5", viewing="v1", retriever="a-3", supervisor="a-4"),
        access.ViewingStopped(application="app5", viewing="v1", by="a-3", reason="ended"),
        # of these two parts the desk told: the district reviews them, and they are no second matter
        access.PartsCombined(
            application="app3", number="s001-2026-0003", actor="a-2", parts=("approver", "retriever")
        ),
        access.ViewingStarted(application="app3", viewing="v3", retriever="a-2", supervisor="a-4"),
        ingest.SegmentAltered(
            segment="x", camera="gate", start=AT, digest="ab" * 32, found="cd" * 32, locator="f"
        ),
    )
    office.now += timedelta(days=3, minutes=1)
    await office.look()
    await office.look()
    rows = await office.pool.fetch("SELECT kind, grade, actor, application FROM violation ORDER BY kind")
    assert [tuple(row) for row in rows] == [
        ("footage-altered", "grave", None, None),
        ("record-overdue", "minor", None, "app5"),
        ("repeated-pair", "serious", "a-2", None),
        ("small-school", "minor", "a-3", "app5"),
    ]


@pytest.mark.parametrize(
    ("severity", "hours", "reached", "expected"),
    [
        ("serious", 23.9, None, None),
        ("serious", 24, None, PersonRole.LEADER),
        ("warning", 72, None, PersonRole.LEADER),
        ("warning", 47, "leader", None),
        ("warning", 48, "leader", PersonRole.DISTRICT_OFFICER),
        ("serious", 900, "district_officer", None),
        ("info", 900, None, None),
    ],
)
def test_a_finding_goes_up_one_step_at_a_time(
    severity: str, hours: float, reached: str | None, expected: PersonRole | None
) -> None:
    assert due_step(severity, timedelta(hours=hours), reached) == expected


def test_states_and_roles() -> None:
    assert [state_of("in-work", one) for one in (None, "mended", "false-alarm", "by-itself", "accepted")] == [
        "in-work",
        "mended",
        "false-alarm",
        "closed",
        "closed",
    ]
    assert in_two_roles(["a", "b"], "c", "d") == set()
    assert in_two_roles(["a", "b"], "b", None) == {"b"}
    assert in_two_roles([], "c", "c") == {"c"}
    assert kind_of_denial("approve", "R4.2") == "unauthorised-signer"
    assert kind_of_denial("file", "R3.3") == "access-denied"
