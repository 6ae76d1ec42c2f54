"""Step 4's attacks on the plan, and step 5: what is due is erased, with certificates; what is held is not."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nats.js.api import RawStreamMsg

from reelwarden_common.envelope import encode
from reelwarden_common.events.retention import PlanIssued
from reelwarden_common.messaging.nats_config import TOPOLOGY_USER
from reelwarden_common.messaging.topology import Stream
from reelwarden_local.demo.scene import OTHER, SCHOOL, Scene
from reelwarden_local.demo.story import Story
from reelwarden_local.demo.witness import until
from reelwarden_local.words import Words
from reelwarden_retention.shapes import Plan, signed


def _expired_before() -> datetime:
    return datetime.now(UTC) - timedelta(days=32)


async def attacked(scene: Scene, story: Story) -> None:
    """A plan signed by a strange key and a plan of yesterday, sent with the keeper's own bus credentials."""
    first = await _plan(scene, oldest=True)
    newest = Plan.model_validate_json((await _plan(scene, oldest=False)).plan)
    forged = newest.model_copy(update={"version": newest.version + 1, "holds": ()})
    await _send(scene, signed(forged, Ed25519PrivateKey.generate()))
    await _send(scene, first)
    officer = await scene.person("he.qu")

    async def look() -> dict[str, Any] | None:
        found = await officer.get(f"/api/findings?school={SCHOOL}", at="dashboard")
        reasons = {f["facts"].get("reason"): f for f in found if f["kind"] == "plan-refused"}
        return reasons if {"forged", "outdated"} <= reasons.keys() else None

    reasons = await until(Words("伪造和过时的计划被拒绝", "the forged and the outdated plan refused"), look)
    story.prove(
        "R3.1",
        "伪造的计划和过时的计划都被学校拒绝并上报",
        "a forged and an outdated plan are refused by the site and reported",
        holds={"forged", "outdated"} <= reasons.keys(),
        refused=",".join(sorted(str(reason) for reason in reasons)),
    )


async def _plan(scene: Scene, *, oldest: bool) -> PlanIssued:
    client = await scene.stack.bus.connect(TOPOLOGY_USER)
    try:
        js = client.jetstream()
        subject = PlanIssued.subject(SCHOOL)
        message: RawStreamMsg = (
            await js.get_msg(Stream.DISTRICT, seq=1, subject=subject, next=True)
            if oldest
            else await js.get_last_msg(Stream.DISTRICT, subject)
        )
        return PlanIssued.model_validate_json(message.data or b"")
    finally:
        await client.close()


async def _send(scene: Scene, plan: PlanIssued) -> None:
    client = await scene.stack.bus.connect("keeper")
    try:
        message = encode(
            plan, school=SCHOOL, role="keeper", event_id=uuid.uuid4().hex, time=datetime.now(UTC)
        )
        await client.jetstream().publish(message.subject, message.body, headers=message.headers)
    finally:
        await client.close()


async def erased(scene: Scene, story: Story) -> None:
    """The first sweep asks; a district officer confirms; then the footage goes, but for what is held."""
    schools = [SCHOOL, OTHER] if scene.sample else [SCHOOL]
    due = {school: await _expired(scene, school) for school in schools}
    if not any(due.values()):
        story.not_shown(
            "R3.1",
            "到期录像的销毁（按录像时间和文件时间中较晚者，没有超过期限的）",
            "erasure of footage that is due (none is, by the later of recorded time and file time)",
        )
        return
    officer = await scene.person("he.qu")
    expected = {school for school, rows in due.items() if rows}

    async def stopped() -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] = await officer.get("/api/sweeps")
        return found if {sweep["school"] for sweep in found} >= expected else None

    sweeps = await until(Words("首次清理停下来询问", "the first sweeps to stop and ask"), stopped)
    story.prove(
        "R3.1",
        "首次清理先停下来询问，什么都没有销毁",
        "the first sweep stops and asks; nothing was erased",
        holds=await scene.witness.value("SELECT count(*) FROM ingest.erasures") == 0,
        sweeps=len(sweeps),
    )
    for sweep in sweeps:
        await officer.post(f"/api/sweeps/{sweep['id']}/confirm", {"password": officer.password})
    await _gone(scene, story, due)


async def _expired(scene: Scene, school: str) -> dict[str, str]:
    """Digest → locator of what ended more than 32 days ago, by its claim and by its file time."""
    rows = await scene.witness.rows(
        "SELECT encode(digest, 'hex') AS digest, locator FROM ingest.segments"
        " WHERE school = $1 AND greatest(end_at, file_time) < $2"
        " UNION SELECT encode(digest, 'hex'), locator FROM ingest.rejected"
        " WHERE school = $1 AND file_time < $2 AND digest IS NOT NULL",
        school,
        _expired_before(),
    )
    return {row["digest"]: row["locator"] for row in rows}


async def _gone(scene: Scene, story: Story, due: dict[str, dict[str, str]]) -> None:
    vault = scene.witness.storages[SCHOOL] / ".reelwarden" / "vault"
    held = {path.stem for path in vault.rglob("*") if path.is_file()}
    to_go = {
        (school, d) for school, rows in due.items() for d in rows if not (school == SCHOOL and d in held)
    }
    to_stay = {(school, d) for school, rows in due.items() for d in rows} - to_go

    async def certified() -> set[tuple[str, str]] | None:
        rows = await scene.witness.rows("SELECT school, encode(digest, 'hex') AS digest FROM ingest.erasures")
        found = {(row["school"], row["digest"]) for row in rows}
        return found if found >= to_go else None

    certificates = await until(Words("每次销毁的凭证", "a certificate for each erasure"), certified)
    on_disk = {
        (school, digest)
        for school, rows in due.items()
        for digest, locator in rows.items()
        if (scene.witness.storages[school] / locator).exists()
    }
    story.prove(
        "R3.1",
        "33 天前的录像已销毁，每一段都有凭证；被保全的一段不少",
        "the 33-day-old footage is erased, each with its certificate; what is held is whole",
        holds=bool(to_go) and certificates == to_go and on_disk == to_stay,
        erased=len(certificates),
        held=len(to_stay),
    )

    async def copies() -> bool:
        left = await scene.witness.value(
            "SELECT count(*) FROM backup.objects WHERE state <> 'erased'"
            " AND (school, digest) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
            [school for school, _ in to_go],
            [digest for _, digest in to_go],
        )
        return bool(left == 0)

    story.prove(
        "R3.1 R3.2",
        "备份中的副本也随之销毁",
        "their copies in the backup are gone too",
        holds=await until(Words("备份副本被销毁", "the copies to be erased"), copies),
    )
