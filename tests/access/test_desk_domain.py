"""The rules of retrieval, without any server."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwarden_access.district.desk import domain, retrieval
from reelwarden_access.district.desk.application import (
    Actor,
    Application,
    Capacity,
    Draft,
    HoldState,
    Outsider,
    Rules,
    Signature,
    Status,
    Supervision,
)
from reelwarden_access.district.desk.attempts import is_slip
from reelwarden_access.district.desk.ranges import AT_MOST, parse_range
from reelwarden_common.district import PersonRole
from reelwarden_common.events.access import ExportReady, Manner, PackagedFile
from reelwarden_common.web import Denied, Wrong

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
EVERY_ROLE = frozenset(PersonRole)


def actor(name: str, *roles: PersonRole) -> Actor:
    return Actor(name, name, name, "unit", frozenset(roles) or EVERY_ROLE)


def application(**changes: object) -> Application:
    kept = Application(
        id="a",
        number="s001-2026-0001",
        school="s001",
        status=Status.FILED,
        version=1,
        manner=Manner.VIEW,
        cameras=("gate",),
        start=NOW - timedelta(hours=2),
        end=NOW - timedelta(hours=1),
        filer="applicant",
        outsider=None,
        concerns_leader=False,
        applicant_name="王芳",
        form_digest="ab" * 32,
        decide_by=NOW + timedelta(days=7),
    )
    return replace(kept, **changes)  # type: ignore[arg-type]


def signed(name: str, role: str = "leader") -> Signature:
    return Signature("application", Capacity.APPROVER, name, name, "", role, "ab" * 32, NOW)


def draft(**changes: object) -> Draft:
    kept = Draft(
        school="s001",
        cameras=("gate",),
        start=NOW - timedelta(hours=2),
        end=NOW - timedelta(hours=1),
        manner=Manner.VIEW,
        reason="lost bag",
        undertaking=True,
        name="王芳",
        unit="三年级组",
        identity_document="1",
    )
    return replace(kept, **changes)  # type: ignore[arg-type]


def code_of(check: object, *arguments: object, **named: object) -> str:
    with pytest.raises((Denied, Wrong)) as caught:
        check(*arguments, **named)  # type: ignore[operator]
    error = caught.value
    assert isinstance(error, Denied | Wrong)
    assert not isinstance(error, Denied) or error.rule
    return error.code


def test_eight_hours_at_most_all_cameras_together() -> None:
    four = draft(start=NOW - timedelta(hours=4), end=NOW, cameras=("gate", "hall"))
    domain.check_filing(actor("a"), four, Rules(), 0, NOW)
    five = replace(four, start=NOW - timedelta(hours=4, seconds=1))
    assert code_of(domain.check_filing, actor("a"), five, Rules(), 0, NOW) == "too_long"
    domain.check_filing(actor("a"), five, Rules(max_footage=timedelta(hours=10)), 0, NOW)


def test_a_quota_of_open_applications_for_staff_only() -> None:
    assert code_of(domain.check_filing, actor("a"), draft(), Rules(), 10, NOW) == "too_many"
    outside = draft(outsider=Outsider.GUARDIAN)
    domain.check_filing(actor("a"), outside, Rules(), 10, NOW)


@given(st.sampled_from(list(Outsider)))
def test_copies_go_to_police_courts_and_the_district_only(outsider: Outsider) -> None:
    asked = draft(outsider=outsider, manner=Manner.COPY, authority_document="letter")
    if outsider in (Outsider.POLICE, Outsider.COURT, Outsider.DISTRICT):
        domain.check_filing(actor("a"), asked, Rules(), 0, NOW)
    else:
        assert code_of(domain.check_filing, actor("a"), asked, Rules(), 0, NOW) == "no_copy"


people = st.sampled_from(["p1", "p2", "p3", "p4", "p5"])


@given(filer=people, first=people, second=people, retriever=people, supervisor=people)
def test_applicant_approver_retriever_supervisor_are_four_people(
    filer: str, first: str, second: str, retriever: str, supervisor: str
) -> None:
    """Whatever roles people hold, footage is opened only by four different ones."""
    asked = application(filer=filer, manner=Manner.COPY, outsider=Outsider.POLICE)
    try:
        domain.check_decision(asked, actor(first))
        asked = replace(asked, approvals=(signed(first),))
        domain.check_decision(asked, actor(second))
        assert domain.is_approved(asked, signed(second))
        asked = replace(asked, approvals=(signed(first), signed(second)), status=Status.READY)
        retrieval.check_supervision(asked, actor(supervisor), (), ["somebody"])
        opened = Supervision("s", supervisor, supervisor)
        retrieval.check_retriever(asked, actor(retriever), opened, trained=True, now=NOW)
    except Denied:
        assert len({filer, first, second, retriever, supervisor}) < 5
    else:
        assert len({filer, first, second, retriever, supervisor}) == 5


@given(st.sets(st.sampled_from(list(PersonRole))))
def test_nobody_without_the_role_gets_anywhere(roles: set[PersonRole]) -> None:
    somebody = Actor("somebody", "", "", "", frozenset(roles))
    asked = application(status=Status.READY)
    if not roles & {PersonRole.LEADER, PersonRole.SAFETY}:
        assert code_of(domain.check_decision, application(), somebody) == "not_approver"
    if PersonRole.SAFETY not in roles:
        assert code_of(retrieval.check_supervision, asked, somebody, (), ["x"]) == "not_safety"
    if PersonRole.RETRIEVER not in roles:
        opened = Supervision("s", "other", "other")
        check = retrieval.check_retriever
        assert code_of(check, asked, somebody, opened, trained=True, now=NOW) == "not_retriever"


def test_a_leaders_case_needs_the_district_among_the_signers() -> None:
    asked = application(concerns_leader=True, manner=Manner.COPY, outsider=Outsider.POLICE)
    safety = actor("safety", PersonRole.SAFETY)
    officer = actor("officer", PersonRole.DISTRICT_OFFICER)
    assert domain.check_decision(asked, safety) is PersonRole.SAFETY
    assert not domain.is_approved(asked, signed("safety", "safety"))
    once = replace(asked, approvals=(signed("safety", "safety"),))
    other = actor("safety 2", PersonRole.SAFETY)
    domain.check_decision(once, other)
    assert not domain.is_approved(once, signed("safety 2", "safety"))
    assert domain.check_decision(once, officer) is PersonRole.DISTRICT_OFFICER
    assert domain.is_approved(once, signed("officer", "district_officer"))
    leader = actor("leader", PersonRole.LEADER)
    assert code_of(domain.check_decision, asked, leader) == "district_decides"


def test_an_expired_approval_opens_nothing() -> None:
    asked = application(status=Status.READY, valid_until=NOW)
    opened = Supervision("s", "supervisor", "")
    check = retrieval.check_retriever
    check(asked, actor("r"), opened, trained=True, now=NOW)
    late = NOW + timedelta(seconds=1)
    assert code_of(check, asked, actor("r"), opened, trained=True, now=late) == "expired"


@pytest.mark.parametrize("status", list(Status))
def test_deadlines(status: Status) -> None:
    asked = application(status=status, decide_by=NOW, valid_until=NOW)
    assert domain.lapse_reason(asked, Rules(), NOW) is None
    expected = {
        Status.FILED: "not_decided",
        Status.APPROVED: "not_retrieved",
        Status.READY: "not_retrieved",
    }
    assert domain.lapse_reason(asked, Rules(), NOW + timedelta(seconds=1)) == expected.get(status)


def test_a_copy_leaves_once_and_to_the_one_named() -> None:
    copy = application(status=Status.READY, manner=Manner.COPY, outsider=Outsider.POLICE)
    retrieval.check_release(copy, " 王芳 ")
    assert code_of(retrieval.check_release, copy, "李四") == "other_recipient"
    for status in (Status.RELEASED, Status.RECORDED, Status.CLOSED):
        assert code_of(retrieval.check_release, replace(copy, status=status), "王芳") == "released"
    assert code_of(retrieval.check_release, application(status=Status.READY), "王芳") == "view_only"


def test_who_signs_the_record_and_as_what() -> None:
    asked = application(status=Status.RETRIEVED)

    def capacity(name: str, done: frozenset[Capacity] = frozenset()) -> Capacity:
        return retrieval.signing_capacity(asked, actor(name), "retriever", "supervisor", done)

    assert capacity("retriever") is Capacity.RETRIEVER
    assert capacity("supervisor") is Capacity.SUPERVISOR
    assert capacity("applicant") is Capacity.RECIPIENT
    check, done = retrieval.signing_capacity, {Capacity.RETRIEVER}
    assert code_of(check, asked, actor("x"), "retriever", "supervisor", ()) == "not_involved"
    assert code_of(check, asked, actor("retriever"), "retriever", "supervisor", done) == "signed"


@pytest.mark.parametrize(
    ("bucket", "folder", "name"),
    [
        ("rw-exports-s002", "s001-2026-0001/", "view/gate.mp4"),
        ("rw-exports-s001", "s001-2026-0002/", "view/gate.mp4"),
        ("rw-exports-s001", "s001-2026-0001/../x/", "view/gate.mp4"),
        ("rw-exports-s001", "s001-2026-0001/", "../../etc/passwd"),
        ("rw-exports-s001", "s001-2026-0001/", "/etc/passwd"),
    ],
)
def test_an_export_points_nowhere_else(bucket: str, folder: str, name: str) -> None:
    file = PackagedFile(name=name, size=1, digest="ab" * 32, kind="view", media_type="video/mp4")
    event = ExportReady(
        application="a",
        bucket=bucket,
        folder=folder,
        files=(file,),
        gaps=(),
        sources=("disk",),
        manifest="ab" * 32,
    )
    with pytest.raises(retrieval.BadExport):
        retrieval.check_export(application(), event)


def test_a_hold_is_never_shown_better_than_it_is() -> None:
    def state(**known: bool) -> HoldState:
        nothing = {"answered": False, "complete": False, "anything_gone": False, "over": False}
        return HoldState.of(**(nothing | known))

    assert state() is HoldState.NOT_YET
    assert state(answered=True) is HoldState.IN_PART
    assert state(answered=True, complete=True) is HoldState.IN_FORCE
    assert state(answered=True, complete=True, anything_gone=True) is HoldState.GONE
    assert state(answered=True, complete=True, over=True) is HoldState.OVER


@given(size=st.integers(1, 3 * AT_MOST), first=st.integers(0, 4 * AT_MOST), length=st.integers(0, AT_MOST))
def test_ranges_stay_within_the_file(size: int, first: int, length: int) -> None:
    for header in (f"bytes={first}-{first + length}", f"bytes={first}-", f"bytes=-{first}"):
        span = parse_range(header, size)
        if span is not None:
            assert 0 <= span.first <= span.last < size
            assert span.partial
        else:
            assert first >= size or header == "bytes=-0"


@pytest.mark.parametrize("header", [None, "", "bytes=-", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b"])
def test_what_is_no_single_range_gets_the_whole_file(header: str | None) -> None:
    span = parse_range(header, 100)
    assert span is not None
    assert (span.first, span.last, span.partial) == (0, 99, False)


@pytest.mark.parametrize(
    ("code", "before", "slip"),
    [
        ("wrong_password", 0, True),
        ("wrong_password", 1, True),
        ("wrong_password", 2, False),
        ("wrong_password", 9, False),
        ("other_recipient", 1, True),
        ("other_recipient", 2, False),
        ("same_signer", 0, True),
        ("released", 0, True),
        ("released", 2, False),
        ("no_supervision", 1, True),
        ("no_supervision", 2, False),
        ("not_trained", 0, True),
        ("expired", 0, True),
        ("not_declared", 0, True),
        ("viewing_over", 0, True),
        ("viewing_over", 50, True),
        ("not_retriever", 0, False),
        ("not_safety", 0, False),
        ("not_approver", 0, False),
        ("own_application", 0, False),
        ("not_apart", 0, False),
        ("not_approved", 0, False),
        ("view_only", 0, False),
        ("no_right", 0, False),
        ("unheard-of", 0, False),
    ],
)
def test_a_slip_is_no_violation_until_it_is_repeated(code: str, before: int, *, slip: bool) -> None:
    assert is_slip(code, before) == slip


def test_whoever_has_no_right_makes_no_slip() -> None:
    """The right is asked before the recipient: a stranger's wrong name is no mistyped one."""
    copy = application(status=Status.RELEASED, manner=Manner.COPY)
    for stranger in (actor("teacher", PersonRole.APPLICANT), actor("applicant", PersonRole.RETRIEVER)):
        assert not is_slip(str(code_of(retrieval.check_right, copy, stranger)), 0)
    retrieval.check_right(copy, actor("operator", PersonRole.RETRIEVER))
