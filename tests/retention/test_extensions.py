"""Holds that keep footage for longer (R3.1): extensions, cases, reviews, releases that are stopped."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from reelwarden_common.errors import Early
from reelwarden_common.events.access import (
    ApplicationRejected,
    ExtensionEnded,
    ExtensionFiled,
    ExtensionGranted,
    ReleaseStopped,
)
from reelwarden_common.events.base import CameraSpan, Event
from reelwarden_common.events.retention import (
    HoldAsked,
    HoldDecided,
    HoldLapsed,
    HoldReleased,
    HoldSource,
    PlanIssued,
)
from reelwarden_retention.district.keeper.handlers import HANDLERS
from reelwarden_retention.district.keeper.loops import lapse
from reelwarden_retention.keys import key_id
from reelwarden_retention.shapes import Plan, believed
from tests.support.retention import DELAY, NOW, SCHOOL, District, Time, envelope, filed

SPAN = CameraSpan(camera="gate", start=NOW - timedelta(hours=2), end=NOW - timedelta(hours=1))
DAYS_90 = NOW + timedelta(days=90)


async def hear(office: District, *events: Event) -> None:
    for event in events:
        async with office.units.begin() as store:
            await HANDLERS[type(event)](event, envelope(event), store)


async def newest(office: District) -> Plan:
    public = office.office.key.public_key()
    event = (await office.said(PlanIssued, SCHOOL))[-1]
    return believed(event, SCHOOL, {key_id(public): public})


def asked(source: HoldSource = HoldSource.CASE, until: datetime = DAYS_90) -> ExtensionFiled:
    return ExtensionFiled(
        extension="x1",
        version=1,
        number="s001-2026-0002",
        source=source,
        spans=(SPAN,),
        purpose="extension",
        applicant="a-1",
        until=until,
    )


def granted(version: int, until: datetime, *, review: bool = False) -> ExtensionGranted:
    return ExtensionGranted(
        extension="x1", version=version, signer="a-2", form_digest="0" * 64, review=review, until=until
    )


def stopped(version: int, cause: str = "x1") -> ReleaseStopped:
    return ReleaseStopped(cause=cause, version=version, actor="a-2")


@pytest.mark.parametrize("source", [HoldSource.EXTENSION, HoldSource.CASE])
async def test_footage_is_held_from_the_moment_it_is_asked_for(office: District, source: HoldSource) -> None:
    await hear(office, asked(source))
    [hold] = (await newest(office)).holds
    assert (hold.source, hold.cause, hold.span, hold.until) == (source, "x1", SPAN, DAYS_90)
    assert [e.hold for e in await office.said(HoldAsked)] == [hold]
    await hear(office, granted(2, DAYS_90), granted(2, DAYS_90))
    assert [e.hold for e in await office.said(HoldDecided)] == [hold]


async def test_a_review_makes_it_longer_and_never_shorter(office: District) -> None:
    renewed = DAYS_90 + timedelta(days=60)
    await hear(office, asked(), granted(2, DAYS_90), granted(3, renewed, review=True))
    assert [h.until for h in (await newest(office)).holds] == [renewed]
    await hear(office, granted(4, NOW + timedelta(days=1), review=True))
    assert [h.until for h in (await newest(office)).holds] == [renewed]


async def test_a_review_that_arrives_after_the_end_date_still_counts(office: District, time: Time) -> None:
    """It was signed in time; the keeper was away."""
    await hear(office, asked(), granted(2, DAYS_90))
    time.pass_(timedelta(days=90))
    await lapse(office.units)
    assert len(await office.said(HoldLapsed)) == 1
    renewed = DAYS_90 + timedelta(days=90)
    await hear(office, granted(3, renewed, review=True))
    assert [h.until for h in (await newest(office)).holds] == [renewed]


async def test_without_a_review_it_ends_by_its_date(office: District, time: Time) -> None:
    await hear(office, asked(), granted(2, DAYS_90))
    time.pass_(timedelta(days=90))
    await lapse(office.units)
    assert [e.cause for e in await office.said(HoldLapsed)] == ["x1"]


@pytest.mark.parametrize("reason", ["rejected", "withdrawn", "not_decided", "achieved"])
async def test_however_it_ends_the_release_waits(office: District, reason: str) -> None:
    await hear(office, asked(), ExtensionEnded(extension="x1", version=2, reason=reason))
    [release] = (await newest(office)).releases
    assert release.effective_at == NOW + DELAY
    assert [(e.cause, e.reason) for e in await office.said(HoldReleased)] == [("x1", reason)]


async def test_steps_are_applied_in_their_order(office: District) -> None:
    with pytest.raises(Early):
        await hear(office, granted(2, DAYS_90))
    with pytest.raises(Early):
        await hear(office, stopped(3))


def _application() -> Sequence[Event]:
    end = ApplicationRejected(application="x1", version=2, approver="a-2", reason="no")
    return filed("x1", (SPAN,), DAYS_90), end


@pytest.mark.parametrize(
    "steps", [(asked(), ExtensionEnded(extension="x1", version=2, reason="achieved")), _application()]
)
async def test_a_release_is_stopped_while_it_waits(office: District, steps: Sequence[Event]) -> None:
    await hear(office, *steps, stopped(3), stopped(3))
    plan = await newest(office)
    assert plan.releases == ()
    assert [h.until for h in plan.holds] == [DAYS_90]
    assert len(await office.said(HoldDecided)) == 1


async def test_a_release_that_took_effect_is_not_stopped(office: District, time: Time) -> None:
    """The footage may be gone: nobody shall believe that it is held."""
    await hear(office, asked(), ExtensionEnded(extension="x1", version=2, reason="achieved"))
    time.pass_(DELAY)
    await hear(office, stopped(3))
    assert await office.said(HoldDecided) == []
    assert len((await newest(office)).releases) == 1
