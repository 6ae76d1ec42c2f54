"""The reaper's checks on a real storage: vault, holds and trash, each damage at its depth."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reelwarden_common.errors import Transient
from reelwarden_common.events.fsck import Depth, RepairTask
from reelwarden_common.events.ingest import Segment
from reelwarden_common.messaging.fsck import Fsck
from reelwarden_retention.site.reaper.domain import Due
from reelwarden_retention.site.reaper.fsck import checks
from tests.support.fsck import check, kinds_at
from tests.support.retention import NOW, TEN, Site, hold, plan

START = NOW - timedelta(hours=2)
NOTHING: dict[Depth, list[str]] = {depth: [] for depth in Depth}


def of(site: Site) -> Fsck:
    return checks(site.units, site.disk, site.lock, site.vault)


async def held(site: Site, *, links: bool = True) -> list[Segment]:
    """Six segments, of which holds cover the first four; all in the vault."""
    site.vault = site.make_vault(site.answer, write_once=links)
    segments = await site.record(*(START + n * 3 * TEN for n in range(6)))
    two = (hold("h1", START, START + 4 * TEN), hold("h2", START + 3 * TEN, START + 9 * TEN))
    await site.hear(plan(1, holds=two))
    await site.vault.turn()
    return segments


def kept(site: Site, segment: Segment) -> Path:
    return site.root / f".reelwarden/vault/gate/{segment.digest}.mp4"


def rot(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[5] ^= 1
    path.write_bytes(content)


async def test_a_vault_as_the_holds_want_it_has_no_difference(site: Site) -> None:
    segments = await held(site)
    assert await kinds_at(of(site)) == NOTHING
    found = await check(of(site), Depth.DIGEST)
    assert found.checked == 4
    assert found.bytes_read == sum(one.size for one in segments[:4])


async def test_each_damage_is_seen_at_its_depth_and_at_none_above(site: Site) -> None:
    gone, short, rotten, unheld, *_ = await held(site, links=False)
    kept(site, gone).unlink()
    with kept(site, short).open("ab") as file:
        file.write(b"x")
    rot(kept(site, rotten))
    (kept(site, gone).with_name("0" * 64 + ".mp4")).write_bytes(b"nobody's")
    (site.root / ".reelwarden/trash").mkdir()
    (site.root / ".reelwarden/trash/stray").write_bytes(b"nobody's")
    async with site.units.begin() as store:
        store.catalogue.vaulted(unheld.id, None)
    kept(site, unheld).unlink()
    base = ["not-vaulted", "trash-unknown", "vault-missing", "vault-unknown"]
    assert await kinds_at(of(site)) == {
        Depth.PRESENCE: base,
        Depth.SIZE: sorted([*base, "vault-size-differs"]),
        Depth.DIGEST: sorted([*base, "vault-size-differs", "vault-digest-differs"]),
    }
    parts = await check(of(site), Depth.DIGEST, seconds=1e-9)
    whole = await check(of(site), Depth.DIGEST)
    assert parts.pages > 4 > whole.pages
    assert parts.items == whole.items


async def test_what_is_mended_is_put_again_from_a_whole_file_only(site: Site) -> None:
    first, second, third, fourth, *_ = await held(site, links=False)
    for one in (first, second, third):
        kept(site, one).unlink()
    async with site.units.begin() as store:
        store.catalogue.vaulted(third.id, None)
    rot(site.root / second.locator)
    rot(kept(site, fourth))
    before = {path: path.read_bytes() for path in site.root.rglob("*.mp4")}
    found = await check(of(site), Depth.DIGEST)
    assert found.kinds == ["not-vaulted", "vault-digest-differs", "vault-missing", "vault-missing"]
    answer = await of(site).repair(RepairTask(items=found.items))
    assert {one.item.partition(":")[2]: (one.done, one.what) for one in answer.repairs} == {
        first.id: (True, "put-into-the-vault"),
        second.id: (False, "altered-at-its-place"),
        third.id: (True, "put-into-the-vault"),
        fourth.id: (False, "not-repairable"),
    }
    assert {path: path.read_bytes() for path in before} == before
    assert kept(site, first).read_bytes() == (site.root / first.locator).read_bytes()
    assert (await check(of(site), Depth.DIGEST)).kinds == ["vault-digest-differs", "vault-missing"]
    again = await of(site).repair(RepairTask(items=found.items[:1]))
    assert again.repairs[0].what in ("as-it-should-be", "altered-at-its-place", "not-repairable")


async def test_an_erasure_at_work_is_no_difference_and_an_unfinished_one_is(site: Site) -> None:
    class Killed(Exception):
        pass

    def die(step: str) -> None:
        if step == "condemned":
            raise Killed

    segments = await held(site)
    last = segments[-1]
    async with site.units.begin() as store:
        row = store.catalogue.one(last.id)
    assert row is not None
    site.eraser._reached = die
    with pytest.raises(Killed):
        await site.eraser.erase([Due(replace(row), NOW)])
    async with site.lock:
        assert (await check(of(site))).kinds == []
    assert (await check(of(site))).kinds == ["erasure-unfinished"]
    site.eraser._reached = lambda _step: None
    await site.eraser.resume()
    assert (await check(of(site))).kinds == []
    assert site.exists(last)


async def test_of_a_storage_that_is_not_there_nothing_is_concluded(site: Site) -> None:
    await held(site)
    await site.sweeper.turn()
    (site.root / ".reelwarden/storage.id").rename(site.root / ".reelwarden/elsewhere")
    with pytest.raises(Transient, match="mounted"):
        await check(of(site))
