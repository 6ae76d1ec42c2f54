"""Who signs for what, who must not, who is asked first, and what is urgent (R4.2, R4.4)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from reelwarden_access.district.desk import policy
from reelwarden_access.district.desk.acts import reminding
from reelwarden_access.district.desk.application import Rules, Status
from reelwarden_access.district.desk.store import DeskStore
from reelwarden_access.district.desk.tasks import Progress, TaskKind, tasks_of
from reelwarden_common.district import PersonRole
from reelwarden_common.events.access import (
    AccessDenied,
    Manner,
    PartsCombined,
    PartsReviewed,
    TaskDone,
    TaskDue,
    TaskOverdue,
)
from reelwarden_common.messaging.postgres import PgUnits, open_pool
from tests.access.test_desk_domain import application
from tests.access.test_desk_refusals import decide, refused, slips
from tests.support.desk import PASSWORD, POLICE, DeskHouse

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
LEADER, SAFETY, OFFICER = PersonRole.LEADER, PersonRole.SAFETY, PersonRole.DISTRICT_OFFICER


@pytest.mark.parametrize(
    ("manner", "of_leader", "roles", "signs_as"),
    [
        (Manner.VIEW, False, {LEADER}, LEADER),
        (Manner.VIEW, False, {SAFETY}, SAFETY),
        (Manner.VIEW, False, {SAFETY, LEADER}, LEADER),
        (Manner.VIEW, False, {OFFICER}, None),
        (Manner.VIEW, False, {PersonRole.RETRIEVER, PersonRole.APPLICANT, PersonRole.AUDITOR}, None),
        (Manner.COPY, False, {SAFETY}, SAFETY),
        (Manner.VIEW, True, {SAFETY}, None),
        (Manner.VIEW, True, {LEADER}, None),
        (Manner.VIEW, True, {OFFICER}, OFFICER),
        (Manner.VIEW, True, {OFFICER, LEADER}, OFFICER),
        (Manner.COPY, True, {SAFETY}, SAFETY),
        (Manner.COPY, True, {SAFETY, LEADER}, None),
        (Manner.COPY, True, {OFFICER}, OFFICER),
    ],
)
def test_the_table_says_who_signs(
    manner: Manner, roles: set[PersonRole], signs_as: PersonRole | None, *, of_leader: bool
) -> None:
    asked = application(manner=manner, concerns_leader=of_leader)
    assert policy.role_of_signer(asked, frozenset(roles)) is signs_as


def test_the_table_knows_every_kind_of_application_once() -> None:
    kinds = [(one.manner, one.concerns_leader) for one in policy.SIGNING]
    assert sorted(kinds) == sorted((manner, above) for manner in Manner for above in (False, True))
    assert all(one.needed == (2 if one.manner is Manner.COPY else 1) for one in policy.SIGNING)


def kinds(progress: Progress) -> list[tuple[TaskKind, PersonRole]]:
    return [(task.kind, task.role) for task in tasks_of(progress, Rules())]


def test_each_step_has_a_deadline_and_a_role() -> None:
    copy = application(manner=Manner.COPY, use_by=NOW, valid_until=NOW)
    assert kinds(Progress(application())) == [(TaskKind.DECIDE, LEADER)]
    assert kinds(Progress(application(status=Status.READY, valid_until=NOW))) == [
        (TaskKind.RETRIEVE, PersonRole.RETRIEVER)
    ]
    viewed = application(status=Status.RETRIEVED)
    assert kinds(Progress(viewed)) == [], "it is still being viewed"
    assert kinds(Progress(viewed, retrieved_at=NOW)) == [(TaskKind.RECORD, PersonRole.RETRIEVER)]
    assert kinds(Progress(viewed, NOW, NOW)) == [(TaskKind.SIGN, PersonRole.RETRIEVER)]
    out = application(status=Status.RELEASED, manner=Manner.COPY, use_by=NOW)
    assert (TaskKind.DECLARE, PersonRole.APPLICANT) in kinds(Progress(out, NOW))
    signed = application(status=Status.RECORDED)
    assert kinds(Progress(signed, NOW, NOW, (), NOW)) == [(TaskKind.CLOSE, SAFETY)]
    assert kinds(Progress(application(status=Status.CLOSED), unreviewed_since=NOW)) == [
        (TaskKind.REVIEW, OFFICER)
    ]
    for over in (Status.CLOSED, Status.REJECTED, Status.WITHDRAWN, Status.LAPSED):
        assert kinds(Progress(application(status=over, use_by=copy.use_by))) == []


async def test_whoever_has_an_interest_does_not_decide(house: DeskHouse) -> None:
    asked = await house.file()
    stranger = await house.ask("zhou.jie", "POST", f"/api/applications/{asked}/interest")
    await refused(house, stranger, "not_approver", "R4.2")
    answer = await decide(house, "li.lei", asked, interested=True)
    await refused(house, answer, "conflict", "R4.2")
    for _ in range(4):
        await refused(house, await decide(house, "li.lei", asked), "conflict", "R4.2")
    assert all(await slips(house, "conflict", "li.lei")), "to say so is no violation, however often"
    listed = (await house.ask("li.lei", "GET", "/api/applications?view=approve")).json()
    assert asked not in [one["id"] for one in listed]
    await house.approve(asked, "han.mei")


async def test_where_the_school_wants_it_the_department_is_heard_first(house: DeskHouse) -> None:
    asked = await house.file("luo.min", school="s002")
    await refused(house, await decide(house, "yu.hua", asked), "no_opinion", "R4.2")
    path = f"/api/applications/{asked}/advise"
    body = {"digest": (await house.show(asked, "feng.ju"))["digest"], "password": PASSWORD}
    stranger = await house.ask("feng.ju", "POST", path, body | {"opinion": "同意"})
    await refused(house, stranger, "not_department", "R4.2")
    own = await house.ask("luo.min", "POST", path, body | {"opinion": "同意"})
    await refused(house, own, "own_application", "R4.2")
    assert (await house.ask("he.ping", "POST", path, body)).status_code == 422
    await house.do("he.ping", path, body | {"opinion": "情况属实，建议批准"})
    twice = await house.ask("he.ping", "POST", path, body | {"opinion": "再说一次"})
    assert (twice.status_code, twice.json()["error"]["rule"]) == (409, "R4.2")
    assert (await decide(house, "yu.hua", asked)).status_code == 200
    shown = await house.show(asked, "feng.ju")
    assert [(s["capacity"], s["opinion"]) for s in shown["signatures"]][1] == (
        "department",
        "情况属实，建议批准",
    )
    assert shown["status"] == "approved"


async def test_an_urgent_application_is_on_top_and_does_not_lapse_early(house: DeskHouse) -> None:
    staff = await house.ask("wang.fang", "POST", "/api/applications", house.filing(urgent=True))
    assert (staff.status_code, staff.json()["error"]["code"]) == (422, "not_urgent")
    asked = await house.file("wu.qian", **POLICE, urgent=True)
    await house.file()
    listed = (await house.ask("li.lei", "GET", "/api/applications?view=approve")).json()
    first = next(one for one in listed if one["id"] == asked)
    assert listed.index(first) < len([one for one in listed if one["urgent"]])
    left = datetime.fromisoformat(first["decide_by"]) - datetime.now(UTC)
    assert timedelta(hours=1, minutes=55) < left <= timedelta(hours=2)
    page = await house.ask("li.lei", "GET", "/approve")
    assert f'href="/applications/{asked}#decide"' in page.text

    async def look(after: timedelta) -> None:
        await at(house, datetime.now(UTC) + after)

    await look(timedelta())
    due = (await house.until_said(TaskDue, asked))[0]
    assert (due.task, due.for_role, due.urgent) == ("decide", "leader", True)
    assert not house.said(TaskOverdue, asked)
    await look(timedelta(hours=2, seconds=5))
    await look(timedelta(hours=2, seconds=9))
    overdue = await house.until_said(TaskOverdue, asked)
    assert [one.escalated_to for one in overdue] == ["district_officer"]
    assert (await house.show(asked))["status"] == "filed"
    await house.approve(asked, "li.lei", "han.mei")
    await look(timedelta())
    assert (await house.until_said(TaskDone, asked))[0].task == "decide"
    assert len(house.said(TaskOverdue, asked)) == 1


async def at(house: DeskHouse, now: datetime) -> None:
    """The desk looks at its deadlines at some moment."""
    pool = await open_pool(house.settings.database_url.get_secret_value(), "access")
    try:
        async with PgUnits(pool, "desk", DeskStore).begin() as store:
            await reminding.remind(store, Rules(), now)
    finally:
        await pool.close()


async def test_a_record_that_nobody_fills_in_is_overdue(house: DeskHouse) -> None:
    asked = await house.file()
    await house.ready(asked, "li.lei")
    path = f"/api/applications/{asked}"
    await house.do("chen.gang", f"{path}/supervision", {"present": ["王芳"]})
    await house.do("zhou.jie", "/api/training/ack")
    await house.do("zhou.jie", f"{path}/viewings")
    await house.do("chen.gang", f"{path}/supervision/close")
    await at(house, datetime.now(UTC) + timedelta(days=3, seconds=5))
    overdue = await house.until_said(TaskOverdue, asked)
    assert [(one.task, one.for_role, one.escalated_to) for one in overdue] == [
        ("record", "retriever", "safety")
    ]
    assert "王" not in overdue[0].model_dump_json()
    await house.do("zhou.jie", f"{path}/record", {"content": "无", "outcome": "无"})
    await at(house, datetime.now(UTC))
    await house.until_said(TaskDone, asked)


def review(**changes: Any) -> dict[str, Any]:
    return {"opinion": "情况属实，下不为例", "password": PASSWORD, **changes}


async def viewing(house: DeskHouse, account: str, asked: str) -> httpx.Response:
    return await house.ask(account, "POST", f"/api/applications/{asked}/viewings")


async def test_a_small_school_combines_two_parts_and_the_district_looks_at_it(house: DeskHouse) -> None:
    asked = await house.file("luo.min", school="s002")
    body = {"digest": (await house.show(asked, "feng.ju"))["digest"], "password": PASSWORD}
    await house.do("he.ping", f"/api/applications/{asked}/approve", body)
    await house.export(asked, {"view/gate.mp4": b"0" * 100})
    await house.until(asked, "feng.ju", status="ready")
    path = f"/api/applications/{asked}"
    await house.do("he.ping", f"{path}/supervision", {"present": ["罗敏"]})
    for account in ("he.ping", "yu.hua"):
        await house.do(account, "/api/training/ack")
    await refused(house, await viewing(house, "he.ping", asked), "not_apart", "R4.3")
    assert (await viewing(house, "yu.hua", asked)).status_code == 201
    told = (await house.until_said(PartsCombined, asked))[0]
    assert told.parts == ("approver", "supervisor")
    shown = await house.show(asked, "feng.ju")
    assert [(one["name"], one["reviewed_at"]) for one in shown["combined"]] == [("何平", None)]
    early = await house.ask("qian.duo", "POST", f"{path}/review-parts", review())
    await refused(house, early, "not_officer", "R4.3")
    page = await house.ask("feng.ju", "GET", f"/applications/{asked}")
    assert "何平 一人兼任（审批人 + 监督人）" in page.text
    await house.do("feng.ju", f"{path}/review-parts", review())
    await house.until_said(PartsReviewed, asked)
    twice = await house.ask("feng.ju", "POST", f"{path}/review-parts", review())
    assert (twice.status_code, twice.json()["error"]["rule"]) == (409, "R4.3")
    await house.do("yu.hua", f"{path}/record", {"content": "无异常", "outcome": "已告知"})
    form = (await house.show(asked, "feng.ju"))["record"]["form"]
    assert form["combined"] == [{"name": "何平", "parts": ["approver", "supervisor"]}]
    denied = [e for e in house.said(AccessDenied) if e.application == asked]
    assert {e.rule for e in denied} == {"R4.3"}
