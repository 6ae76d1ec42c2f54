"""What people and operators ask, answered from facts: what is held, erased, short, backed up."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from nats.aio.msg import Msg

from reelwarden_common.events import access, retention
from reelwarden_common.events.backup import CopiesAnswer, CopiesQuery, Copy
from reelwarden_common.events.ingest import CameraForecast, SegmentsRecorded, StorageForecast
from reelwarden_common.events.report import (
    CamerasAnswer,
    CamerasQuery,
    ErasedAnswer,
    ErasedQuery,
    HoldsAnswer,
    HoldsQuery,
)
from reelwarden_common.messaging.questions import ask
from reelwarden_common.messaging.topology import (
    INSPECTOR_CAMERAS,
    INSPECTOR_ERASED,
    INSPECTOR_HOLDS,
    LEDGER_COPIES,
    question_subject,
)
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.ops import Hub, operator
from reelwarden_report.district.inspector.answers import Answers
from tests.report.district import Index, Voices, district_toml, inspector, segment, signed_in
from tests.report.test_inspector import get, until
from tests.report.test_inspector_store import AT, Office, hold

PLAN = '{"policies":[{"period":{"camera":"gate","days":30}},{"period":{"camera":"hall","days":90}}]}'


@pytest_asyncio.fixture(loop_scope="session")
async def office(report_pool: asyncpg.Pool, tmp_path: Path) -> AsyncIterator[Office]:
    yield Office(report_pool, district_toml(tmp_path))


def answers(office: Office) -> Answers:
    return Answers(office.pool, office.views, office.config, lambda: office.now)


def plan(text: str = PLAN, digest: str = "ef" * 32) -> retention.PlanIssued:
    return retention.PlanIssued(epoch=2, version=7, digest=digest, plan=text, signature="c2ln", key="k1")


def erased(
    camera: str, days_ago: int, count: int = 2, plan_digest: str = "ef" * 32
) -> retention.SegmentsErased:
    start = AT - timedelta(days=days_ago)
    certificates = [
        retention.Certificate(
            segment=f"{camera}{days_ago}-{n}",
            camera=camera,
            start=start + n * timedelta(seconds=10),
            end=start + (n + 1) * timedelta(seconds=10),
            digest="cd" * 32,
            size=1000,
            locator="old.mp4",
            due=AT - timedelta(hours=1),
            erased_at=AT + timedelta(minutes=n),
            plan=plan_digest,
        )
        for n in range(count)
    ]
    return retention.SegmentsErased(certificates=tuple(certificates))


async def test_what_was_erased_is_told_with_the_rule_that_it_was_erased_by(office: Office) -> None:
    await office.hear(erased("gate", 33, 3), erased("gate", 33), erased("hall", 34), plan())
    answer = await answers(office).erased(ErasedQuery(school="s001"))
    told = [(one.camera, one.segments, one.bytes, one.keep_days, one.plan_version) for one in answer.days]
    assert told == [("gate", 5, 5000, 30, 7), ("hall", 2, 2000, 90, 7)]
    gate = answer.days[0]
    assert (gate.erased_from, gate.erased_to) == (AT, AT + timedelta(minutes=2))
    only = await answers(office).erased(
        ErasedQuery(school="s001", camera="hall", first_day=answer.days[1].day)
    )
    assert [one.camera for one in only.days] == ["hall"]
    none = await answers(office).erased(ErasedQuery(school="s001", last_day="2000-01-01"))
    assert none.days == ()
    assert (await answers(office).erased(ErasedQuery(school="s002"))).days == ()


@pytest.mark.parametrize("text", ["not json", "[]", '{"policies":[{"period":{}}]}', '{"policies":7}'])
async def test_a_plan_that_cannot_be_read_still_has_its_number(office: Office, text: str) -> None:
    await office.hear(plan(text), erased("gate", 33))
    (day,) = (await answers(office).erased(ErasedQuery(school="s001"))).days
    assert (day.keep_days, day.plan_epoch, day.plan_version) == (None, 2, 7)


async def test_an_erasure_under_a_plan_that_was_not_heard_of_is_told_all_the_same(office: Office) -> None:
    await office.hear(erased("gate", 33))
    (day,) = (await answers(office).erased(ErasedQuery(school="s001"))).days
    assert (day.plan, day.plan_version, day.keep_days) == ("ef" * 32, None, None)


async def test_what_is_held_says_since_when_why_and_until_when(office: Office) -> None:
    extension = access.ExtensionFiled(
        extension="x1",
        version=1,
        number="s001-2026-0009",
        source=retention.HoldSource.CASE,
        spans=(hold().span,),
        purpose="case",
        applicant="a-1",
        until=AT + timedelta(days=90),
    )
    longer = hold("h2").model_copy(update={"source": retention.HoldSource.CASE, "cause": "x1"})
    await office.hear(retention.HoldAsked(hold=hold()), extension, retention.HoldAsked(hold=longer))
    released = retention.HoldReleased(
        hold="h1", cause="app1", reason="x", effective_at=AT + timedelta(hours=1)
    )
    await office.hear(released)
    found = {one.hold: one for one in (await answers(office).holds(HoldsQuery(school="s001"))).holds}
    assert (found["h2"].source, found["h2"].number, found["h2"].asked_at) == ("case", "s001-2026-0009", AT)
    assert (found["h1"].status, found["h1"].ended_at) == ("released", AT + timedelta(hours=1))
    office.now = AT + timedelta(hours=2)
    standing = await answers(office).holds(HoldsQuery(school="s001"))
    assert [one.hold for one in standing.holds] == ["h2"]
    everything = await answers(office).holds(HoldsQuery(school="s001", over=True))
    assert [one.hold for one in everything.holds] == ["h2", "h1"], "what stands comes first"


async def test_a_camera_that_is_old_enough_and_lacks_days_falls_short(office: Office) -> None:
    await office.hear(
        SegmentsRecorded(segments=(segment("gate", AT - timedelta(days=40)), segment("hall", AT)))
    )
    (first, *others) = (await answers(office).cameras(CamerasQuery(school="s001"))).cameras
    assert (first.camera, first.short, first.days_held, first.keep_days) == ("gate", True, 0, 30)
    assert not any(one.short for one in others), "a young camera cannot hold its days yet"
    told = [CameraForecast(camera="hall", held_days=1, days=21, keep_days=30, daily_bytes=10**9)]
    await office.hear(StorageForecast(cameras=tuple(told)))
    found = {one.camera: one for one in (await answers(office).cameras(CamerasQuery(school="s001"))).cameras}
    assert (found["hall"].short, found["hall"].forecast_days) == (True, 21), "it will fall short"
    assert (await answers(office).cameras(CamerasQuery(school="unknown"))).cameras == ()


def copy_of(start: datetime) -> Copy:
    return Copy(
        segment="seg1",
        start=start,
        end=start + timedelta(seconds=10),
        size=1000,
        bucket="rw-footage-s001",
        key="gate/seg1.mp4",
        stored_at=start + timedelta(minutes=1),
        state="verified",
        read_back_at=start + timedelta(minutes=2),
    )


async def command(bus: EmbeddedBus, toml: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The real command, as an operator at a hub of their own types it."""
    here = Path(sys.executable).with_name("reelwarden")
    line = [str(here), *words, "--server", bus.url(), "--district", str(toml)]
    env = {"PATH": "/usr/bin:/bin", "RW_LANG": "en", "REELWARDEN_OPS_SEED": bus.seed("ops")}

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(line, env=env, capture_output=True, text=True, timeout=120, check=False)

    return await asyncio.to_thread(run)


async def test_operators_and_people_get_the_same_answers(
    district_bus: EmbeddedBus, report_url: str, tmp_path: Path, voices: Voices, index: Index
) -> None:
    """Over the bus as `ops`, over HTTP, and on the page in both languages; of their own schools only."""
    now = datetime.now(UTC).replace(microsecond=0)
    index.add("s001", "gate", now - timedelta(hours=1), now)
    ledger = await voices.client("ledger")

    async def reply(message: Msg) -> None:
        question = CopiesQuery.model_validate_json(message.data)
        found = CopiesAnswer(
            copies=(copy_of(question.start),), total=1, verified=1, unverified=0, corrupt=0, erased=0
        )
        await message.respond(found.model_dump_json().encode())

    asked = await ledger.subscribe(question_subject(LEDGER_COPIES, "district"), cb=reply)
    toml = district_toml(tmp_path)
    async with inspector(district_bus, report_url, toml) as address:
        await voices.say("s001", retention.HoldAsked(hold=hold()), plan(), erased("gate", 33))
        officer = await signed_in(address, "officer")

        async def held() -> Mapping[str, Any]:
            return await get(officer, "/api/schools/s001/holds")  # type: ignore[no-any-return]

        assert [one["hold"] for one in (await until(held, lambda a: bool(a["holds"])))["holds"]] == ["h1"]

        async def gone() -> Mapping[str, Any]:
            return await get(officer, "/api/schools/s001/erased", camera="gate")  # type: ignore[no-any-return]

        days = (await until(gone, lambda a: bool(a["days"]) and a["days"][0]["keep_days"]))["days"]
        assert (days[0]["segments"], days[0]["keep_days"]) == (2, 30)
        async with operator(Hub(district_bus.login("ops"), ("s001",))) as ops:
            holds = await ask(ops, INSPECTOR_HOLDS, "district", HoldsQuery(school="s001"), HoldsAnswer)
            assert [one.hold for one in holds.holds] == ["h1"]
            what = await ask(ops, INSPECTOR_ERASED, "district", ErasedQuery(school="s001"), ErasedAnswer)
            assert [one.camera for one in what.days] == ["gate"]
            cameras = await ask(
                ops, INSPECTOR_CAMERAS, "district", CamerasQuery(school="s001"), CamerasAnswer
            )
            assert {one.camera for one in cameras.cameras} >= {"gate", "hall"}
        span = {"start": "2026-03-02T08:00", "end": "2026-03-02T09:00"}
        copies = await get(officer, "/api/schools/s001/copies", camera="gate", **span)
        assert copies["copies"][0]["start"] == "2026-03-02T00:00:00.000000Z", "times are the district's"
        page = await officer.get("/footage", params={"school": "s001", "camera": "gate", **span})
        assert "共 1 份备份：1 份回读无误" in page.text
        english = await officer.get("/footage", params={"school": "s001", "lang": "en"})
        assert "What was erased, and by which rule" in english.text
        assert "30 days, plan 2/7" in english.text
        backwards = await officer.get(
            "/footage", params={"lang": "zh", "camera": "gate", "start": span["end"], "end": span["start"]}
        )
        assert (backwards.status_code, "结束时间必须晚于开始时间" in backwards.text) == (422, True)
        half = await officer.get("/footage", params={"camera": "gate", "start": span["start"]})
        assert half.status_code == 422
        told = await command(district_bus, toml, "holds", "--school", "s001", "--json")
        assert [one["hold"] for one in json.loads(told.stdout)["s001"]["holds"]] == ["h1"]
        told = await command(district_bus, toml, "erased")
        assert "R3.1 30 days, plan 2/7" in told.stdout
        told = await command(district_bus, toml, "cameras", "--short")
        assert (told.returncode, told.stdout.strip()) == (0, "nothing")
        where = ["--school", "s001", "--camera", "gate", "--start", span["start"], "--end", span["end"]]
        told = await command(district_bus, toml, "copies", *where)
        assert "1 in all, 1 read back and right" in told.stdout, told
        told = await command(district_bus, toml, "holds", "--school", "s999")
        assert (told.returncode, "no school s999" in told.stderr) == (2, True)
        await asked.unsubscribe()
        told = await command(district_bus, toml, "copies", *where)
        assert (told.returncode, "no answer" in told.stderr) == (2, True)
        silent = await officer.get("/footage", params={"camera": "gate", **span})
        assert (silent.status_code, "备份台账暂时没有应答" in silent.text) == (503, True)
        other = await signed_in(address, "auditor")
        for path in ("/footage?school=s001", "/api/schools/s001/holds", "/api/schools/s001/erased"):
            assert (await other.get(path)).status_code == 404
        await officer.aclose()
        await other.aclose()
