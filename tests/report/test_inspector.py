"""The inspector on the real bus and database: facts in, findings, pages and reports out."""

import asyncio
import io
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pypdf import PdfReader

from reelwarden_common.events import access, backup, ingest, report, retention
from reelwarden_common.events.base import CameraSpan
from reelwarden_local.bus import EmbeddedBus
from tests.report.district import PEOPLE, Index, Voices, district_toml, inspector, segment, signed_in

NOW = datetime.now(UTC).replace(microsecond=0)


async def until(
    look: Callable[[], Awaitable[Any]], wanted: Callable[[Any], bool], seconds: float = 60
) -> Any:
    """What `look` sees once it is as wanted; the last view when it never is."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        seen = await look()
        if wanted(seen) or asyncio.get_running_loop().time() > deadline:
            return seen
        await asyncio.sleep(0.1)


async def get(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def alive(at: datetime | None = None) -> report.SiteAlive:
    return report.SiteAlive(at=at or datetime.now(UTC), software="0.1.0", plan_version=1)


async def open_kinds(client: httpx.AsyncClient, school: str = "s001") -> set[str]:
    return {f["kind"] for f in await get(client, "/api/findings", school=school, open="true")}


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return district_toml(tmp_path)


async def a_bad_day(voices: Voices, index: Index) -> ingest.LostSegment:
    """Footage with a gap, a bad file, a loss, a refused attempt, a corrupt copy, an erasure, a hold."""
    start = NOW - timedelta(minutes=30)
    index.add("s001", "gate", start, start + timedelta(minutes=10))
    index.add("s001", "gate", start + timedelta(minutes=12), start + timedelta(minutes=30))
    index.add("s001", "hall", start, start + timedelta(minutes=30))
    lost = segment("hall", start)
    gone = ingest.LostSegment(**lost.model_dump(include=set(ingest.LostSegment.model_fields)))
    span = CameraSpan(camera="gate", start=start, end=start + timedelta(minutes=5))
    hold = retention.Hold(
        id="h1",
        source=retention.HoldSource.APPLICATION,
        cause="app1",
        span=span,
        purpose="loss",
        until=NOW + timedelta(days=30),
    )
    await voices.say(
        "s001",
        alive(),
        ingest.SegmentsRecorded(segments=(segment("gate", start), lost)),
        ingest.SegmentsRejected(
            files=(
                ingest.RejectedFile(
                    id="bad1",
                    camera="yard",
                    locator="frigate/坏 文件.mp4",
                    size=0,
                    file_time=NOW,
                    reason="empty",
                    detail="no bytes",
                ),
            )
        ),
        ingest.SegmentsLost(segments=(gone,), noticed_at=NOW),
        ingest.StorageMeasured(total=10**12, free=4 * 10**11, forecast_days=45.0),
        access.ApplicationFiled(
            application="app1",
            version=1,
            number="s001-2026-0001",
            manner=access.Manner.VIEW,
            spans=(span,),
            purpose="loss",
            applicant="a-1",
            hold_until=NOW + timedelta(days=30),
        ),
        access.AccessDenied(actor="a-2", act="file", rule="R3.3"),
        retention.HoldAsked(hold=hold),
        retention.HoldInForce(hold="h1", cause="app1", complete=True, segments=30, bytes=1, digest="ab" * 32),
        backup.ObjectCorrupt(
            segment="seg9",
            camera="gate",
            key="gate/2026-03-02/seg9.mp4",
            object_version="v1",
            expected="ab" * 32,
            found=None,
            reason="unreadable",
        ),
        retention.SegmentsErased(
            certificates=(
                retention.Certificate(
                    segment="old1",
                    camera="gate",
                    start=NOW - timedelta(days=33),
                    end=NOW - timedelta(days=33) + timedelta(seconds=10),
                    digest="cd" * 32,
                    size=1_500_000,
                    locator="old.mp4",
                    due=NOW - timedelta(days=2),
                    erased_at=NOW,
                    plan="ef" * 32,
                ),
            )
        ),
    )
    return gone


async def test_facts_become_findings_and_end_when_facts_say_so(
    district_bus: EmbeddedBus, report_url: str, toml: Path, voices: Voices, index: Index
) -> None:
    async with inspector(district_bus, report_url, toml) as address:
        client = await signed_in(address, "officer")
        lost = await a_bad_day(voices, index)
        expected = {"rejected-file", "lost-segment", "access-denied", "corrupt-object"}
        assert expected <= await until(lambda: open_kinds(client), expected.issubset)
        school = await get(client, "/api/schools/s001")
        assert (school["holds_in_force"], school["lost"], school["copies_corrupt"]) == (1, 1, 1)
        assert school["state"] == "serious"
        erased = await get(client, "/api/schools/s001/erased")
        assert [(e["camera"], e["segments"], e["plan"]) for e in erased["days"]] == [("gate", 1, "ef" * 32)]
        await voices.say(
            "s001",
            backup.ObjectRestored(
                segment=lost.id, camera="hall", start=lost.start, digest=lost.digest, locator=lost.locator
            ),
            backup.ObjectVerified(objects=("seg9", "other"), bytes=2, verified_at=NOW),
        )
        over = {"lost-segment", "corrupt-object"}
        assert not over & await until(lambda: open_kinds(client), lambda kinds: not over & kinds)
        closed = await get(client, "/api/findings", school="s001", open="false")
        assert {f["close_reason"] for f in closed} == {"by-itself"}
        violations = await get(client, "/api/violations")
        assert [(v["kind"], v["rule"]) for v in violations] == [("access-denied", "R3.3")]
        await client.aclose()


async def test_read_backs_that_are_late_and_drills_that_fail_are_findings(
    district_bus: EmbeddedBus, report_url: str, toml: Path, voices: Voices
) -> None:
    async with inspector(district_bus, report_url, toml) as address:
        client = await signed_in(address, "officer")
        late = backup.ReadingsMeasured(
            unread=2, overdue=1, oldest=NOW - timedelta(days=2), first_hours=24, again_days=30
        )
        drill = backup.DrillCompleted(drill="d1", sampled=20, restored=19, failures=("seg9",))
        await voices.say("s001", alive(NOW), late, drill)
        expected = {"backup-unread", "drill-failed"}
        assert expected <= await until(lambda: open_kinds(client), expected.issubset)
        told = {f["kind"]: f["text"] for f in await get(client, "/api/findings", school="s001")}
        assert "3" in told["backup-unread"]
        assert "19" in told["drill-failed"]
        school = await get(client, "/api/schools/s001")
        assert (school["drill_sampled"], school["drill_restored"]) == (20, 19)
        page = await client.get("/schools/s001")
        assert "19 / 20" in page.text
        await voices.say("s001", late.model_copy(update={"unread": 0, "overdue": 0, "oldest": None}))
        assert "drill-failed" in await until(
            lambda: open_kinds(client), lambda kinds: "backup-unread" not in kinds
        )
        await client.aclose()


async def test_a_school_not_heard_of_is_never_shown_as_good(
    district_bus: EmbeddedBus, report_url: str, toml: Path, voices: Voices
) -> None:
    async with inspector(district_bus, report_url, toml, cut_off_seconds=1) as address:
        client = await signed_in(address, "officer")

        async def states() -> dict[str, str]:
            return {s["school"]: s["state"] for s in await get(client, "/api/schools")}

        async def states_after(at: datetime) -> dict[str, str]:
            await voices.say("s001", alive(at))
            return await states()

        async def kinds_after(at: datetime) -> set[str]:
            await voices.say("s001", alive(at))
            return await open_kinds(client)

        assert await states() == {"s001": "unknown", "s002": "unknown"}
        seen = await until(lambda: states_after(datetime.now(UTC)), lambda s: s["s001"] == "good")
        assert seen["s001"] == "good"
        assert (await until(states, lambda s: s["s001"] == "unknown"))["s001"] == "unknown"
        assert "cut-off" in await until(lambda: open_kinds(client), lambda kinds: "cut-off" in kinds)
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        assert await until(lambda: kinds_after(tomorrow), lambda kinds: not kinds) == set()
        assert "cut-off" in await until(lambda: open_kinds(client), lambda kinds: "cut-off" in kinds)
        await client.aclose()


async def test_an_inspection_writes_a_report_in_both_languages(
    district_bus: EmbeddedBus, report_url: str, toml: Path, voices: Voices, index: Index
) -> None:
    async with inspector(district_bus, report_url, toml) as address:
        client = await signed_in(address, "officer")
        await a_bad_day(voices, index)
        await until(lambda: open_kinds(client), lambda kinds: len(kinds) >= 4)
        made = await client.post("/api/inspections", json={"school": "s001", "kind": "monthly"})
        assert made.status_code == 201, made.text
        view = made.json()
        assert view["number"].startswith("s001-INS-")
        assert "gap" in await open_kinds(client)
        texts = {}
        for language in ("zh", "en"):
            pdf = await client.get(f"/reports/{view['report']}.pdf", params={"lang": language})
            assert pdf.headers["content-type"] == "application/pdf"
            pages = PdfReader(io.BytesIO(pdf.content)).pages
            texts[language] = "".join(page.extract_text() for page in pages).replace("\u200b", "")
            html = (await client.get(f"/reports/{view['report']}.html", params={"lang": language})).text
            for told in (view["number"], "坏 文件.mp4", "0:02:00", "R3.3", "s001-2026-0001"):
                assert told in texts[language].replace("\n", " "), (language, told)
                assert told in html, (language, told)
        assert "监控录像巡检报告" in texts["zh"]
        assert "断档" in texts["zh"]
        assert re.search(r"[12] / 30", texts["zh"])
        assert "Gaps in the footage" in texts["en"]
        assert "unreadable" in texts["en"]
        again = (await client.post("/api/inspections", json={"school": "s001", "kind": "daily"})).json()
        assert again["number"].endswith("0002")
        gaps = [f for f in await get(client, "/api/findings", school="s001") if f["kind"] == "gap"]
        assert len(gaps) == 1
        assert gaps[0]["facts"]["count"] == 1
        index.add("s001", "gate", NOW - timedelta(minutes=30), NOW)
        await client.post("/api/inspections", json={"school": "s001", "kind": "daily"})
        assert "gap" not in await open_kinds(client)
        await client.aclose()


async def test_a_gap_that_began_the_day_before_is_over_once_it_is_filled(
    district_bus: EmbeddedBus, report_url: str, toml: Path, index: Index
) -> None:
    """Daily: what is inspected begins in the midst of that day."""
    edges = [NOW - timedelta(hours=hours) for hours in (23, 22.5, 22, 0)]
    order = {"school": "s001", "kind": "daily"}
    index.add("s001", "gate", *edges[:2])
    index.add("s001", "gate", *edges[2:])
    async with inspector(district_bus, report_url, toml) as address:
        client = await signed_in(address, "officer")
        assert (await client.post("/api/inspections", json=order)).is_success
        assert "gap" in await open_kinds(client)
        index.add("s001", "gate", *edges[1:3])
        assert (await client.post("/api/inspections", json=order)).is_success
        assert "gap" not in await open_kinds(client)
        await client.aclose()


async def test_a_waiting_sweep_is_not_called_mended(
    district_bus: EmbeddedBus, report_url: str, toml: Path, voices: Voices
) -> None:
    async with inspector(district_bus, report_url, toml) as address:
        officer = await signed_in(address, "officer")
        for sweep, reason in (("w1", "first-sweep"), ("w2", "mismatch")):
            event = retention.SweepStopped(
                sweep=sweep, reason=reason, segments=3, bytes=9, oldest=NOW, newest=NOW
            )
            await voices.say("s001", event)
        found = await until(lambda: get(officer, "/api/findings"), lambda seen: len(seen) == 2)
        answers = {
            one["facts"]["sweep"]: await officer.post(
                f"/api/findings/{one['finding']}/close", json={"reason": "mended"}
            )
            for one in found
        }
        assert answers["w1"].status_code == 422
        assert "调取台" in answers["w1"].text
        assert answers["w2"].status_code == 204
        assert [one["facts"]["sweep"] for one in await get(officer, "/api/findings", open="true")] == ["w1"]
        await voices.say("s001", access.SweepConfirmed(sweep="w1", actor="a-9"))
        await until(lambda: get(officer, "/api/findings", open="true"), lambda seen: not seen)
        await officer.aclose()


async def test_people_see_only_what_is_theirs(
    district_bus: EmbeddedBus, report_url: str, toml: Path, voices: Voices
) -> None:
    async with inspector(district_bus, report_url, toml) as address:
        teacher, auditor, safety = [
            await signed_in(address, person) for person in ("teacher", "auditor", "safety")
        ]
        await voices.say("s001", access.AccessDenied(actor="a-2", act="file", rule="R3.3"))
        await until(lambda: open_kinds(safety), lambda kinds: "access-denied" in kinds)
        for path in (
            "/reports",
            "/violations",
            "/api/schools",
            "/api/findings",
            "/api/live",
            "/api/schools/s001/erased",
            "/api/schools/s001/holds",
            "/api/schools/s001/cameras",
        ):
            assert (await teacher.get(path)).status_code == 403, path
        assert [s["school"] for s in await get(auditor, "/api/schools")] == ["s002"]
        assert (await auditor.get("/api/schools/s001")).status_code == 404
        assert (await auditor.get("/api/custody/s001")).status_code == 404
        order = {"school": "s002", "kind": "daily"}
        assert (await auditor.post("/api/inspections", json=order)).status_code == 403
        finding = (await get(safety, "/api/findings"))[0]["finding"]
        closing = {"reason": "mended"}
        for person, status in ((teacher, 403), (auditor, 403), (safety, 204), (safety, 422)):
            answer = await person.post(f"/api/findings/{finding}/close", json=closing)
            assert answer.status_code == status, answer.text
        assert (await teacher.get("/")).headers["location"] == "/feedback"
        violation = (await get(safety, "/api/violations"))[0]["violation"]
        for person, status in ((auditor, 403), (safety, 204), (safety, 404)):
            answer = await person.post(f"/api/violations/{violation}/close", json=closing)
            assert answer.status_code == status, answer.text
        suggested = await teacher.post("/api/feedback", json={"school": "s001", "text": "走廊再加一台"})
        assert suggested.status_code == 201
        assert (await teacher.get("/feedback")).status_code == 200
        assert "走廊再加一台" not in (await teacher.get("/feedback")).text
        assert "走廊再加一台" in (await safety.get("/feedback")).text
        assert (await teacher.post("/api/feedback", json={"school": "s002", "text": "x"})).status_code == 403
        async with httpx.AsyncClient(base_url=address, timeout=60) as nobody:
            assert (await nobody.get("/api/schools")).status_code == 401
            assert (await nobody.get("/reports")).status_code == 303
        for client in (teacher, auditor, safety):
            await client.aclose()


async def test_a_gap_is_a_finding_until_it_is_filled_without_any_inspection(
    district_bus: EmbeddedBus, report_url: str, toml: Path, voices: Voices, index: Index
) -> None:
    start = NOW - timedelta(minutes=30)
    index.add("s001", "gate", start, start + timedelta(minutes=10))
    index.add("s001", "gate", start + timedelta(minutes=12), NOW)
    async with inspector(district_bus, report_url, toml) as address:
        client = await signed_in(address, "officer")
        for number in range(3):
            await voices.say("s001", ingest.SegmentsRecorded(segments=(segment("gate", start, 10, number),)))
            assert "gap" in await until(lambda: open_kinds(client), lambda kinds: "gap" in kinds)
        (gap,) = [f for f in await get(client, "/api/findings", open="true") if f["kind"] == "gap"]
        assert (gap["camera"], gap["facts"]["length"], gap["times"]) == ("gate", 120.0, 1)
        closing = {"reason": "accepted"}
        assert (await client.post(f"/api/findings/{gap['finding']}/close", json=closing)).is_success
        order = {"school": "s001", "kind": "daily"}
        assert (await client.post("/api/inspections", json=order)).is_success
        assert "gap" not in await open_kinds(client), "a person has settled it"
        index.add("s001", "gate", start, start + timedelta(minutes=10, seconds=30))
        assert (await client.post("/api/inspections", json=order)).is_success
        assert "gap" in await open_kinds(client), "it is another gap now"
        index.add("s001", "gate", start, NOW)
        await voices.say("s001", ingest.SegmentsRecorded(segments=(segment("gate", start, 20),)))
        assert "gap" not in await until(lambda: open_kinds(client), lambda kinds: "gap" not in kinds)
        await client.aclose()


async def test_a_refused_attempt_is_closed_by_those_whose_matter_it_is(
    district_bus: EmbeddedBus, report_url: str, toml: Path, voices: Voices
) -> None:
    async with inspector(district_bus, report_url, toml) as address:
        safety, officer = [await signed_in(address, person) for person in ("safety", "officer")]
        refused = access.AccessDenied(actor="a-0123456789", act="sweeps", rule="R3.3")
        await voices.say("s001", refused)
        await voices.say("district", refused)
        found = await until(lambda: get(officer, "/api/violations"), lambda seen: len(seen) == 2)
        ids = {one["school"]: one["violation"] for one in found}
        own = (await safety.get("/violations")).text
        assert "示范区教育局</td>" not in own
        page = (await officer.get("/violations")).text
        for told in ("示范区教育局</td>", "第一小学</td>", "查看被停止的清除", "a-01234567</code>"):
            assert told in page, told
        outcome = {"outcome": "instructed"}
        closing = f"/violations/{ids['district']}/close"
        assert (await safety.post(closing, data=outcome)).status_code == 403
        for client, school in ((officer, "district"), (safety, "s001")):
            answer = await client.post(f"/violations/{ids[school]}/close", data=outcome)
            assert (answer.status_code, answer.headers["location"]) == (303, "/violations")
        page = (await officer.get("/violations")).text
        assert page.count("已教育提醒<br>") == 2
        assert '<form class="decide"' not in page
        findings = await get(officer, "/api/findings", school="district", open="true")
        assert [f["kind"] for f in findings] == ["access-denied"]
        assert (await officer.get("/")).text.count("示范区教育局</span>") == 1
        closed = await officer.post(f"/findings/{findings[0]['finding']}/close", data={})
        assert closed.status_code == 303
        assert await open_kinds(officer, "district") == set()
        for client in (safety, officer):
            await client.aclose()


async def test_everybody_may_open_what_their_navigation_offers(
    district_bus: EmbeddedBus, report_url: str, toml: Path
) -> None:
    async with inspector(district_bus, report_url, toml) as address:
        for person in PEOPLE:
            client = await signed_in(address, person)
            client.follow_redirects = True
            first = await client.get("/")
            assert first.status_code == 200
            nav = first.text[first.text.index("<nav") : first.text.index("</nav>")]
            offered = re.findall(r'href="([^"]+)"', nav)
            assert {"/rules", "/feedback"} <= set(offered)
            assert ("/" in offered) == (first.url.path == "/"), person
            for path in offered:
                page = await client.get(path)
                assert (page.status_code, page.url.path) == (200, path), person
            await client.aclose()


async def test_the_navigation_leads_to_the_desk_but_not_to_where_one_is(
    district_bus: EmbeddedBus, report_url: str, toml: Path
) -> None:
    urls = {"desk_url": "https://desk.example", "dashboard_url": "https://dashboard.example"}
    async with inspector(district_bus, report_url, toml, **urls) as address:
        client = await signed_in(address, "teacher")
        page = (await client.get("/feedback")).text
        assert urls["desk_url"] in page
        assert urls["dashboard_url"] not in page
        await client.aclose()


async def test_everybody_reads_the_rules_in_force(
    district_bus: EmbeddedBus, report_url: str, toml: Path
) -> None:
    async with inspector(district_bus, report_url, toml) as address:
        client = await signed_in(address, "nobody")
        rules = (await client.get("/rules")).text
        for told in ("<ol>", "R3.1 保存期限为 30 天", "第 1 版", "R7 遵守国家法律法规"):
            assert told in rules, told
        english = (await client.get("/rules?lang=en")).text
        assert "Footage is kept for 30 days" in english
        assert "R3.1 保存期限为 30 天" in english, "the text in force stands beside its translation"
        assert 'href="/rules"' in (await client.get("/feedback")).text
        await client.aclose()
