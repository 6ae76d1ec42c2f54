"""Step 6: copies with their records, read back; a damaged one found and replaced; a lost segment restored."""

import asyncio
import hashlib
from typing import Any

from reelwarden_local.damage import damage_object
from reelwarden_local.demo.scene import SCHOOL, Scene
from reelwarden_local.demo.story import Story
from reelwarden_local.demo.witness import Indexed, until
from reelwarden_local.words import Words


async def recorded(scene: Scene, story: Story) -> None:
    """Every run has its record, every object was read back."""

    async def look() -> Any:  # noqa: ANN401 - a database row
        rows = await scene.witness.rows(
            "SELECT count(*) FILTER (WHERE state = 'verified') AS verified,"
            " count(*) FILTER (WHERE state = 'unverified') AS waiting,"
            " (SELECT count(*) FROM backup.runs WHERE objects > 0) AS runs,"
            " (SELECT coalesce(sum(bytes), 0) FROM backup.runs) AS bytes"
            " FROM backup.objects WHERE school = $1",
            SCHOOL,
        )
        row = rows[0]
        indexed = len([r for r in await scene.witness.indexed(SCHOOL) if r.status == "recorded"])
        return row if row["runs"] and row["verified"] >= indexed * 0.9 else None

    row = await until(
        Words("副本全部回读", "the copies to be read back"), look, seconds=await _patience(scene)
    )
    story.prove(
        "R3.2 R4.1",
        "备份记录写明时间和内容；每个副本都已完整回读、核对摘要",
        "backup records state time and contents; every copy was read back in full and its digest compared",
        holds=row["verified"] > 0,
        verified=row["verified"],
        waiting=row["waiting"],
        runs=row["runs"],
        bytes=row["bytes"],
    )


async def damaged(scene: Scene, story: Story) -> None:
    """A byte changes on the store's disk, its own checksum mended with it: only reading back can tell."""
    row = await _unheld(scene)
    if row is None:
        story.not_shown(
            "R3.2", "损坏的备份（没有未保全的录像）", "a damaged copy (no footage that is not held)"
        )
        return
    payload = (scene.witness.storages[SCHOOL] / row.locator).read_bytes()
    await asyncio.to_thread(damage_object, scene.stack.s3, payload)

    async def found() -> bool:
        outcome = await scene.witness.value(
            "SELECT count(*) FROM backup.objects WHERE segment = $1 AND state = 'corrupt'", row.id
        )
        return bool(outcome)

    story.prove(
        "R3.2",
        "一个被故意损坏的备份在回读时被发现",
        "a copy damaged on purpose is found by reading it back",
        holds=await until(
            Words("损坏的副本被发现", "the damaged copy to be found"), found, seconds=await _patience(scene)
        ),
        segment=row.id[:8],
    )

    async def again() -> bool:
        outcome = await scene.witness.value(
            "SELECT count(*) FROM backup.objects WHERE segment = $1 AND state = 'verified'", row.id
        )
        return bool(outcome)

    story.prove(
        "R3.2",
        "学校重新上传该段，新的副本核对通过",
        "the site stores it again, and the new copy verifies",
        holds=await until(Words("重新上传副本", "the copy stored again"), again),
    )


async def lost(scene: Scene, story: Story) -> None:
    """A file deleted behind our back is found as lost and brought back from the backup."""
    row = await _unheld(scene)
    if row is None:
        story.not_shown(
            "R3.2", "丢失与恢复（没有未保全的录像）", "loss and restore (no footage that is not held)"
        )
        return
    path = scene.witness.storages[SCHOOL] / row.locator
    path.unlink()
    officer = await scene.person("chen.an")

    async def listed() -> bool:
        return any(one["segment"] == row.id for one in await officer.get("/api/lost"))

    story.prove(
        "R3.2 R4.1",
        "一段被绕过系统删除的录像被发现丢失",
        "a segment deleted behind our back is found as lost",
        holds=await until(Words("发现丢失的录像段", "the lost segment to be noticed"), listed),
        file=row.locator,
    )
    await officer.post(f"/api/lost/{row.id}/restore")

    async def back() -> bool:
        status = await scene.witness.value(
            "SELECT status FROM ingest.segments WHERE school = $1 AND encode(id, 'hex') = $2", SCHOOL, row.id
        )
        return bool(path.exists() and status == "recorded")

    await until(Words("丢失的录像段恢复", "the lost segment restored"), back)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    story.prove(
        "R3.2",
        "经安全部门要求，从备份恢复到原处，摘要一致",
        "at the safety officer's request it is restored to its place from the backup, digest equal",
        holds=digest == row.digest,
    )


async def _patience(scene: Scene) -> float:
    """Seconds in which every copy is read back: a round of the sample takes 100 of them in 5 s and more."""
    copies = await scene.witness.value("SELECT count(*) FROM backup.objects")
    return 40 + 0.2 * float(copies)


async def _unheld(scene: Scene) -> Indexed | None:
    """A verified segment that no hold covers, with one good copy; None if there is none."""
    verified = {
        r["segment"]
        for r in await scene.witness.rows(
            "SELECT segment FROM backup.objects GROUP BY segment"
            " HAVING count(*) FILTER (WHERE state = 'verified') = 1 AND count(*) = 1"
        )
    }
    rows = [
        row
        for row in await scene.witness.indexed(SCHOOL)
        if row.status == "recorded"
        and row.id in verified
        and not scene.viewed.covers(row)
        and not scene.copied.covers(row)
    ]
    preferred = [row for row in rows if row.camera not in (scene.viewed.camera, scene.copied.camera)]
    return next(reversed(preferred[:-2] or preferred or rows), None)
