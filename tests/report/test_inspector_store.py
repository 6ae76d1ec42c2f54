"""What the clock brings about, on a real database: holds, copies, schedules, deadlines."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import pytest
import pytest_asyncio

from reelwarden_common.district import load
from reelwarden_common.envelope import Envelope, Message, decode
from reelwarden_common.events import access, ingest, report, retention
from reelwarden_common.events.base import CameraSpan, Event
from reelwarden_common.messaging.postgres import PgUnits
from reelwarden_report.custody.audit import audit
from reelwarden_report.custody.notes import Signer
from reelwarden_report.custody.peers import origin
from reelwarden_report.district.inspector import maintenance, rules
from reelwarden_report.district.inspector.domain import DayCoverage, Span, day_span
from reelwarden_report.district.inspector.findings import NoSuchFinding
from reelwarden_report.district.inspector.handlers import BATCHES, HANDLERS
from reelwarden_report.district.inspector.judging import judge_gaps
from reelwarden_report.district.inspector.look import look
from reelwarden_report.district.inspector.schedule import due
from reelwarden_report.district.inspector.settings import Settings
from reelwarden_report.district.inspector.store import InspectorStore
from reelwarden_report.district.inspector.views import Views
from reelwarden_report.district.messenger.domain import said_of
from tests.report.district import SESSION_KEY, district_toml, segment
from tests.report.test_registrar import KEY, append, units_of

ZONE = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 3, 3, 2, tzinfo=UTC)
WEEK_AGO = date(2026, 2, 24)
SETTINGS = Settings(session_key=SESSION_KEY)
SPAN = CameraSpan(camera="gate", start=AT - timedelta(hours=2), end=AT - timedelta(hours=1))


class Office:
    """The inspector's units with a clock that a test moves."""

    def __init__(self, pool: asyncpg.Pool, toml: Path) -> None:
        self.now = AT
        self.pool = pool
        self.units = PgUnits(pool, "inspector", lambda conn: InspectorStore(conn, ZONE, lambda: self.now))
        self.config = load(toml)
        self.views = Views(pool, self.config, 180)
        self._number = 0

    async def hear(self, *events: Event, school: str = "s001") -> None:
        for event in events:
            self._number += 1
            envelope = Envelope(f"e{self._number}", event.ce_type(), school, event.role(), self.now)
            async with self.units.begin() as store:
                if type(event) in BATCHES:
                    await BATCHES[type(event)]([(event, envelope)], store)
                else:
                    await HANDLERS[type(event)](event, envelope, store)

    async def look(self) -> None:
        await look(self.units, ["s001"], SETTINGS)

    async def open(self) -> list[tuple[str, str | None]]:
        return [(f.kind, f.camera) for f in await self.views.findings(["s001"], self.now)]

    async def said(self) -> list[Event]:
        sent: list[Message] = []

        async def send(messages: object) -> None:
            sent.extend(messages)  # type: ignore[arg-type]

        await self.units.relay(send, 1000)
        return [decode(m.subject, m.headers, m.body)[0] for m in sent]


@pytest_asyncio.fixture(loop_scope="session")
async def office(report_pool: asyncpg.Pool, tmp_path: Path) -> AsyncIterator[Office]:
    yield Office(report_pool, district_toml(tmp_path))


def hold(name: str = "h1") -> retention.Hold:
    return retention.Hold(
        id=name,
        source=retention.HoldSource.APPLICATION,
        cause="app1",
        span=SPAN,
        purpose="loss",
        until=AT + timedelta(days=30),
    )


async def test_a_hold_that_is_not_reached_is_a_finding_until_it_is(office: Office) -> None:
    await office.hear(retention.HoldAsked(hold=hold()))
    await office.look()
    assert ("hold-not-reached", "gate") not in await office.open()
    office.now += timedelta(hours=1)
    await office.look()
    await office.look()
    assert (await office.open()).count(("hold-not-reached", "gate")) == 1
    in_force = retention.HoldInForce(
        hold="h1", cause="app1", complete=True, segments=1, bytes=1, digest="ab" * 32, gone=(SPAN,)
    )
    await office.hear(in_force)
    kinds = [kind for kind, _ in await office.open()]
    assert "hold-not-reached" not in kinds
    assert "hold-part-gone" in kinds
    await office.hear(retention.HoldAsked(hold=hold()), retention.HoldDecided(hold=hold()))
    row = await office.pool.fetchrow("SELECT status, source FROM hold")
    assert row is not None
    assert tuple(row) == ("in-force", "application")
    await office.hear(retention.HoldLapsed(hold="h1", cause="app1"), in_force)
    assert await office.pool.fetchval("SELECT status FROM hold") == "lapsed"


async def counted(office: Office) -> tuple[int, int, int]:
    (school,) = await office.views.schools(office.now, ["s001"])
    return school.holds_in_force, school.holds_pending, school.holds_released


async def test_a_released_hold_protects_until_its_release_takes_effect(office: Office) -> None:
    await office.hear(report.SiteAlive(at=AT, software="1"))
    await office.hear(retention.HoldAsked(hold=hold("h1")), retention.HoldAsked(hold=hold("h2")))
    assert await counted(office) == (0, 2, 0)
    for name in ("h1", "h2"):
        answer = retention.HoldInForce(
            hold=name, cause="app1", complete=True, segments=1, bytes=1, digest="ab" * 32
        )
        await office.hear(answer)
    assert await counted(office) == (2, 0, 0)
    later = AT + timedelta(hours=72)
    release = retention.HoldReleased(hold="h1", cause="app1", reason="closed", effective_at=later)
    await office.hear(release, retention.HoldLapsed(hold="h2", cause="app1"))
    assert await counted(office) == (1, 0, 1)
    office.now = later
    assert await counted(office) == (0, 0, 0)


async def test_a_hold_whose_release_was_stopped_goes_on(office: Office) -> None:
    answer = retention.HoldInForce(
        hold="h1", cause="app1", complete=True, segments=1, bytes=1, digest="ab" * 32
    )
    await office.hear(report.SiteAlive(at=AT, software="1"), retention.HoldAsked(hold=hold()), answer)
    later = AT + timedelta(hours=72)
    release = retention.HoldReleased(hold="h1", cause="app1", reason="closed", effective_at=later)
    await office.hear(release)
    assert await counted(office) == (1, 0, 1)
    await office.hear(retention.HoldDecided(hold=hold()))
    assert await counted(office) == (1, 0, 0)
    office.now = later
    assert await counted(office) == (1, 0, 0)


async def reviews(office: Office) -> int:
    return [kind for kind, _ in await office.open()].count("hold-review-due")


async def test_a_case_that_ends_soon_asks_for_its_review_until_it_was_renewed(office: Office) -> None:
    case = hold("c1").model_copy(
        update={"source": retention.HoldSource.CASE, "cause": "x1", "until": AT + timedelta(days=60)}
    )
    await office.hear(retention.HoldAsked(hold=case), retention.HoldDecided(hold=case))
    answer = retention.HoldInForce(
        hold="c1", cause="x1", complete=True, segments=1, bytes=1, digest="ab" * 32
    )
    await office.hear(answer)
    await office.look()
    assert await reviews(office) == 0
    office.now = AT + timedelta(days=47)
    await office.look()
    await office.look()
    assert await reviews(office) == 1
    renewed = case.model_copy(update={"until": AT + timedelta(days=130)})
    await office.hear(retention.HoldDecided(hold=renewed))
    await office.look()
    assert await reviews(office) == 0
    office.now = AT + timedelta(days=131)
    await office.look()
    assert await reviews(office) == 0, "it is over: nothing is left to review"


async def test_people_read_when_a_plan_was_issued(office: Office) -> None:
    plan = retention.PlanIssued(epoch=1, version=7, digest="ab" * 32, plan="{}", signature="c2ln", key="k1")
    await office.hear(plan)
    (school,) = await office.views.schools(office.now, ["s001"])
    assert (school.plan_issued, school.plan_issued_at, school.plan_applied) == (7, AT, None)


@pytest.mark.parametrize(("age", "judged"), [(59, []), (61, [("gap", "gate")])])
async def test_a_gap_is_judged_when_the_footage_after_it_is_a_minute_old(
    office: Office, age: int, judged: list[tuple[str, str]]
) -> None:
    end = AT - timedelta(seconds=age)
    async with office.units.begin() as store:
        gap = Span(end - timedelta(minutes=5), end)
        await judge_gaps(store, "s001", {"gate": [gap]}, WEEK_AGO)
    assert await office.open() == judged


async def test_a_gap_of_the_first_day_is_judged_and_one_from_before_is_left(office: Office) -> None:
    begin = day_span(WEEK_AGO, ZONE).start
    before = Span(begin - timedelta(hours=2), begin + timedelta(hours=1))
    first = Span(begin + timedelta(hours=3), begin + timedelta(hours=4))
    for found in ([before, first], []):
        async with office.units.begin() as store:
            await judge_gaps(store, "s001", {"gate": found}, WEEK_AGO)
    (left,) = await office.views.findings(["s001"], AT)
    assert left.facts["start"] == before.start.isoformat()


async def test_a_finding_of_a_gap_tells_what_is_there_now(office: Office) -> None:
    one = Span(AT - timedelta(hours=5), AT - timedelta(hours=4))
    two = Span(AT - timedelta(hours=3), AT - timedelta(hours=2))
    for found, counts in (([one], [1]), ([one, two], [2]), ([two], [1]), ([], [])):
        async with office.units.begin() as store:
            await judge_gaps(store, "s001", {"gate": found}, WEEK_AGO)
        told = await office.views.findings(["s001"], AT)
        assert [f.facts["count"] for f in told] == counts
        assert {f.times for f in told} <= {1}
    async with office.units.begin() as store:
        await judge_gaps(store, "s001", {"gate": [one]}, WEEK_AGO)
        await judge_gaps(store, "s001", {"gate": []}, WEEK_AGO, complete=False)
    assert await office.open() == [("gap", "gate")], "nothing is closed while the index does not answer"


async def test_a_copy_not_declared_in_time_is_a_violation(office: Office) -> None:
    released = access.CopyReleased(
        application="app1", package="ab" * 32, recipient="police", supervisor="a-3", use_by=AT
    )
    await office.hear(released, access.CopyReleased(**(dict(released) | {"application": "app2"})))
    await office.hear(access.UseDeclared(application="app2", declaration="destroyed"))
    office.now += timedelta(days=1)
    await office.look()
    await office.look()
    found = await office.views.violations(["s001"])
    assert [(v.kind, v.rule, v.application) for v in found] == [("use-overdue", "R4.4", "app1")]
    said = await office.said()
    assert [e.kind for e in said if isinstance(e, report.ViolationRecorded)] == ["use-overdue"]


async def test_an_attempt_is_a_finding_and_a_violation_under_one_rule_and_a_slip_is_neither(
    office: Office,
) -> None:
    await office.hear(
        access.AccessDenied(actor="a-1", act="release", rule="R4.4", slip=True),
        access.AccessDenied(actor="a-2", act="release", rule="R4.4"),
    )
    assert [(v.actor, v.rule) for v in await office.views.violations(["s001"])] == [("a-2", "R4.4")]
    found = await office.views.findings(["s001"], AT)
    assert [(f.facts["actor"], f.rule) for f in found] == [("a-2", "R4.4")]
    assert await office.pool.fetchval("SELECT count(*) FROM refusal") == 2


async def test_findings_end_by_themselves_or_by_a_person(office: Office) -> None:
    await office.hear(
        ingest.CameraSilent(camera="gate", since=AT),
        ingest.CameraClock(camera="hall", offset_ms=-90_000),
        ingest.StorageMeasured(total=10, free=1, forecast_days=3.0, bound=False),
        retention.VaultMeasured(files=3, bytes=10**12, extra=2 * 10**11, budget=10**11),
        retention.PlanRefused(epoch=1, version=3, digest="ab" * 32, reason="forged", detail="x"),
        retention.PlanIssued(epoch=2, version=1, digest="ac" * 32, plan="{}", signature="x", key="k1"),
        retention.SweepStopped(sweep="w1", reason="first-sweep", segments=3, bytes=9, oldest=AT, newest=AT),
    )
    kinds = {kind for kind, _ in await office.open()}
    by_facts = {"camera-silent", "camera-clock", "disk-short", "storage-unbound", "sweep-stopped"}
    assert kinds == by_facts | {"plan-refused", "plans-anew", "vault-large"}
    await office.hear(
        ingest.SegmentsRecorded(segments=(segment("gate", AT),)),
        ingest.CameraClock(camera="hall", offset_ms=100),
        ingest.StorageMeasured(total=10, free=9, forecast_days=50.0),
        retention.VaultMeasured(files=3, bytes=10**12, extra=10**11, budget=10**11),
        access.SweepConfirmed(sweep="w1", actor="a-9"),
    )
    left, anew = await office.views.findings(["s001"], AT + timedelta(days=2))
    assert [(one.kind, one.overdue) for one in (left, anew)] == [("plan-refused", True), ("plans-anew", True)]
    async with office.units.begin() as store:
        await store.close(left.finding, "accepted", "officer")
        with pytest.raises(NoSuchFinding):
            await store.close(left.finding, "accepted", "officer")
    said = await office.said()
    opened = [e for e in said if isinstance(e, report.FindingOpened)]
    assert len(opened) == 8
    assert {e.deadline for e in opened if e.severity is report.Severity.SERIOUS} == {AT + timedelta(hours=24)}
    assert len([e for e in said if isinstance(e, report.FindingClosed)]) == 7


async def test_planned_work_is_opened_as_planned_and_said_again_when_it_is_outlasted(office: Office) -> None:
    span = AT - timedelta(hours=1), AT + timedelta(hours=1)
    async with office.units.begin() as store:
        await maintenance.plan(store, "s001", ["gate"], span, "a new switch", "officer")
    await office.hear(
        ingest.CameraSilent(camera="gate", since=AT), ingest.CameraSilent(camera="hall", since=AT)
    )
    gate, hall = [e for e in await office.said() if isinstance(e, report.FindingOpened)]
    assert gate.planned is not None
    assert hall.planned is None
    assert said_of(gate) is None, "nobody is sent a notice of planned work (R5.1)"
    assert said_of(hall) is not None
    again = []
    for hours in (1, 2, 3):
        office.now = AT + timedelta(hours=hours)
        async with office.units.begin() as store:
            await maintenance.mark_planned(store, "s001")
        again.append(await office.said())
    late = gate.model_copy(update={"planned": None})
    assert again == [[], [late], []], "a silence that outlasts its window is told once"
    assert said_of(late) is not None


async def test_the_schedule_makes_each_day_s_inspection_once(office: Office) -> None:
    schools = ["s001", "s002"]
    assert await due(office.units, schools, SETTINGS) == []
    office.now = AT - timedelta(days=1)
    await office.hear(report.SiteAlive(at=AT, software="1"))
    office.now = AT.replace(hour=23) - timedelta(days=1)
    assert await due(office.units, schools, SETTINGS) == []
    office.now = AT
    (order,) = await due(office.units, schools, SETTINGS)
    assert (order.school, order.kind, order.slot) == ("s001", "daily", "s001:2026-03-03")
    await office.pool.execute(
        "INSERT INTO inspection VALUES ('i', 's001', 'daily', 's001:2026-03-03', now(), '', '{}')"
    )
    assert await due(office.units, schools, SETTINGS) == []


async def test_days_are_asked_again_when_they_changed(office: Office) -> None:
    day = date(2026, 3, 3)
    await office.hear(ingest.SegmentsRecorded(segments=(segment("gate", AT),)))
    async with office.units.begin() as store:
        assert await store.stale_days() == [("s001", day)]
        span = day_span(day, ZONE)
        coverage = DayCoverage(day, 10_000, 1, AT, AT + timedelta(seconds=10), (span,))
        await store.covered("s001", {"gate": coverage}, day, AT)
        assert await store.stale_days() == [("s001", day)], "the index may have heard later than we"
        await store.covered("s001", {"gate": coverage}, day, AT + timedelta(seconds=10))
        assert await store.stale_days() == []
    school = (await office.views.schools(AT, ["s001"]))[0]
    assert school.cameras[0].days[0].recorded_seconds == 10
    await office.hear(ingest.CoverageCounted(camera="gate", hour=AT, recorded_ms=1))
    async with office.units.begin() as store:
        assert await store.stale_days() == [("s001", day)]


async def test_whoever_left_at_the_desk_has_no_session_here(office: Office) -> None:
    """The words may come in any order: the newest counts."""
    who, later = "ab" * 32, AT + timedelta(hours=1)

    async def let_in() -> bool:
        async with office.units.begin() as store:
            query = "SELECT count(*) FROM ended_sessions WHERE name = $1 AND before >= $2"
            return not await store.conn.fetchval(query, who, later + timedelta(days=99))

    assert await let_in()
    await office.hear(access.AccessChanged(person=who, allowed=False, at=AT))
    assert not await let_in()
    await office.hear(access.AccessChanged(person=who, allowed=True, at=later))
    await office.hear(access.AccessChanged(person=who, allowed=False, at=AT))
    assert await let_in()


async def test_rules_are_published_once(office: Office) -> None:
    async with office.units.begin() as store:
        assert await rules.publish(store, ["s001", "s002"], AT)
        assert not await rules.publish(store, ["s001", "s002"], AT)
    said = [e for e in await office.said() if isinstance(e, report.RulesPublished)]
    assert len(said) == 3
    assert {(e.text, e.digest) for e in said} == {(rules.text(), sha256(rules.text().encode()).hexdigest())}
    assert (await office.views.rules())[0].version == 1


async def test_a_changed_entry_in_the_database_is_found_offline(
    office: Office, report_pool: asyncpg.Pool
) -> None:
    registrar = units_of(report_pool)
    for first in (0, 4):
        await append(registrar, range(first, first + 4))
        async with registrar.begin() as store:
            await store.sign_if_grown("s001")
    key = Signer(origin("s001", "registrar"), KEY).key()
    log = await office.views.custody_log("s001", 0, 100)
    assert audit(log.entries, log.checkpoints, key) == []
    await report_pool.execute(
        "UPDATE custody_entry SET text = replace(text, 'a-5', 'a-6') WHERE school = 's001' AND position = 5"
    )
    log = await office.views.custody_log("s001", 0, 100)
    (problem,) = audit(log.entries, log.checkpoints, key)
    assert "entries 4 to 7 are not those that were signed" in problem
    assert audit(log.entries[:3], log.checkpoints, key) == [
        "4 entries were signed, 3 are there",
        "8 entries were signed, 3 are there",
    ]
    stranger = Signer("x", KEY).key()
    assert len(audit(log.entries, log.checkpoints, stranger)) == 2
