"""The morning page: one cause stands together, planned work is not counted, one signature a day."""

import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from pypdf import PdfReader

from reelwarden_common.events import ingest, report
from reelwarden_local.bus import EmbeddedBus
from reelwarden_report.district.inspector.domain import Kind
from reelwarden_report.district.inspector.morning import Spot, grouped
from reelwarden_report.district.inspector.planned import Window, planned_by
from reelwarden_report.district.inspector.shapes import FindingView
from tests.report.district import PASSWORD, Index, Voices, district_toml, inspector, signed_in
from tests.report.test_inspector import get, open_kinds, until
from tests.report.test_registrar import append, units_of

NIGHT = datetime(2026, 3, 2, 18, 10, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
SPOTS = {
    "a": Spot(name="A", place="B楼 1层", fed_by=""),
    "b": Spot(name="B", place="B楼 2层", fed_by=""),
    "c": Spot(name="C", place="操场", fed_by="交换机 7"),
    "d": Spot(name="D", place="校门", fed_by="交换机 7"),
}


def finding(kind: Kind, camera: str | None, since: datetime, planned: str | None = None) -> FindingView:
    return FindingView(
        finding=f"{kind}{camera}",
        school="s001",
        kind=kind,
        severity="serious",
        rule="R4.1",
        camera=camera,
        facts={"since": since.isoformat()},
        text="",
        opened_at=since,
        deadline=since + timedelta(days=1),
        times=1,
        overdue=False,
        closed_at=None,
        close_reason=None,
        planned=planned,
    )


def test_cameras_that_fall_silent_together_are_one_cause_named_by_what_they_share() -> None:
    found = [
        finding(Kind.SILENT, "a", NIGHT),
        finding(Kind.SILENT, "b", NIGHT + timedelta(minutes=1)),
        finding(Kind.SILENT, "c", NIGHT + timedelta(minutes=2)),
        finding(Kind.SILENT, "d", NIGHT + timedelta(minutes=2)),
        finding(Kind.SILENT, "x", NIGHT + timedelta(hours=3)),
        finding(Kind.CLOCK, "a", NIGHT),
        finding(Kind.SILENT, "y", NIGHT, planned="w1"),
    ]
    groups = {(g.kind, g.place): [line.camera for line in g.lines] for g in grouped(found, SPOTS)}
    assert groups == {
        (Kind.SILENT, "B楼"): ["a", "b"],
        (Kind.SILENT, "交换机 7"): ["c", "d"],
        (Kind.SILENT, ""): ["x"],
        (Kind.CLOCK, ""): ["a"],
    }


@pytest.mark.parametrize(
    ("kind", "camera", "facts", "planned"),
    [
        (Kind.SILENT, "a", {"since": NIGHT}, "w"),
        (Kind.SILENT, "b", {"since": NIGHT}, None),
        (Kind.SILENT, "a", {"since": NIGHT - timedelta(hours=1)}, None),
        (Kind.CUT_OFF, None, {"since": NIGHT}, None),
        (Kind.GAP, "a", {"count": 1, "start": NIGHT, "end": NIGHT + timedelta(hours=1)}, "w"),
        (Kind.GAP, "a", {"count": 1, "start": NIGHT, "end": NIGHT + timedelta(hours=3)}, None),
        (Kind.GAP, "a", {"count": 2, "start": NIGHT, "end": NIGHT + timedelta(hours=1)}, None),
        (
            Kind.GAP,
            "a",
            {"count": 2, "start": NIGHT, "end": NIGHT, "first": NIGHT, "last": NIGHT + timedelta(hours=9)},
            None,
        ),
        (Kind.LOST, "a", {"since": NIGHT}, None),
    ],
)
def test_only_what_lies_wholly_in_a_window_is_planned(
    kind: Kind, camera: str | None, facts: dict[str, object], planned: str | None
) -> None:
    window = Window("w", frozenset({"a"}), NIGHT, NIGHT + timedelta(hours=2))
    told = {key: value.isoformat() if isinstance(value, datetime) else value for key, value in facts.items()}
    assert planned_by(kind, camera, told, [window], NIGHT + timedelta(hours=1)) == planned


def test_a_silence_that_outlasts_its_window_counts() -> None:
    window = Window("w", frozenset(), NIGHT, NIGHT + timedelta(hours=2))
    facts = {"since": NIGHT.isoformat()}
    assert planned_by(Kind.SILENT, "a", facts, [window], NIGHT + timedelta(hours=1)) == "w"
    assert planned_by(Kind.SILENT, "a", facts, [window], NIGHT + timedelta(hours=3)) is None


async def test_a_morning_is_read_planned_work_is_set_apart_and_the_page_is_signed_once(
    district_bus: EmbeddedBus,
    report_url: str,
    report_pool: asyncpg.Pool,
    tmp_path: Path,
    voices: Voices,
    index: Index,
) -> None:
    assert index.spans == {}
    log = units_of(report_pool)
    await append(log, range(3))
    async with log.begin() as custody:
        await custody.sign_if_grown("s001")
    now = datetime.now(UTC)
    async with inspector(district_bus, report_url, district_toml(tmp_path), cut_off_seconds=600) as address:
        safety, auditor = await signed_in(address, "safety"), await signed_in(address, "auditor")
        alive = report.SiteAlive(at=now, software="0.1.0", plan_version=1)
        silent = [ingest.CameraSilent(camera=one, since=now) for one in ("gate", "hall")]
        await voices.say("s001", alive, *silent)
        await until(lambda: open_kinds(safety), lambda kinds: kinds == {"camera-silent"})
        page = (await safety.get("/morning/s001")).text
        assert "2 路摄像机自" in page
        assert (await auditor.get("/morning/s001")).status_code == 404

        local = now.astimezone(ZONE)
        window = {
            "school": "s001",
            "start": f"{local - timedelta(hours=1):%Y-%m-%dT%H:%M}",
            "end": f"{local + timedelta(hours=2):%Y-%m-%dT%H:%M}",
            "reason": "更换交换机",
            "cameras": "s001/gate",
        }
        assert (await auditor.post("/maintenance", data=window)).status_code == 403
        assert (await safety.post("/maintenance", data=window | {"reason": " "})).status_code == 422
        assert (await safety.post("/maintenance", data=window | {"cameras": "s002/gate"})).status_code == 422
        assert (await safety.post("/maintenance", data=window | {"end": window["start"]})).status_code == 422
        assert (await safety.post("/maintenance", data=window)).status_code == 303
        assert "更换交换机" in (await safety.get("/maintenance")).text
        state = await get(safety, "/api/schools/s001")
        assert state["serious"] == 1
        page = (await safety.get("/morning/s001")).text
        assert "计划检修：列出，不计入" in page

        shown = re.search(r'name="shown" value="([^"]+)"', page)
        digest = re.search(r"<code>([0-9a-f]{64})</code>", page)
        assert shown is not None
        assert digest is not None
        form = {"shown": unescape(shown[1]), "digest": digest[1], "password": PASSWORD}
        for wrong, status in (
            ({"password": "wrong"}, 403),
            ({"shown": form["shown"][:-2] + "xx"}, 422),
            ({"shown": ""}, 422),
            ({"digest": "0" * 64}, 409),
        ):
            answer = await safety.post("/morning/s001", data=form | wrong)
            assert answer.status_code == status, answer.text
        assert (await auditor.post("/morning/s001", data=form)).status_code == 404
        signed = await safety.post("/morning/s001", data=form)
        assert signed.status_code == 303
        kept = await safety.get(signed.headers["location"])
        assert digest[1] in kept.text
        assert "王安全" in kept.text
        pdf = await safety.get(f"{signed.headers['location']}.pdf", params={"lang": "en"})
        pages = PdfReader(io.BytesIO(pdf.content)).pages
        printed = "".join("".join(page.extract_text() for page in pages).replace("\u200b", "").split())
        assert "reelwarden/s001/registrar·3·" in printed, "the newest checkpoint of the custody log"
        assert (await safety.post("/morning/s001", data=form)).status_code == 422
        assert "王安全" in (await safety.get("/morning")).text
        for client in (safety, auditor):
            await client.aclose()


async def test_a_page_that_nobody_signs_is_a_finding(
    district_bus: EmbeddedBus, report_url: str, tmp_path: Path, voices: Voices
) -> None:
    early = {"morning_time": "00:00", "cut_off_seconds": 600}
    async with inspector(district_bus, report_url, district_toml(tmp_path), **early) as address:
        safety = await signed_in(address, "safety")
        await voices.say("s001", report.SiteAlive(at=datetime.now(UTC), software="0.1.0", plan_version=1))
        assert "morning-unsigned" not in await open_kinds(safety)
        await safety.aclose()
    conn = await asyncpg.connect(report_url)
    await conn.execute("UPDATE report.school_state SET first_heard = first_heard - interval '2 days'")
    await conn.close()
    async with inspector(district_bus, report_url, district_toml(tmp_path), **early) as address:
        safety = await signed_in(address, "safety")
        await until(lambda: open_kinds(safety), lambda kinds: "morning-unsigned" in kinds)
        assert "09:00 未签" in (await safety.get("/morning")).text
        page = (await safety.get("/morning/s001")).text
        shown = re.search(r'name="shown" value="([^"]+)"', page)
        digest = re.search(r"<code>([0-9a-f]{64})</code>", page)
        assert shown is not None
        assert digest is not None
        form = {"shown": unescape(shown[1]), "digest": digest[1], "password": PASSWORD}
        assert (await safety.post("/morning/s001", data=form)).status_code == 303
        await until(lambda: open_kinds(safety), lambda kinds: "morning-unsigned" not in kinds)
        await safety.aclose()
