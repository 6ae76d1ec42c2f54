"""The keeper's key and its place on the bus in the wrong hands: what footage suffers, and who hears of it."""

import base64
import json
from datetime import timedelta
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.retention import HoldInForce, PlanApplied, PlanIssued, PlanRefused
from reelwarden_retention.keys import key_id, read_private
from reelwarden_retention.shapes import Plan, digest_of_text
from tests.support.ingest import until
from tests.support.retention import filed
from tests.support.school_days import DAY, SCHOOL, coming_due, converged, goes_by, open_school
from tests.support.town import Town

DELAY = timedelta(hours=72)


def forged(plan: dict[str, Any], key: Ed25519PrivateKey) -> PlanIssued:
    """Signed as the keeper signs, whatever it says."""
    text = rfc8785.dumps(plan).decode()
    return PlanIssued(
        epoch=plan["epoch"],
        version=plan["version"],
        digest=digest_of_text(text),
        plan=text,
        signature=base64.b64encode(key.sign(text.encode())).decode(),
        key=key_id(key.public_key()),
    )


async def newest(place: Town) -> Plan:
    return Plan.model_validate_json((await place.heard(PlanIssued, "DISTRICT", SCHOOL))[-1].plan)


async def findings(place: Town, kind: str) -> list[dict[str, Any]]:
    admin = await place.admin()
    query = (
        "SELECT facts, severity FROM report.finding WHERE kind = $1 AND closed_at IS NULL ORDER BY opened_at"
    )
    return [
        {**json.loads(row["facts"]), "severity": row["severity"]} for row in await admin.fetch(query, kind)
    ]


async def goes_by_epoch(place: Town, epoch: int) -> bool:
    return (await place.heard(PlanApplied, "SITE", SCHOOL))[-1].epoch == epoch


async def test_zero_days_and_releases_for_all_holds_erase_nothing_early(place: Town) -> None:
    """The keeper sleeps, so that nothing undoes what is ordered; the held footage comes due meanwhile."""
    films = await open_school(place)
    held = coming_due(place, films, 1)
    assert held
    spared = frozenset(one.id for one in held)
    span = CameraSpan(camera="gate", start=held[0].start, end=held[-1].end)
    await place.say("desk", SCHOOL, filed("a1", [span], place.district_clock() + 40 * DAY))
    [in_force] = await place.wait(HoldInForce, "SITE", SCHOOL)
    await place.running["keeper"].kill()
    key, honest = read_private(place.keys.private("keeper")), await newest(place)

    def ordered(version: int, days: int) -> PlanIssued:
        plan = honest.model_dump(mode="json") | {"version": version, "release_delay_minutes": 0}
        now = place.district_clock().isoformat().replace("+00:00", "Z")
        for policy in plan["policies"]:
            policy["period"]["days"] = days
        plan["holds"], plan["issued_at"] = [], now
        plan["releases"] = [{"hold": one.id, "effective_at": now} for one in honest.holds]
        return forged(plan, key)

    for number, days in enumerate((0, 1, 29), 1):
        await place.say("keeper", SCHOOL, ordered(honest.version + number, days))
    refused = await place.wait(PlanRefused, "SITE", SCHOOL, count=3)
    assert [one.reason for one in refused] == ["malformed", "below-floor", "below-floor"]
    await until(lambda: _count(place, "plan-refused", 3))

    before = len(await place.heard(PlanApplied, "SITE", SCHOOL))
    await place.say("keeper", SCHOOL, ordered(honest.version + 9, 30))
    applied = (await place.wait(PlanApplied, "SITE", SCHOOL, count=before + 1))[-1]
    assert applied.version == honest.version + 9
    assert applied.effective_at > place.clocks[SCHOOL]() + DELAY - timedelta(minutes=10)
    for _ in range(2):
        await goes_by(place, films, spared)
    assert all(one.path.exists() for one in held)

    await place.running["keeper"].start()
    await until(lambda: goes_by_epoch(place, 2))
    assert [one.id for one in (await newest(place)).holds] == [in_force.hold]
    await until(lambda: _count(place, "plans-anew", 1))
    assert {
        one["severity"] for kind in ("plan-refused", "plans-anew") for one in await findings(place, kind)
    } == {"serious"}
    await goes_by(place, films, spared, days=3)
    await converged(place, films, spared)
    assert await place.letters() == []


async def _count(place: Town, kind: str, count: int) -> bool:
    return len(await findings(place, kind)) == count
