"""The index's checks on a real database: counts, certificates and identities, each at its depth."""

from datetime import timedelta

import pytest

from reelwarden_common.errors import Refused
from reelwarden_common.events.fsck import Depth, FsckQuery, RepairTask
from reelwarden_common.events.ingest import DayCounted, DayDiffers, Segment
from reelwarden_common.identity import digest_of
from reelwarden_ingest.district.index.fsck import checks
from tests.ingest.test_index_store import Index, erased, index
from tests.support.fsck import check, kinds_at
from tests.support.ingest import DAY, segments

__all__ = ["index"]
SCHOOL = "s001"
DAYS = [DAY - timedelta(days=n) for n in range(3)]
NOTHING: dict[Depth, list[str]] = {depth: [] for depth in Depth}


async def told(index: Index) -> list[Segment]:
    """Three days of two cameras, of which some are erased, all as the school counts them."""
    found = []
    for camera in ("gate", "yard"):
        for day in DAYS:
            these = segments(SCHOOL, camera, day, 6)
            await index.record(*these)
            await index.hear(erased(*these[:2]))
            ids = [one.id for one in these[2:]]
            counted = DayCounted(
                camera=camera, day=f"{day:%Y-%m-%d}", count=4, digest=digest_of(ids), complete_to=day
            )
            await index.hear(counted)
            found += these
    return found


async def test_an_index_as_told_has_no_difference(index: Index) -> None:
    await told(index)
    assert await kinds_at(checks(index.units), SCHOOL) == NOTHING
    found = await check(checks(index.units), school=SCHOOL)
    assert found.checked == 24
    assert [(one.camera, one.count) for one in found.days] == [("gate", 4)] * 3 + [("yard", 4)] * 3
    assert (await check(checks(index.units), school="s002")).checked == 0
    with pytest.raises(Refused, match="names no school"):
        await checks(index.units).look(FsckQuery())


async def test_each_damage_is_seen_at_its_depth_and_at_none_above(index: Index) -> None:
    found = await told(index)
    lacks, uncertified, listed, other = found[2], found[6], found[12], found[20]
    await index.pool.execute("DELETE FROM segments WHERE id = $1", bytes.fromhex(lacks.id))
    await index.pool.execute("DELETE FROM erasures WHERE id = $1", bytes.fromhex(uncertified.id))
    await index.pool.execute(
        "UPDATE segments SET status = 'recorded' WHERE id = $1", bytes.fromhex(listed.id)
    )
    await index.pool.execute(
        "UPDATE segments SET digest = $1 WHERE id = $2", b"\1" * 32, bytes.fromhex(other.id)
    )
    base = ["day-differs", "day-differs", "erased-but-listed", "erased-without-certificate"]
    assert await kinds_at(checks(index.units), SCHOOL) == {
        Depth.PRESENCE: base,
        Depth.SIZE: base,
        Depth.DIGEST: sorted([*base, "identity-differs"]),
    }
    whole = await check(checks(index.units), Depth.DIGEST, SCHOOL)
    parts = await check(checks(index.units), Depth.DIGEST, SCHOOL, seconds=1e-9)
    assert parts.pages > 5
    assert (parts.items, parts.days) == (whole.items, whole.days)
    again = await checks(index.units).look(FsckQuery(school=SCHOOL, depth=Depth.DIGEST, items=whole.items))
    assert sorted(one.item for one in again.differences) == sorted(whole.items)


async def test_mending_asks_again_and_marks_what_is_certified_and_nothing_else(index: Index) -> None:
    found = await told(index)
    lacks, uncertified, listed = found[2], found[6], found[12]
    await index.pool.execute("DELETE FROM segments WHERE id = $1", bytes.fromhex(lacks.id))
    await index.pool.execute("DELETE FROM erasures WHERE id = $1", bytes.fromhex(uncertified.id))
    await index.pool.execute(
        "UPDATE segments SET status = 'recorded' WHERE id = $1", bytes.fromhex(listed.id)
    )
    await index.pool.execute("UPDATE hours SET cover = '{}'")
    await index.said()
    items = (await check(checks(index.units), Depth.DIGEST, SCHOOL)).items
    answer = await checks(index.units).repair(RepairTask(school=SCHOOL, items=items))
    assert sorted((one.done, one.what) for one in answer.repairs) == [
        (False, "not-repairable"),
        (True, "is-marked-erased"),
        (True, "is-said-again"),
        (True, "is-said-again"),
    ]
    stale = (
        "SELECT count(*) FROM hours WHERE camera = $1 AND cover IS NOT NULL"
        " AND hour = date_trunc('hour', $2::timestamptz)"
    )
    assert await index.pool.fetchval(stale, listed.camera, listed.start) == 0, "counted as if it were there"
    said = await index.said()
    assert {one["subject"] for one in said} == {DayDiffers.subject(SCHOOL)}
    await index.record(lacks)
    assert (await check(checks(index.units), Depth.DIGEST, SCHOOL)).kinds == ["erased-without-certificate"]
