"""The monthly report of a school with every kind of fact holds every item of the list (R5.1)."""

import csv
import io
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import httpx
from pypdf import PdfReader

from reelwarden_common.events import access, backup, ingest, retention
from reelwarden_common.events.base import CameraSpan
from reelwarden_local.bus import EmbeddedBus
from reelwarden_report.district.inspector.domain import DayCoverage, Span, day_span
from reelwarden_report.district.inspector.monthly_rules import (
    Fault,
    Incident,
    by_cause,
    cause_of,
    legs,
    share,
    stood,
)
from tests.report.district import PASSWORD, Index, Voices, district_toml, inspector, segment, signed_in
from tests.report.test_inspector import a_bad_day, alive, get, until

NOW = datetime.now(UTC).replace(microsecond=0)
ZONE = ZoneInfo("Asia/Shanghai")
ITEMS = {
    "summary": ("在已知的日子里", "Of the known days"),
    "days really held": ("实存 / 应存天数", "Days really held / required"),
    "heat map": ("各摄像机每日录像覆盖", "Coverage by camera and day"),
    "before service": ("尚未启用", "not in service yet"),
    "trend": ("每日录像比例", "Recorded of each day, all cameras"),
    "gaps by cause": ("断档原因", "Gaps by cause"),
    "faults": ("问题及其持续时间", "Faults, and how long they stood"),
    "holds": ("录像保全", "Holds"),
    "steps": ("申请各环节用时", "How long each step of an application took"),
    "filed to approved": ("已提交 → 已批准", "filed → approved"),
    "releases": ("交付的拷贝及用途", "Copies released, with their purpose"),
    "purpose": ("公安", "police"),
    "refusals": ("被拒绝的操作", "Refused attempts"),
    "quarter": ("：收到 1 条，已答复 0 条", ": 1 received, 0 answered"),
    "violations": ("违规（R5.2）", "Violations (R5.2)"),
    "certificates": ("清除证明（按保存计划）", "Certificates of erasure, by plan"),
    "backups": ("备份概况", "Backups at a glance"),
    "drill": ("20 / 20", "20 / 20"),
    "filings": ("已过时的公安备案", "Filings with the police that are stale"),
    "a stale filing": ("GA-7", "GA-7"),
    "training": ("培训与制度确认", "Training and acknowledgement of the rules"),
    "feedback": ("建议与答复", "Suggestions and answers"),
    "a suggestion": ("走廊再加一台", "走廊再加一台"),
    "checkpoint": ("最新检查点", "newest checkpoint"),
}


async def a_month(voices: Voices, index: Index) -> None:
    """On top of a bad day: an application to its end, a copy, backups, a drill, training."""
    await a_bad_day(voices, index)
    span = CameraSpan(camera="hall", start=NOW - timedelta(hours=3), end=NOW - timedelta(hours=2))
    app = {"application": "app2"}
    await voices.say(
        "s001",
        access.ApplicationFiled(
            **app,
            version=1,
            number="s001-2026-0002",
            manner=access.Manner.COPY,
            spans=(span,),
            purpose="application",
            applicant="a-1",
            outsider="police",
            hold_until=NOW + timedelta(days=30),
        ),
        access.ApplicationApproved(
            **app,
            version=2,
            approvers=("a-2", "a-3"),
            approver_roles=("leader", "safety"),
            form_digest="ab" * 32,
            valid_until=NOW + timedelta(days=7),
            hold_until=NOW + timedelta(days=90),
        ),
        access.ViewingStarted(**app, viewing="v1", retriever="a-2", supervisor="a-4"),
        access.CopyReleased(
            **app, package="cd" * 32, recipient="police", supervisor="a-4", use_by=NOW + timedelta(days=30)
        ),
        access.TrainingCounted(rules_version=1, people=12, acknowledged=11),
        retention.HoldLapsed(hold="h0", cause="app0"),
        backup.RunRecorded(
            run="r1",
            started_at=NOW - timedelta(minutes=5),
            ended_at=NOW,
            kind="incremental",
            spans=(span,),
            objects=30,
            bytes=10**9,
            place="rw-backup-s001",
            exceptions=(),
            manifest="ef" * 32,
        ),
        backup.ObjectVerified(objects=("x1",), bytes=2, verified_at=NOW),
        backup.DrillCompleted(drill="d1", sampled=20, restored=20, failures=()),
        ingest.SegmentsRecorded(segments=(segment("yard", NOW - timedelta(minutes=10)),)),
        alive(),
    )


async def written(pool: asyncpg.Pool) -> None:
    """What the registrar of this schema would have signed, and a filing that is stale."""
    await pool.execute(
        "INSERT INTO filing VALUES ('f1', 's001', '2026-01-05', 'GA-7', '{}', 'safety', $1)", NOW
    )
    await pool.execute(
        "INSERT INTO custody_checkpoint VALUES ('s001', 7, '\\x00', $1, 'key', $2, NULL)", "rw/s001\n7\n", NOW
    )


async def texts(client: httpx.AsyncClient, made: str, language: str) -> dict[str, str]:
    """What each form of a report says."""
    found: dict[str, str] = {}
    for form in ("html", "pdf", "csv"):
        answer = await client.get(f"/reports/{made}.{form}", params={"lang": language})
        assert answer.status_code == 200, answer.text
        if form == "pdf":
            pages = PdfReader(io.BytesIO(answer.content)).pages
            found[form] = "".join(page.extract_text() for page in pages).replace("\u200b", "")
        else:
            found[form] = answer.text
    return found


def said(text: str) -> str:
    """Without white space: a PDF's lines break anywhere."""
    return "".join(text.split())


async def test_a_month_with_every_kind_of_fact(
    district_bus: EmbeddedBus,
    report_url: str,
    report_pool: asyncpg.Pool,
    tmp_path: Path,
    voices: Voices,
    index: Index,
) -> None:
    await written(report_pool)
    async with inspector(district_bus, report_url, district_toml(tmp_path)) as address:
        safety = await signed_in(address, "safety")
        teacher = await signed_in(address, "teacher")
        await teacher.post("/feedback", data={"school": "s001", "text": "走廊再加一台", "anonymous": "true"})
        await a_month(voices, index)

        async def violations() -> set[str]:
            return {one["kind"] for one in await get(safety, "/api/violations")}

        wanted = {"access-denied", "small-school"}
        assert wanted <= await until(violations, wanted.issubset)
        made = (await safety.post("/api/inspections", json={"school": "s001", "kind": "monthly"})).json()
        for number, language in enumerate(("zh", "en")):
            found = await texts(safety, made["report"], language)
            for item, words in ITEMS.items():
                for form in ("html", "pdf"):
                    assert said(words[number]) in said(found[form]), (item, language, form)
            assert found["html"].count('<svg viewBox="0 0 10 10"') >= 3 * 31
            assert found["html"].count('<path class="before"') > 31, "gone by before they were in service"
            rows = list(csv.DictReader(io.StringIO(found["csv"].lstrip("\ufeff"))))
            assert {"section", "row", "column", "value"} == set(rows[0])
            told = {row["section"] for row in rows}
            for item in (
                "gaps by cause",
                "faults",
                "steps",
                "releases",
                "violations",
                "training",
                "heat map",
            ):
                assert any(ITEMS[item][number] in section for section in told), (item, language)
        await _is_signed_and_read(address, safety, made)
        for client in (safety, teacher):
            await client.aclose()


async def _is_signed_and_read(address: str, safety: httpx.AsyncClient, made: dict[str, str]) -> None:
    """Signed by the safety department, over what was shown; then read by the leader."""
    page, leader = f"/reports/{made['report']}", await signed_in(address, "leader")
    auditor, teacher = await signed_in(address, "auditor"), await signed_in(address, "teacher")
    right = {"digest": made["digest"], "password": PASSWORD}
    assert (await leader.post(f"{page}/read")).status_code == 409, "not delivered before it is signed"
    assert (await leader.post(f"{page}/sign", data=right)).status_code == 403
    assert (await auditor.post(f"{page}/sign", data=right)).status_code == 404, "another school's"
    assert (await teacher.post(f"{page}/sign", data=right)).status_code == 403
    assert (await safety.post(f"{page}/sign", data=right | {"password": "x"})).status_code == 403
    assert (await safety.post(f"{page}/sign", data=right | {"digest": "00" * 32})).status_code == 409
    assert (await safety.post(f"{page}/sign", data=right)).status_code == 303
    assert (await safety.post(f"{page}/sign", data=right)).status_code == 409
    assert "待阅读" in (await leader.get("/reports")).text
    assert (await leader.post(f"{page}/read")).status_code == 303
    assert "待阅读" not in (await leader.get("/reports")).text
    pdf = (await texts(safety, made["report"], "zh"))["pdf"]
    for told in ("王安全（安全管理部门）", "陈校长（校领导）", made["digest"]):
        assert said(told) in said(pdf), told
    unsigned = await safety.get(f"{page}.pdf", params={"lang": "zh", "unsigned": "true"})
    assert sha256(unsigned.content).hexdigest() == made["digest"], "the very file that was signed"
    for client in (leader, auditor, teacher):
        await client.aclose()


START = datetime(2026, 3, 2, 8, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def test_a_gap_is_explained_by_the_most_certain_incident() -> None:
    gap = Span(at(10), at(20))
    silent = Incident("camera-silent", "gate", Span(at(12), at(19)))
    cut = Incident("cut-off", None, Span(at(0), at(60)))
    lost = Incident("lost-segment", "gate", Span(at(10), at(11)))
    assert cause_of(gap, "gate", [cut, silent]) == "camera-silent"
    assert cause_of(gap, "gate", [cut, silent, lost]) == "lost-segment"
    assert cause_of(gap, "hall", [silent, lost]) == "unexplained", "another camera's"
    assert cause_of(gap, "gate", [silent._replace(span=Span(at(40), at(50)))]) == "unexplained"
    other = Span(at(30), at(31))
    found = by_cause({"gate": [gap, other], "hall": [gap]}, [silent])
    assert found == (("unexplained", 2, 660.0), ("camera-silent", 1, 600.0))


def test_faults_count_for_as_long_as_they_stood() -> None:
    faults = [
        Fault("gap", at(0), at(60)),
        Fault("gap", at(0), None),
        Fault("cut-off", at(0), at(60 * 24)),
    ]
    gap, cut = stood(faults, at(60 * 30))
    assert gap == ("gap", 2, 1, (3600 + 108_000) / 2, 108_000.0, 1)
    assert cut == ("cut-off", 1, 0, 86_400.0, 86_400.0, 0), "24 hours are allowed"


def test_steps_take_from_one_to_the_next_and_repeats_count_once() -> None:
    steps = [("approved", at(90)), ("filed", at(0)), ("approved", at(95)), ("exported", at(100))]
    assert legs(steps) == (("filed", "approved", 5400.0), ("approved", "exported", 600.0))
    assert legs([("filed", at(0))]) == ()


def test_a_day_is_recorded_as_far_as_it_has_gone() -> None:
    day = START.astimezone(ZONE).date()
    half = DayCoverage(day, 8 * 3_600_000, 1, at(0), at(1), ())
    assert share(half, day, START, ZONE) == 0.5, "16 hours of the local day have gone by"
    assert share(half, day, START + timedelta(days=2), ZONE) == 8 / 24
    assert share(None, day, START, ZONE) is None, "unknown is not nothing"
    began = day_span(day, ZONE).start + timedelta(hours=8)
    assert share(half, day, START, ZONE, began) == 1.0, "before its first footage it was not in service"
