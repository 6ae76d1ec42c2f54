"""What keeper, reaper, exporter, scanner and replicator say, as the desk shows it."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import asyncpg

from reelwarden_access.district.desk import app
from reelwarden_access.district.desk.acts import filing, releasing, retrieving
from reelwarden_access.district.desk.application import Rules
from reelwarden_access.district.desk.store import DeskStore
from reelwarden_common.db import drift
from reelwarden_common.events.access import (
    ApplicationFiled,
    ApplicationLapsed,
    ApplicationRejected,
    ApplicationWithdrawn,
    RestoreAsked,
    SweepConfirmed,
    TrainingAcknowledged,
    ViewingStopped,
)
from reelwarden_common.events.backup import ObjectRestored
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import LostSegment, SegmentsLost
from reelwarden_common.events.report import MessageRefused, RulesPublished
from reelwarden_common.events.retention import (
    Hold,
    HoldAsked,
    HoldInForce,
    HoldReleased,
    HoldSource,
    SweepStopped,
)
from reelwarden_common.messaging.postgres import PgUnits, open_pool
from reelwarden_common.role import Bus, running
from reelwarden_common.s3 import S3
from reelwarden_common.settings import S3Settings
from tests.support.backends import unique
from tests.support.desk import PASSWORD, DeskHouse
from tests.support.roles import until

NOW = datetime.now(UTC).replace(microsecond=0)


async def eventually(read: Any, expected: object) -> None:
    """Wait until reading gives the expected value."""
    for _ in range(600):
        if (found := await read()) == expected:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"expected {expected}, found {found}")


async def test_holds_are_shown_as_far_as_they_are(house: DeskHouse) -> None:
    application = await house.file()
    filed = (await house.until_said(ApplicationFiled, application))[0]
    span = filed.spans[0]
    hold = Hold(
        id=unique("h"),
        source=HoldSource.APPLICATION,
        cause=application,
        span=span,
        purpose="application",
        until=filed.hold_until,
    )

    async def state() -> Any:
        return [h["state"] for h in (await house.show(application))["holds"]]

    assert await state() == []
    await house.say("keeper", "s001", HoldAsked(hold=hold))
    await eventually(state, ["not_yet"])
    answer = HoldInForce(
        hold=hold.id, cause=application, complete=False, segments=3, bytes=30, digest="ab" * 32
    )
    await house.say("reaper", "s001", answer)
    await eventually(state, ["in_part"])
    await house.say("reaper", "s001", answer.model_copy(update={"complete": True}))
    await eventually(state, ["in_force"])
    gone = CameraSpan(camera="gate", start=span.start, end=span.start + timedelta(seconds=10))
    await house.say("reaper", "s001", answer.model_copy(update={"complete": True, "gone": (gone,)}))
    await eventually(state, ["gone"])
    page = await house.ask("wang.fang", "GET", f"/applications/{application}")
    assert "已保全，但部分录像此前已不存在" in page.text
    assert "曾有录像，但保全之前已不存在的时段" in page.text
    assert "缺口（没有录制记录）" not in page.text
    gapped = answer.model_copy(update={"complete": True, "gaps": (gone,)})
    await house.say("reaper", "s001", gapped)
    await eventually(state, ["in_force"])
    page = await house.ask("wang.fang", "GET", f"/applications/{application}")
    assert "已保全，生效" in page.text
    assert "已不存在" not in page.text
    assert "缺口（没有录制记录）" in page.text
    english = await house.ask("wang.fang", "GET", f"/applications/{application}?lang=en")
    assert "Gap: no recording is known of:" in english.text
    for words in ("Segments held", "one beyond each end", "min of the span recorded, in 359 segments"):
        assert words in english.text
    effective = NOW + timedelta(hours=72)
    released = HoldReleased(hold=hold.id, cause=application, reason="rejected", effective_at=effective)
    await house.say("keeper", "s001", released)

    async def released_at() -> Any:
        return (await house.show(application))["holds"][0]["released_at"] is not None

    await eventually(released_at, expected=True)


async def test_an_answer_that_comes_before_the_question_is_kept(house: DeskHouse) -> None:
    application = await house.file()
    hold = unique("h")
    answer = HoldInForce(hold=hold, cause=application, complete=True, segments=1, bytes=1, digest="ab" * 32)
    await house.say("reaper", "s001", answer)

    async def holds() -> Any:
        return [(h["id"], h["state"], h["camera"]) for h in (await house.show(application))["holds"]]

    await eventually(holds, [(hold, "in_force", None)])


async def test_a_school_cannot_speak_for_anothers_application(house: DeskHouse) -> None:
    application = await house.file()
    await house.approve(application, "li.lei")
    before = len(house.said(MessageRefused))
    answer = HoldInForce(
        hold=unique("h"), cause=application, complete=True, segments=1, bytes=1, digest="ab" * 32
    )
    await house.say("reaper", "s002", answer)
    refused = (await house.until_said(MessageRefused, count=before + 1))[-1]
    assert refused.reason == "nottheirs"
    assert (await house.show(application))["holds"] == []


async def test_a_forged_export_is_dead_lettered(house: DeskHouse) -> None:
    application = await house.file()
    await house.approve(application, "li.lei")
    before = len(house.said(MessageRefused))
    event = await house.export(application, {"view/gate.mp4": b"x"})
    await house.until(application, status="ready")
    await house.say("exporter", "s001", event.model_copy(update={"bucket": "rw-exports-s002"}))
    await house.until_said(MessageRefused, count=before + 1)
    assert (await house.show(application))["export"]["files"][0]["name"] == "view/gate.mp4"


async def test_a_stopped_sweep_is_confirmed_by_the_district_once(house: DeskHouse) -> None:
    sweep = unique("w")
    stopped = SweepStopped(
        sweep=sweep, reason="first-sweep", segments=9, bytes=900, oldest=NOW - timedelta(days=34), newest=NOW
    )
    await house.say("reaper", "s001", stopped)

    async def listed() -> Any:
        found = (await house.ask("feng.ju", "GET", "/api/sweeps")).json()
        return [s["asks"] for s in found if s["id"] == sweep]

    await eventually(listed, [True])
    path = f"/api/sweeps/{sweep}/confirm"
    for account in ("chen.gang", "li.lei", "deng.ke"):
        answer = await house.ask(account, "POST", path, {"password": PASSWORD})
        assert (answer.status_code, answer.json()["error"]["rule"]) == (403, "R3.1")
    for _ in range(2):
        await house.do("feng.ju", path, {"password": PASSWORD})
    assert await listed() == [False]
    await house.until_said(SweepConfirmed)
    await asyncio.sleep(0.5)
    assert [s.sweep for s in house.said(SweepConfirmed)].count(sweep) == 1


async def test_a_lost_segment_is_restored_by_the_safety_department(house: DeskHouse) -> None:
    segment = unique("g")
    lost = LostSegment(
        id=segment, camera="gate", start=NOW, end=NOW, digest="ab" * 32, locator="frigate/a.mp4"
    )
    await house.say("scanner", "s001", SegmentsLost(segments=(lost,), noticed_at=NOW))

    async def state() -> Any:
        found = (await house.ask("chen.gang", "GET", "/api/lost")).json()
        return [
            (s["asked_at"] is not None, s["restored_at"] is not None)
            for s in found
            if s["segment"] == segment
        ]

    await eventually(state, [(False, False)])
    path = f"/api/lost/{segment}/restore"
    for account in ("qian.duo", "wang.fang", "zheng.yu"):
        assert (await house.ask(account, "POST", path)).json()["error"]["rule"] == "R3.2"
    await house.do("chen.gang", path)
    assert segment in {e.segment for e in await house.until_said(RestoreAsked)}
    assert await state() == [(True, False)]
    event = ObjectRestored(
        segment=segment, camera="gate", start=NOW, digest="ab" * 32, locator="frigate/a.mp4"
    )
    await house.say("replicator", "s001", event)
    await eventually(state, [(True, True)])


async def test_new_rules_want_a_new_acknowledgement(house: DeskHouse) -> None:
    await house.do("sun.wei", "/api/training/ack")
    await house.until_said(TrainingAcknowledged)
    published = RulesPublished(version=7, effective_from=NOW + timedelta(days=1), digest="ab" * 32)
    await house.say("inspector", "district", published)

    async def training() -> Any:
        return (await house.ask("sun.wei", "GET", "/api/training")).json()

    await asyncio.sleep(0.5)
    assert await training() == {"rules_version": 1, "acknowledged": True, "text": None}
    unread = (await house.ask("sun.wei", "GET", "/training")).text
    assert "本版制度的正文尚未送达" in unread
    text = "# 调取制度\n\n1. R4.3 在安全管理部门监督下调取。\n2. <b>不得</b>翻拍。\n"
    digest = sha256(text.encode()).hexdigest()
    other = RulesPublished(version=2, effective_from=NOW - timedelta(days=1), digest="cd" * 32, text=text)
    await house.say("inspector", "district", other)
    in_force = other.model_copy(update={"digest": digest})
    await house.say("inspector", "district", in_force)
    await eventually(training, {"rules_version": 2, "acknowledged": False, "text": text})
    for language in ("zh", "en"):
        page = (await house.ask("sun.wei", "GET", f"/training?lang={language}")).text
        assert "<li>R4.3 在安全管理部门监督下调取。</li>" in page
        assert "&lt;b&gt;不得&lt;/b&gt;翻拍。" in page
        assert page.index("R4.3 在安全") < page.index('action="/training"'), "read first, then acknowledge"
    await house.do("sun.wei", "/api/training/ack")
    assert await training() == {"rules_version": 2, "acknowledged": True, "text": text}


async def test_a_text_that_comes_after_its_version_is_kept(house: DeskHouse) -> None:
    texts = ["# 第九版\n", "# 另一版\n"]
    right, other = (sha256(text.encode()).hexdigest() for text in texts)
    bare = RulesPublished(version=9, effective_from=NOW + timedelta(days=400), digest=right)
    await house.say("inspector", "district", bare)

    async def kept() -> list[str | None]:
        async with house.database() as behind:
            return [
                row["text"] for row in await behind.fetch("SELECT text FROM access.rules WHERE version = 9")
            ]

    await eventually(kept, [None])
    await house.say("inspector", "district", bare.model_copy(update={"digest": other, "text": texts[1]}))
    await house.say("inspector", "district", bare.model_copy(update={"text": texts[0]}))
    await eventually(kept, [texts[0]])
    await house.say("inspector", "district", bare)
    await house.say("inspector", "district", bare.model_copy(update={"version": 10}))

    async def newest() -> int:
        async with house.database() as behind:
            return int(await behind.fetchval("SELECT max(version) FROM access.rules"))

    await eventually(newest, 10)
    assert await kept() == [texts[0]]


async def test_rejected_and_withdrawn_are_told(house: DeskHouse) -> None:
    application = await house.file()
    digest = (await house.show(application))["digest"]
    body = {"digest": digest, "password": PASSWORD}
    path = f"/api/applications/{application}/reject"
    assert (await house.ask("li.lei", "POST", path, body)).status_code == 422
    await house.do("li.lei", path, body | {"opinion": "事由不充分"})
    assert (await house.until_said(ApplicationRejected, application))[0].version == 2
    other = await house.file()
    assert (await house.ask("li.lei", "POST", f"/api/applications/{other}/withdraw")).status_code == 403
    await house.do("wang.fang", f"/api/applications/{other}/withdraw")
    assert (await house.until_said(ApplicationWithdrawn, other))[0].version == 2


async def test_what_nobody_decided_lapses(house: DeskHouse) -> None:
    application = await house.file()
    pool = await open_pool(house.settings.database_url.get_secret_value(), "access")
    units = PgUnits(pool, "desk", DeskStore)
    try:
        async with units.begin() as store:
            assert await filing.lapse(store, Rules(), datetime.now(UTC)) == 0
        async with units.begin() as store:  # in one go: the desk's own loop may not come in between
            await store.applications.update(application, decide_by=NOW - timedelta(seconds=1))
            assert await filing.lapse(store, Rules(), datetime.now(UTC)) == 1
    finally:
        await pool.close()
    assert (await house.until_said(ApplicationLapsed, application))[0].reason == "not_decided"
    assert (await house.show(application))["status"] == "lapsed"


async def test_packages_that_nobody_took_are_erased(house: DeskHouse) -> None:
    """Not what waits to be taken, nor what is being built right now."""
    folder = house.settings.packages_dir
    folder.mkdir(mode=0o700, exist_ok=True)
    old, young = folder / "old.zip", folder / "young.zip"
    scratch = folder / "tmpdead"
    scratch.mkdir()
    for path in (old, young, scratch / "0000"):
        path.write_bytes(b"x")
    for path in (old, scratch):
        os.utime(path, (0, 0))
    builder = releasing.Builder(
        S3(S3Settings()), Bus("desk", house.settings), folder, house.settings.desk_key
    )
    builder.tidy([], datetime.now(UTC))
    assert (old.exists(), scratch.exists(), young.exists()) == (False, False, True)


async def test_a_forgotten_supervision_ends_by_itself(house: DeskHouse) -> None:
    application = await house.file()
    await house.ready(application, "li.lei")
    path = f"/api/applications/{application}"
    await house.do("chen.gang", f"{path}/supervision", {"present": ["王芳"]})
    await house.do("zhou.jie", "/api/training/ack")
    viewing = await house.do("zhou.jie", f"{path}/viewings")
    pool = await open_pool(house.settings.database_url.get_secret_value(), "access")
    units = PgUnits(pool, "desk", DeskStore)
    try:
        async with units.begin() as store:
            assert await retrieving.end_forgotten(store, datetime.now(UTC)) == 0
        async with units.begin() as store:
            late = datetime.now(UTC) + timedelta(hours=4, minutes=1)
            assert await retrieving.end_forgotten(store, late) >= 1
    finally:
        await pool.close()
    stopped = (await house.until_said(ViewingStopped, application))[0]
    assert (stopped.viewing, stopped.reason) == (viewing["viewing"], "supervision_lapsed")
    assert (await house.show(application))["supervision"] is None


async def record(house: DeskHouse, application: str) -> None:
    """The record form is filled in and signed by everybody."""
    path = f"/api/applications/{application}"
    body = {"content": "书包被拾走", "outcome": "已找到失主"}
    digest = (await house.do("zhou.jie", f"{path}/record", body))["digest"]
    for account in ("zhou.jie", "chen.gang", "wang.fang"):
        await house.do(account, f"{path}/record/sign", {"digest": digest, "password": PASSWORD})


async def test_closing_ends_the_supervision_that_was_left_open(house: DeskHouse) -> None:
    """And every viewing under it: nothing stays open under an application that is over."""
    application = await house.file()
    await house.ready(application, "li.lei")
    path = f"/api/applications/{application}"
    await house.do("chen.gang", f"{path}/supervision", {"present": ["王芳"]})
    await house.do("zhou.jie", "/api/training/ack")
    viewing = await house.do("zhou.jie", f"{path}/viewings")
    await record(house, application)
    assert (await house.show(application))["supervision"] is not None
    await house.do("li.lei", f"{path}/close")
    stopped = (await house.until_said(ViewingStopped, application))[0]
    assert (stopped.viewing, stopped.reason) == (viewing["viewing"], "application_over")
    shown = await house.show(application)
    assert (shown["status"], shown["supervision"]) == ("closed", None)
    assert all(one["stopped_at"] for one in shown["viewings"])
    assert (await house.ask("zhou.jie", "GET", viewing["files"][0]["url"])).status_code == 403
    page = await house.ask("chen.gang", "GET", f"/applications/{application}")
    assert "监督人：陈刚" not in page.text
    assert "close_supervision" not in page.text


async def test_withdrawing_ends_the_supervision_too(house: DeskHouse) -> None:
    application = await house.file()
    await house.ready(application, "li.lei")
    await house.do("chen.gang", f"/api/applications/{application}/supervision", {"present": ["王芳"]})
    await house.do("wang.fang", f"/api/applications/{application}/withdraw")
    assert (await house.show(application))["supervision"] is None


async def test_an_export_that_was_shown_does_not_change(house: DeskHouse) -> None:
    application = await house.file()
    await house.ready(application, "li.lei")
    path = f"/api/applications/{application}"
    await house.do("chen.gang", f"{path}/supervision", {"present": ["王芳"]})
    await house.do("zhou.jie", "/api/training/ack")
    await house.do("zhou.jie", f"{path}/viewings")
    await house.export(application, {"view/other.mp4": b"other"})
    other = await house.file()
    await house.ready(other, "li.lei")
    assert [f["name"] for f in (await house.show(application))["export"]["files"]] == ["view/gate.mp4"]


async def test_the_index_is_asked_by_those_of_the_school_only(house: DeskHouse) -> None:
    span = "start=2026-03-02T08:00:00&end=2026-03-02T09:00:00"
    found = await house.ask("wang.fang", "GET", f"/api/coverage?school=s001&camera=gate&{span}")
    assert found.json()["cameras"][0]["segments"] == 359
    for account in ("qian.duo", "nobody"):
        refused = await house.ask(account, "GET", f"/api/coverage?school=s001&{span}")
        assert refused.json()["error"]["rule"] == "R3.3"
    schools = (await house.ask("qian.duo", "GET", "/api/schools")).json()
    assert [s["id"] for s in schools] == ["s002"]


async def test_two_desks_side_by_side(house: DeskHouse) -> None:
    """Numbers without doubles or holes, each event once, one session for both."""
    async with app.build(house.settings) as role, running(role) as second, house.person("wang.fang") as http:
        mine = dict(http.cookies)

        async def file(n: int) -> str:
            async with house.client_of(second if n % 2 else house.url, mine) as one:
                answer = await one.post("/api/applications", json=house.filing())
                assert answer.status_code == 201, answer.text
                return str(answer.json()["number"])

        numbers = await asyncio.gather(*(file(n) for n in range(10)))
        found = sorted(int(number.rsplit("-", 1)[1]) for number in numbers)
        assert found == list(range(found[0], found[0] + 10))

        def told() -> list[str]:
            return sorted(e.number for e in house.said(ApplicationFiled) if e.number in numbers)

        await until(lambda: len(told()) >= 10)
        await asyncio.sleep(1)
        assert told() == sorted(numbers)


async def test_migrations_equal_the_schema(fresh_database: str) -> None:
    admin = await asyncpg.connect(fresh_database)
    try:
        assert await drift(admin, "access") == []
    finally:
        await admin.close()
