"""What no order, repetition, gap or key may bring about: a hold lost, a release or shortening too early."""

import base64
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from reelwarden_common.events.retention import CameraPeriod, PlanIssued
from reelwarden_retention.keys import BadKey, key_id, read_pinned, read_private
from reelwarden_retention.periods import counting, due, keep_period, succeed
from reelwarden_retention.shapes import CameraPolicy, Plan, Superseded, UntrustedPlan, believed, signed
from reelwarden_retention.site.reaper.brake import Limits, StoppedSweep, decide
from reelwarden_retention.site.reaper.domain import (
    Footage,
    KeptHold,
    Kind,
    Presence,
    candidates,
    check_takes_over,
    merged_holds,
)
from tests.support.retention import DELAY, NOW, SCHOOL, TEN, hold, key_file, period, plan, released

KEY = Ed25519PrivateKey.generate()
PINNED = {key_id(KEY.public_key()): KEY.public_key()}
HOURS = st.integers(0, 200).map(lambda n: timedelta(hours=n))
PERIODS = st.builds(
    period,
    days=st.integers(30, 40),
    grace_minutes=st.sampled_from([0, 720]),
    zone=st.sampled_from(["Asia/Shanghai", "Europe/Berlin"]),
    managed=st.booleans(),
)


# plans that are believed


def test_a_signed_plan_is_believed() -> None:
    wanted = plan(3, holds=(hold("h1", NOW, NOW + TEN),))
    assert believed(signed(wanted, KEY), SCHOOL, PINNED) == wanted


def tampered(**changes: object) -> PlanIssued:
    return signed(plan(3), KEY).model_copy(update=changes)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (signed(plan(3), Ed25519PrivateKey.generate()), "forged"),
        (tampered(plan=plan(4).text), "forged"),
        (tampered(signature="AAAA"), "forged"),
        (tampered(signature="not base64!"), "forged"),
        (tampered(version=4), "malformed"),
        (tampered(epoch=2), "malformed"),
        (tampered(digest="0" * 64), "malformed"),
        (signed(plan(3, school="s002"), KEY), "other-school"),
    ],
)
def test_what_is_not_believed(event: PlanIssued, reason: str) -> None:
    with pytest.raises(UntrustedPlan) as refused:
        believed(event, SCHOOL, PINNED)
    assert refused.value.reason == reason


@pytest.mark.parametrize("text", ["{}", "not json", '{"document": "reelwarden.plan.v1"}', plan(3).text + " "])
def test_a_right_signature_makes_no_plan_of_other_text(text: str) -> None:
    event = tampered(plan=text, signature=base64.b64encode(KEY.sign(text.encode())).decode())
    with pytest.raises(UntrustedPlan) as refused:
        believed(event, SCHOOL, PINNED)
    assert refused.value.reason == "malformed"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=64), st.integers(1, 2**53 - 1))
def test_what_is_signed_is_rfc_8785_whatever_people_write(purpose: str, version: int) -> None:
    held = hold("h-1", NOW, NOW + TEN).model_copy(update={"purpose": purpose})
    drafted = plan(version, holds=(held,))
    assert drafted.text.encode() == rfc8785.dumps(drafted.model_dump(mode="json"))


def test_which_plans_take_over() -> None:
    known = (1, 5, "a" * 64)
    assert check_takes_over(plan(6), "b" * 64, known, floor)
    assert check_takes_over(plan(60), "b" * 64, known, floor), "a gap is no reason"
    assert check_takes_over(plan(1, epoch=2), "b" * 64, known, floor), "a restored district"
    assert not check_takes_over(plan(5), "a" * 64, known, floor), "known"
    for old in (plan(4), plan(5)):
        with pytest.raises(UntrustedPlan, match="in force"):
            check_takes_over(old, "b" * 64, known, floor)
    with pytest.raises(UntrustedPlan, match="in force"):
        check_takes_over(plan(90), "b" * 64, (2, 1, "a" * 64), floor)


def floor(camera: str) -> int:
    return 90 if camera == "gate-of-a-key-target" else 30


def test_a_key_targets_floor_is_its_own() -> None:
    enough = CameraPolicy(period=period(days=30))
    short = enough.model_copy(
        update={"period": enough.period.model_copy(update={"camera": "gate-of-a-key-target", "days": 89})}
    )
    assert check_takes_over(plan(1, policies=(enough,)), "b" * 64, None, floor)
    with pytest.raises(UntrustedPlan, match="at least 90"):
        check_takes_over(plan(1, policies=(enough, short)), "b" * 64, None, floor)


def test_the_floor_cannot_be_signed_away() -> None:
    short = CameraPolicy(period=period(days=29))
    with pytest.raises(UntrustedPlan) as refused:
        check_takes_over(plan(1, policies=(short,)), "b" * 64, None, floor)
    assert refused.value.reason == "below-floor"


def test_a_shorter_period_that_is_superseded_shortens_nothing() -> None:
    """A camera that becomes a key target, with another grace: what counted before comes along for a while."""
    before = Superseded(period=period(days=1), until=NOW + timedelta(days=3))
    policy = CameraPolicy(period=period(), superseded=(before,))
    assert check_takes_over(plan(1, policies=(policy,)), "b" * 64, None, floor)
    alone = due(NOW, CameraPolicy(period=period()))
    assert alone is not None
    assert due(NOW, policy) == alone


def test_keys_are_read_or_named(tmp_path: Path) -> None:
    folder = tmp_path
    private, public = key_file(folder, KEY)
    other = Ed25519PrivateKey.generate()
    _, second = key_file(folder, other, "next")
    assert read_private(private).private_bytes_raw() == KEY.private_bytes_raw()
    public.write_bytes(public.read_bytes() + second.read_bytes())
    assert set(read_pinned(public)) == {key_id(KEY.public_key()), key_id(other.public_key())}
    for wrong in (folder / "absent.pem", private):
        with pytest.raises(BadKey, match=wrong.name):
            read_pinned(wrong)
    with pytest.raises(BadKey, match=public.name):
        read_private(public)


# periods


@given(st.lists(st.tuples(HOURS, PERIODS), min_size=1, max_size=6), HOURS, st.integers(0, 2000))
def test_nothing_is_due_before_what_was_promised_within_the_delay(
    changes: list[tuple[timedelta, CameraPeriod]], after: timedelta, age: int
) -> None:
    """At any moment, every period that was in force within the delay before it is still honoured."""
    end = NOW - timedelta(hours=age)
    now, policy = NOW, None
    ruled: list[tuple[datetime, datetime, CameraPeriod]] = []
    for wait, wanted in changes:
        if policy is not None:
            ruled.append((now, now + wait, policy.period))
        now += wait
        policy = succeed(policy, CameraPolicy(period=wanted), now, DELAY)
    assert policy is not None
    now += after
    ruled.append((now - after, now, policy.period))
    moment = due(end, policy)
    if moment is None or moment > now:
        return
    for since, until, promised in ruled:
        if until > since and until + DELAY > now:
            assert promised.managed
            assert keep_period(promised).due(end) <= now


@given(PERIODS, PERIODS, HOURS)
def test_a_longer_period_counts_at_once_and_every_one_counts_in_the_end(
    first: CameraPeriod, second: CameraPeriod, later: timedelta
) -> None:
    policy = succeed(None, CameraPolicy(period=first), NOW, DELAY)
    policy = succeed(policy, CameraPolicy(period=second), NOW, DELAY)
    end = NOW - timedelta(days=10)
    now = due(end, policy)
    own = keep_period(second).due(end) if second.managed else None
    assert (now is None) == (own is None)
    if own is not None and now is not None:
        assert own <= now <= max(own, NOW + DELAY, keep_period(first).due(end))
    settled = succeed(policy, CameraPolicy(period=second), NOW + DELAY + later, DELAY)
    assert settled == CameraPolicy(period=second)
    assert counting(settled, NOW + DELAY + later) == second


# holds


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[timedelta, Plan]]:
    """Plans as a careless or hostile keeper might issue them: holds left out, shortened, released at once."""
    names = ["h1", "h2", "h3"]
    history, at = [], timedelta(0)
    for version in range(1, draw(st.integers(2, 7))):
        at += draw(HOURS)
        held = draw(st.lists(st.sampled_from(names), unique=True))
        let_go = draw(st.lists(st.sampled_from(names), unique=True, max_size=2))
        holds = tuple(
            hold(name, NOW, NOW + TEN, until=NOW + timedelta(days=draw(st.integers(1, 60)))) for name in held
        )
        releases = tuple(released(name, NOW + draw(HOURS)) for name in let_go)
        history.append((at, plan(version, holds=holds, releases=releases)))
    return history


@given(histories(), st.randoms(use_true_random=False))
def test_holds_survive_any_order_repetition_and_loss_of_plans(
    history: list[tuple[timedelta, Plan]], chance: random.Random
) -> None:
    """A hold that was received stands until its latest end date, unless a plan that is in force released it
    at least the delay ago."""
    known: dict[str, KeptHold] = {}
    in_force: tuple[int, int, str] | None = None
    now = NOW
    received: dict[str, datetime] = {}
    released_since: dict[str, datetime] = {}
    deliveries = [h for h in history for _ in range(chance.randint(0, 2))]
    chance.shuffle(deliveries)
    for wait, heard in deliveries:
        now += wait / 4
        digest = f"{heard.version:064d}"
        try:
            if not check_takes_over(heard, digest, in_force, floor):
                continue
        except UntrustedPlan:
            continue
        known = merged_holds(known, heard, now, DELAY)
        in_force = (heard.epoch, heard.version, digest)
        for one in heard.holds:
            received[one.id] = max(one.until, received.get(one.id, one.until))
        named = {r.hold for r in heard.releases}
        released_since = {n: released_since.get(n, now) for n in named if n in received} | {
            n: since
            for n, since in released_since.items()
            if since + DELAY <= now and n not in named and n not in {h.id for h in heard.holds}
        }
        for moment in (now, now + DELAY / 2, now + DELAY, now + timedelta(days=61)):
            for name, until in received.items():
                since = released_since.get(name)
                freed = since is not None and since + DELAY <= moment
                if moment < until and not freed:
                    assert known[name].stands(moment)


def test_a_pending_release_is_stopped_by_a_plan_without_it() -> None:
    one = hold("h1", NOW, NOW + TEN)
    known = merged_holds({}, plan(1, holds=(one,), releases=(released("h1", NOW),)), NOW, DELAY)
    assert not known["h1"].stands(NOW + DELAY)
    stopped = merged_holds(known, plan(2, holds=(one,)), NOW + DELAY / 2, DELAY)
    assert stopped["h1"].stands(NOW + 3 * DELAY)


def test_a_hold_cannot_move_to_another_camera() -> None:
    known = merged_holds({}, plan(1, holds=(hold("h1", NOW, NOW + TEN),)), NOW, DELAY)
    with pytest.raises(UntrustedPlan):
        merged_holds(known, plan(2, holds=(hold("h1", NOW, NOW + TEN, camera="yard"),)), NOW, DELAY)


# sweeps


FOOTAGE = st.builds(
    lambda camera, start, length, presence, vault: Footage(
        id=f"{camera}-{start}-{length}-{presence}",
        camera=camera,
        start=NOW - timedelta(hours=start),
        end=NOW - timedelta(hours=start) + timedelta(seconds=length),
        believed_end=NOW - timedelta(hours=start) + timedelta(seconds=length),
        size=1,
        digest="a" * 64,
        locator="x.mp4",
        kind=Kind.SEGMENT,
        presence=presence,
        vault="gate/a.mp4" if vault else None,
    ),
    camera=st.sampled_from(["gate", "yard", "unknown"]),
    start=st.integers(0, 24 * 60),
    length=st.integers(0, 7200),
    presence=st.sampled_from(list(Presence)),
    vault=st.booleans(),
)
HOLDS = st.builds(
    lambda camera, start, length, until, release: KeptHold(
        hold(
            f"{camera}-{start}",
            NOW - timedelta(hours=start),
            NOW - timedelta(hours=start) + timedelta(hours=length),
            camera=camera,
            until=NOW + timedelta(hours=until),
        ),
        None if release is None else NOW + timedelta(hours=release),
    ),
    camera=st.sampled_from(["gate", "yard"]),
    start=st.integers(0, 24 * 60),
    length=st.integers(1, 200),
    until=st.integers(-10, 10),
    release=st.none() | st.integers(-10, 10),
)


@given(st.lists(FOOTAGE, max_size=30), st.lists(HOLDS, max_size=5), PERIODS)
def test_candidates_are_due_and_never_held(
    footage: list[Footage], holds: list[KeptHold], for_yard: CameraPeriod
) -> None:
    policies = {
        "gate": CameraPolicy(period=period()),
        "yard": CameraPolicy(period=for_yard.model_copy(update={"camera": "yard"})),
    }
    margins = {"gate": TEN, "yard": timedelta(minutes=1)}
    found = candidates(footage, policies, holds, margins, NOW)
    for one in found:
        footage_of = one.footage
        assert one.due <= NOW
        assert footage_of.camera in policies
        assert footage_of.presence is Presence.PRESENT or footage_of.vault
        if footage_of.presence is Presence.PRESENT:
            assert policies[footage_of.camera].period.managed
        for kept in holds:
            span = kept.hold.span
            overlaps = footage_of.start < span.end + TEN and footage_of.end > span.start - TEN
            if kept.stands(NOW) and span.camera == footage_of.camera:
                assert not overlaps


@given(st.lists(FOOTAGE, max_size=40, unique_by=lambda f: f.id), st.booleans(), st.integers(0, 400))
def test_the_brake_lets_nothing_unusual_pass(
    footage: Sequence[Footage], erased_before: bool, catalogue: int
) -> None:
    policies = {camera: CameraPolicy(period=period(camera)) for camera in ("gate", "yard")}
    due_now = candidates(footage, policies, (), {}, NOW)
    decision = decide(due_now, catalogue, None, Limits(20, 0.2), erased_before=erased_before)
    if not erased_before:
        assert decision.erase == ()
    assert len(decision.erase) <= max(20, catalogue // 5)
    if decision.stop is not None and decision.sweep is not None:
        some = frozenset(one.footage.id for one in due_now[:3])
        waiting = StoppedSweep(decision.sweep, confirmed=False, items=some)
        assert decide(due_now, catalogue, waiting, Limits(20, 0.2), erased_before=True).erase == ()
        confirmed = StoppedSweep(decision.sweep, confirmed=True, items=some)
        let_go = decide(due_now, catalogue, confirmed, Limits(20, 0.2), erased_before=False)
        assert {one.footage.id for one in let_go.erase} == some
