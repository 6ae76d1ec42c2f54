"""The keeper on a real database: applications become holds, sites are heard, plans are never doubled."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reelwarden_common.db import drift
from reelwarden_common.district import load
from reelwarden_common.errors import Early, Refused
from reelwarden_common.events.access import (
    ApplicationApproved,
    ApplicationClosed,
    ApplicationEvent,
    ApplicationLapsed,
    ApplicationRejected,
    ApplicationWithdrawn,
    SweepConfirmed,
)
from reelwarden_common.events.base import CameraSpan, Event
from reelwarden_common.events.report import KeyChanged, RuleSettings, RulesPublished
from reelwarden_common.events.retention import (
    HoldAsked,
    HoldDecided,
    HoldFrozen,
    HoldLapsed,
    HoldReleased,
    HoldsKept,
    PlanApplied,
    PlanIssued,
)
from reelwarden_common.messaging.postgres import PgUnits, open_pool
from reelwarden_retention.district.keeper.handlers import HANDLERS
from reelwarden_retention.district.keeper.loops import lapse, refresh
from reelwarden_retention.district.keeper.policy import bring_up_to_date
from reelwarden_retention.district.keeper.store import KeeperStore
from reelwarden_retention.keys import key_id
from reelwarden_retention.shapes import MAX_HOLDS, Plan, believed
from tests.support.retention import (
    DELAY,
    NOW,
    SCHOOL,
    TEN,
    District,
    Time,
    district_toml,
    envelope,
    filed,
    hold,
)

SPANS = (
    CameraSpan(camera="gate", start=NOW - timedelta(hours=2), end=NOW - timedelta(hours=1)),
    CameraSpan(camera="yard", start=NOW - timedelta(hours=2), end=NOW - timedelta(hours=1)),
)
UNTIL = NOW + timedelta(days=30)


async def hear(office: District, *events: Event, school: str = SCHOOL) -> None:
    for event in events:
        async with office.units.begin() as store:
            await HANDLERS[type(event)](event, envelope(event, school=school), store)


async def plans(office: District, school: str = SCHOOL) -> list[Plan]:
    """All plans that were issued, each believed by a site that pins the key."""
    public = office.office.key.public_key()
    issued = await office.said(PlanIssued, school)
    return [believed(event, school, {key_id(public): public}) for event in issued]


def approved(version: int = 2, until_days: int = 60) -> ApplicationApproved:
    return ApplicationApproved(
        application="a1",
        version=version,
        approvers=("a-2",),
        approver_roles=("leader",),
        form_digest="0" * 64,
        valid_until=UNTIL,
        hold_until=NOW + timedelta(days=until_days),
    )


ENDINGS: Sequence[Callable[[int], ApplicationEvent]] = (
    lambda v: ApplicationRejected(application="a1", version=v, approver="a-2", reason="no"),
    lambda v: ApplicationWithdrawn(application="a1", version=v),
    lambda v: ApplicationLapsed(application="a1", version=v, reason="overdue"),
    lambda v: ApplicationClosed(application="a1", version=v, outcome="viewed"),
)


async def test_an_application_holds_its_spans_at_once_and_longer_when_approved(office: District) -> None:
    await hear(office, filed("a1", SPANS, UNTIL))
    asked = [event.hold for event in await office.said(HoldAsked)]
    assert [one.span for one in asked] == list(SPANS)
    await hear(office, approved())
    decided = [event.hold for event in await office.said(HoldDecided)]
    assert {one.id for one in decided} == {one.id for one in asked}
    first, second = await plans(office)
    assert {h.until for h in first.holds} == {UNTIL}
    assert {h.until for h in second.holds} == {NOW + timedelta(days=60)}
    assert (first.version, second.version, second.epoch) == (1, 2, 1)
    assert second.previous == (await office.said(PlanIssued))[0].digest


@pytest.mark.parametrize("ending", ENDINGS)
async def test_however_it_ends_the_release_is_signed_and_delayed(
    office: District, time: Time, ending: Callable[[int], ApplicationEvent]
) -> None:
    await hear(office, filed("a1", SPANS, UNTIL), ending(2))
    newest = (await plans(office))[-1]
    assert len(newest.holds) == 2, "a hold is never merely left out"
    assert {r.hold for r in newest.releases} == {h.id for h in newest.holds}
    assert {r.effective_at for r in newest.releases} == {NOW + DELAY}
    assert [e.effective_at for e in await office.said(HoldReleased)] == [NOW + DELAY] * 2
    time.pass_(timedelta(days=31))
    await lapse(office.units)
    assert await office.said(HoldLapsed) == [], "it was released before"


async def test_events_are_applied_in_their_order_and_once(office: District) -> None:
    with pytest.raises(Early):
        await hear(office, approved())
    with pytest.raises(Early):
        await hear(office, ENDINGS[3](3))
    await hear(office, filed("a1", SPANS, UNTIL))
    await hear(office, filed("a1", SPANS, UNTIL), approved(), approved(), filed("a1", SPANS, UNTIL))
    assert len(await plans(office)) == 2
    assert len(await office.said(HoldAsked)) == 2


async def test_a_span_that_ends_before_it_begins_is_refused_and_leaves_nothing(office: District) -> None:
    bad = CameraSpan(camera="gate", start=NOW, end=NOW)
    with pytest.raises(Refused, match="before it begins"):
        await hear(office, filed("a1", (SPANS[0], bad), UNTIL))
    assert await office.said(HoldAsked) == []
    assert await plans(office) == []


async def test_more_holds_than_a_plan_carries_are_refused(office: District) -> None:
    spans = [SPANS[0].model_copy(update={"end": NOW + n * TEN}) for n in range(MAX_HOLDS)]
    await hear(office, filed("a1", spans, UNTIL))
    assert len((await plans(office))[0].holds) == MAX_HOLDS
    with pytest.raises(Refused, match="at most"):
        await hear(office, filed("a2", SPANS[:1], UNTIL))


async def test_a_hold_lapses_by_its_end_date(office: District, time: Time) -> None:
    await hear(office, filed("a1", SPANS, UNTIL))
    await lapse(office.units)
    assert await office.said(HoldLapsed) == []
    time.pass_(timedelta(days=30))
    await asyncio.gather(lapse(office.units), lapse(office.units))
    assert len(await office.said(HoldLapsed)) == 2
    await refresh(office.units, timedelta(hours=24))
    assert (await plans(office))[-1].holds == ()


async def test_a_confirmed_sweep_travels_in_the_plans_for_a_month(office: District, time: Time) -> None:
    confirmed = SweepConfirmed(sweep="sweep-1", actor="a-9")
    await hear(office, confirmed, confirmed)
    [plan] = await plans(office)
    assert plan.confirmed_sweeps == ("sweep-1",)
    time.pass_(timedelta(days=31))
    await refresh(office.units, timedelta(hours=24))
    await refresh(office.units, timedelta(hours=24))
    assert [p.confirmed_sweeps for p in await plans(office)] == [("sweep-1",), ()]


async def test_a_freeze_of_a_school_becomes_a_hold(office: District) -> None:
    frozen = HoldFrozen(hold=hold("f1", NOW, NOW + TEN), actor="officer")
    await hear(office, frozen, frozen)
    assert [h.id for h in (await plans(office))[-1].holds] == ["f1"]
    assert len(await office.said(HoldAsked)) == 1


async def test_a_restored_keeper_takes_back_what_the_site_keeps_and_goes_on_in_a_new_epoch(
    office: District,
) -> None:
    """The database was restored from before the holds: the site is at version 9, we are at 1."""
    await hear(office, filed("a1", SPANS[:1], UNTIL))
    own = (await plans(office))[0].holds[0]
    lost = hold("lost", NOW, NOW + TEN)
    longer = own.model_copy(update={"until": UNTIL + timedelta(days=9)})
    await hear(office, HoldsKept(epoch=1, version=9, holds=(longer, lost)))
    newest = (await plans(office))[-1]
    assert (newest.epoch, newest.version, newest.previous) == (2, 1, None)
    assert {h.id: h.until for h in newest.holds} == {own.id: longer.until, "lost": lost.until}
    await hear(office, HoldsKept(epoch=2, version=1, holds=(longer, lost)))
    assert len(await plans(office)) == 2, "nothing new, no new plan"


async def test_a_site_cannot_drive_the_epoch_away_nor_speak_for_another(office: District) -> None:
    await hear(office, filed("a1", SPANS, UNTIL))
    await hear(office, HoldsKept(epoch=2**40, version=1, holds=()))
    assert len(await plans(office)) == 1
    other = HoldsKept(epoch=1, version=9, holds=(hold("x", NOW, NOW + TEN),))
    await hear(office, other, school="s002")
    assert len(await plans(office)) == 1
    assert [h.id for h in (await plans(office, "s002"))[-1].holds] == ["x"]


async def test_released_and_lapsed_holds_are_not_taken_back(office: District, time: Time) -> None:
    await hear(office, filed("a1", SPANS, UNTIL), ENDINGS[0](2))
    kept = (await plans(office))[-1].holds
    time.pass_(DELAY + TEN)
    await hear(office, HoldsKept(epoch=1, version=2, holds=kept))
    assert len(await plans(office)) == 2


async def test_a_lapsed_hold_that_was_prolonged_before_the_restore_is_taken_back(
    office: District, time: Time
) -> None:
    """The restored database knows the hold from before its approval: it lapsed there meanwhile."""
    await hear(office, filed("a1", SPANS[:1], UNTIL))
    own = (await plans(office))[0].holds[0]
    time.pass_(UNTIL - NOW + TEN)
    await lapse(office.units)
    longer = own.model_copy(update={"until": UNTIL + timedelta(days=30)})
    await hear(office, HoldsKept(epoch=1, version=9, holds=(longer,)))
    assert [h.until for h in (await plans(office))[-1].holds] == [longer.until]
    time.pass_(timedelta(days=31))
    await lapse(office.units)
    count = len(await plans(office))
    await hear(office, HoldsKept(epoch=2, version=1, holds=(longer,)))
    assert len(await plans(office)) == count, "over is over"


async def test_policies_come_from_the_file_and_shorten_only_after_the_delay(
    office: District, tmp_path: Path
) -> None:
    path = district_toml(tmp_path)
    assert await bring_up_to_date(office.units, load(path)) == [SCHOOL]
    assert await bring_up_to_date(office.units, load(path)) == []
    path.write_text(path.read_text().replace("keep_days = 90", "keep_days = 45"))
    assert await bring_up_to_date(office.units, load(path)) == [SCHOOL]
    gate, yard = (await plans(office))[-1].policies
    assert (gate.period.days, gate.superseded) == (30, ())
    assert (yard.period.days, [(s.period.days, s.until) for s in yard.superseded]) == (
        45,
        [(90, NOW + DELAY)],
    )
    path.write_text(path.read_text().replace("keep_days = 45", "keep_days = 120"))
    await bring_up_to_date(office.units, load(path))
    _, yard = (await plans(office))[-1].policies
    assert (yard.period.days, yard.superseded) == (120, ())
    path.write_text(path.read_text().partition('[[schools.cameras]]\nid = "yard"')[0])
    await bring_up_to_date(office.units, load(path))
    assert [p.period.camera for p in (await plans(office))[-1].policies] == ["gate", "yard"]


async def replica(office: District) -> PgUnits[KeeperStore]:
    pool = await open_pool(office.url, "retention", 4)
    return PgUnits(pool, "keeper", lambda conn: KeeperStore(conn, office.office))


async def test_two_keepers_side_by_side_number_no_plan_twice(office: District, tmp_path: Path) -> None:
    both = [office.units, await replica(office)]
    config = load(district_toml(tmp_path))
    try:
        changed = await asyncio.gather(*(bring_up_to_date(units, config) for units in both))
        assert sorted(map(len, changed)) == [0, 1]

        async def file(number: int) -> None:
            event = filed(f"b{number}", SPANS[:1], UNTIL)
            sent = envelope(event, f"e{number}")

            async def work(store: KeeperStore) -> None:
                await HANDLERS[type(event)](event, sent, store)

            await asyncio.gather(*(units.once(sent, work) for units in both))

        await asyncio.gather(*(file(number) for number in range(12)))
    finally:
        await both[1]._pool.close()
    issued = await plans(office)
    assert [(p.epoch, p.version) for p in issued] == [(1, n) for n in range(1, 14)]
    digests = [event.digest for event in await office.said(PlanIssued)]
    assert [p.previous for p in issued] == [None, *digests[:-1]]
    assert len(issued[-1].holds) == 12
    assert len(await office.said(HoldAsked)) == 12


async def test_what_a_site_goes_by_is_remembered(office: District) -> None:
    def applied(n: int) -> Awaitable[None]:
        return hear(office, PlanApplied(epoch=1, version=n, digest="0" * 64, effective_at=NOW))

    await applied(1)
    await applied(2)
    row = await office.pool.fetchrow("SELECT epoch, version FROM sites")
    assert tuple(row) == (1, 2)


async def test_migrations_equal_the_schema(fresh_database: str) -> None:
    admin = await asyncpg.connect(fresh_database)
    try:
        assert await drift(admin, "retention") == []
    finally:
        await admin.close()


async def test_the_rule_set_in_force_sets_keep_days_within_their_floor(
    office: District, time: Time, tmp_path: Path
) -> None:
    path = district_toml(tmp_path)
    config = load(path)
    await bring_up_to_date(office.units, config)

    async def days(version: int, since: datetime, keep_days: int | None) -> dict[str, int]:
        event = RulesPublished(
            version=version,
            effective_from=since,
            digest="ab" * 32,
            settings=None if keep_days is None else RuleSettings(keep_days=keep_days),
        )
        await hear(office, event)
        await bring_up_to_date(office.units, config)
        return {one.period.camera: one.period.days for one in (await plans(office))[-1].policies}

    assert await days(2, NOW, 45) == {"gate": 45, "yard": 90}, "what the file says of a camera stays"
    assert await days(3, NOW + DELAY, 60) == {"gate": 45, "yard": 90}, "not in force yet"
    time.pass_(DELAY)
    await bring_up_to_date(office.units, config)
    assert (await plans(office))[-1].policies[0].period.days == 60
    assert await days(4, NOW, 7) == {"gate": 30, "yard": 90}, "no rule set goes below the floor"
    gate = (await plans(office))[-1].policies[0]
    assert [(one.period.days, one.until) for one in gate.superseded] == [(60, time.now + DELAY)]
    assert await days(5, NOW, None) == {"gate": 30, "yard": 90}, "nothing said: the file counts again"


async def test_another_key_that_signs_plans_is_told_once(office: District) -> None:
    async def issue(key: Ed25519PrivateKey) -> None:
        async with office.units.begin() as store:
            store.office = replace(store.office, key=key)
            await store.lock(SCHOOL)
            await store.issue(SCHOOL)

    own, other = office.office.key, Ed25519PrivateKey.generate()
    for key in (own, own, other, other):
        await issue(key)
    ids = [key_id(key.public_key()) for key in (own, other)]
    (changed,) = await office.said(KeyChanged, SCHOOL)
    assert (changed.of, changed.before, changed.key) == ("plans", *ids)
