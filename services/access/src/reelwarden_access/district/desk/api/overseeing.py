"""Oversight: refusals, stopped sweeps, lost segments, training (R3.1, R3.2, R3.3, R7)."""

from typing import Any

from fastapi import APIRouter

from reelwarden_access.district.desk.api.office_of import At
from reelwarden_access.district.desk.bodies import Confirming, ReviewingParts, TrainingState
from reelwarden_common.web import SignedIn

router = APIRouter(tags=["oversight"])


@router.get("/denials", summary="Refused attempts")
async def denials(office: At, person: SignedIn) -> list[dict[str, Any]]:
    """At one's schools, for leader, safety, auditor and the district (R3.3)."""
    return await office.alarms(person, "denials")


@router.get("/sweeps", summary="Stopped sweeps")
async def sweeps(office: At, person: SignedIn) -> list[dict[str, Any]]:
    """Erasures that stopped and ask."""
    return await office.alarms(person, "sweeps")


@router.post("/sweeps/{sweep}/confirm", summary="Confirm a sweep")
async def confirm(office: At, person: SignedIn, sweep: str, body: Confirming) -> dict[str, str]:
    """District officer, with password (R3.1)."""
    await office.confirm_sweep(person, sweep, body.signed)
    return {"sweep": sweep}


@router.post("/applications/{application}/review-parts", summary="Review two parts by one person")
async def review_parts(
    office: At, person: SignedIn, application: str, body: ReviewingParts
) -> dict[str, str]:
    """District officer: at a school with too few people somebody approved and then retrieved (R4.3)."""
    done = await office.review_parts(person, application, body.opinion, body.signed)
    return {"id": done.id, "number": done.number}


@router.get("/lost", summary="Lost segments")
async def lost(office: At, person: SignedIn) -> list[dict[str, Any]]:
    """What vanished before it was due."""
    return await office.alarms(person, "lost")


@router.post("/lost/{segment}/restore", summary="Restore a lost segment")
async def restore(office: At, person: SignedIn, segment: str) -> dict[str, str]:
    """Safety officer: from the backup (R3.2)."""
    await office.ask_restore(person, segment)
    return {"segment": segment}


@router.get("/training", summary="Training")
async def training(office: At, person: SignedIn) -> TrainingState:
    """The rules in force, and whether they are acknowledged."""
    found = await office.training(person)
    return TrainingState(rules_version=found.version, acknowledged=found.acknowledged, text=found.text)


@router.post("/training/ack", summary="Acknowledge rules and training")
async def acknowledge(office: At, person: SignedIn) -> TrainingState:
    """Anybody, for themselves (R6, R7)."""
    await office.acknowledge_training(person)
    return await training(office, person)
