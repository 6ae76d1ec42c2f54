"""What the reaper answers for: the vault is what its rows say, holds are kept, no erasure lies about."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from reelwarden_common.errors import Refused, Transient
from reelwarden_common.events.fsck import Depth, Difference
from reelwarden_common.messaging.fsck import READ_SHARE, Fsck, Look, Portion
from reelwarden_common.messaging.sqlite import SqliteUnits
from reelwarden_retention.site.reaper.disk import TRASH, VAULT, Disk
from reelwarden_retention.site.reaper.domain import Footage, Kind, Presence, is_held
from reelwarden_retention.site.reaper.erasure import trash_place
from reelwarden_retention.site.reaper.store import ReaperStore
from reelwarden_retention.site.reaper.vault import Vault

Units = SqliteUnits[ReaperStore]


class Place:
    """The storage with the reaper's tables, as all checks see it."""

    def __init__(self, units: Units, disk: Disk, storage: asyncio.Lock) -> None:
        self.units, self.disk, self.storage = units, disk, storage

    async def bound(self) -> None:
        """Make sure that the storage is the one of the tables.

        Raises:
            Transient: it is not: nothing may be concluded from what is not there.
        """
        found = await asyncio.to_thread(self.disk.identity)
        async with self.units.begin() as store:
            known = store.meta("storage")
        if found is None or known not in (None, found):
            raise Transient(f"{self.disk.root} is not this school's storage: is it mounted?")


def checks(units: Units, disk: Disk, storage: asyncio.Lock, vault: Vault) -> Fsck:
    """All checks of the reaper; `storage` is held while files move."""
    place = Place(units, disk, storage)
    return Fsck(Vaulted(place, vault), Held(place, vault), VaultFiles(place), Trash(place))


class Vaulted:
    """What the tables say the vault has; keys and places are footage ids."""

    name = "vault"

    def __init__(self, place: Place, vault: Vault) -> None:
        self._place, self._vault = place, vault

    async def total(self, look: Look) -> int:
        """Rows with a place in the vault."""
        del look
        async with self._place.units.begin() as store:
            return store.catalogue.vault_size(links=False)[0]

    async def on(self, look: Look, after: str, limit: int) -> tuple[Portion, str | None]:
        """The next ones by id."""
        await self._place.bound()
        limit = max(1, limit // READ_SHARE) if look.at(Depth.DIGEST) else limit
        async with self._place.units.begin() as store:
            found = store.catalogue.vaulted_after(after, limit)
        portion = await asyncio.to_thread(self._compare, look, found)
        await self._place.bound()
        return portion, found[-1].id if len(found) == limit else None

    async def again(self, look: Look, keys: Sequence[str]) -> Portion:
        """These, as far as they still have a place in the vault."""
        await self._place.bound()
        async with self._place.units.begin() as store:
            rows = [store.catalogue.one(key) for key in keys]
        return await asyncio.to_thread(self._compare, look, [one for one in rows if one and one.vault])

    async def repair(self, look: Look, key: str) -> str:
        """Put it into the vault again from its own place, if it is there with the digest as recorded."""
        found = (await self.again(look, [key])).differences
        if [one.kind for one in found] != ["vault-missing"]:
            raise Refused("not-repairable" if found else "as-it-should-be")
        return await _put_again(self._place, self._vault, key)

    def _compare(self, look: Look, rows: Sequence[Footage]) -> Portion:
        portion = Portion(checked=len(rows))
        for one in rows:
            where, promised = f"{VAULT}/{one.vault}", _promised(one)
            status = self._place.disk.look(where)
            whole = promised == (one.digest or promised)
            if status is None:
                again = whole and one.presence is Presence.PRESENT
                portion.differences.append(_differs(self.name, one, "vault-missing", repairable=again))
            elif not whole:
                portion.differences.append(
                    _differs(self.name, one, "vault-altered", one.digest or "", promised)
                )
            elif look.at(Depth.SIZE) and status.st_size != one.size:
                sizes = f"{one.size}", f"{status.st_size}"
                portion.differences.append(_differs(self.name, one, "vault-size-differs", *sizes))
            elif look.at(Depth.DIGEST):
                portion.bytes_read += one.size
                portion.differences += self._read(one, where, promised)
        return portion

    def _read(self, one: Footage, where: str, promised: str) -> list[Difference]:
        try:
            found = self._place.disk.read(where).digest
        except OSError as error:
            return [_differs(self.name, one, "vault-unreadable", "", error.strerror or "")]
        return (
            [] if found == promised else [_differs(self.name, one, "vault-digest-differs", promised, found)]
        )


class Held:
    """What standing holds cover lies in the vault; keys are footage ids.

    One goes on after a hold, or inside of it after `<hold>/<id>`.
    """

    name = "held"

    def __init__(self, place: Place, vault: Vault) -> None:
        self._place, self._vault = place, vault

    async def total(self, look: Look) -> int:
        """Counted with the vault."""
        del look
        return 0

    async def on(self, look: Look, after: str, limit: int) -> tuple[Portion, str | None]:
        """The next ones of the first hold that is not done."""
        del look
        await self._place.bound()
        hold, inside, footage = after.partition("/")
        async with self._place.units.begin() as store:
            standing = store.standing()
            kept = next((k for k in standing if k.hold.id > hold or (inside and k.hold.id == hold)), None)
            if kept is None:
                return Portion(), None
            covered = store.catalogue.overlapping(kept, store.margins()[kept.hold.span.camera])
        begin = footage if kept.hold.id == hold else ""
        rows = sorted((one for one in covered if one.id > begin), key=lambda one: one.id)[:limit]
        portion = await asyncio.to_thread(self._compare, rows)
        return portion, f"{kept.hold.id}/{rows[-1].id}" if len(rows) == limit else kept.hold.id

    async def again(self, look: Look, keys: Sequence[str]) -> Portion:
        """These, as far as a hold still covers them."""
        del look
        await self._place.bound()
        async with self._place.units.begin() as store:
            standing, margins = store.standing(), store.margins()
            rows = [store.catalogue.one(key) for key in keys]
        return await asyncio.to_thread(
            self._compare, [one for one in rows if one and is_held(one, standing, margins)]
        )

    async def repair(self, look: Look, key: str) -> str:
        """Put it into the vault, if it is at its place with the digest as recorded."""
        found = (await self.again(look, [key])).differences
        if not found or not found[0].repairable:
            raise Refused("not-repairable" if found else "as-it-should-be")
        return await _put_again(self._place, self._vault, key)

    def _compare(self, rows: Sequence[Footage]) -> Portion:
        """What is not at its place either is the scanner's to tell, and no difference of ours."""
        portion = Portion()
        for one in rows:
            if one.vault is None and one.presence is Presence.PRESENT:
                status = self._place.disk.look(one.locator)
                if status is not None:
                    same = status.st_size == one.size
                    portion.differences.append(_differs(self.name, one, "not-vaulted", repairable=same))
        return portion


class VaultFiles:
    """What lies in the vault; keys and places are `<camera>/<name>` below it."""

    name = "vault-files"

    def __init__(self, place: Place) -> None:
        self._place = place

    async def total(self, look: Look) -> int:
        """Counted by rows."""
        del look
        return 0

    async def on(self, look: Look, after: str, limit: int) -> tuple[Portion, str | None]:
        """The next files by name."""
        del look
        await self._place.bound()
        files = await asyncio.to_thread(self._place.disk.files, VAULT, after, limit)
        return await self._compare(files), files[-1] if len(files) == limit else None

    async def again(self, look: Look, keys: Sequence[str]) -> Portion:
        """Those of them that are still there."""
        del look
        await self._place.bound()
        return await self._compare([key for key in keys if self._place.disk.look(f"{VAULT}/{key}")])

    async def repair(self, look: Look, key: str) -> str:
        """Nothing is ever taken away."""
        del look, key
        raise Refused("not-repairable")

    async def _compare(self, files: Sequence[str]) -> Portion:
        async with self._place.units.begin() as store:
            unknown = [one for one in files if not store.catalogue.is_vault_place(one)]
        found = [
            Difference(item=f"{self.name}:{one}", kind="vault-unknown", where=f"{VAULT}/{one}"[:400])
            for one in unknown
        ]
        return Portion(differences=found)


class Trash:
    """Erasures that were begun and not ended; keys are footage ids."""

    name = "trash"

    def __init__(self, place: Place) -> None:
        self._place = place

    async def total(self, look: Look) -> int:
        """There should be none."""
        del look
        return 0

    async def on(self, look: Look, after: str, limit: int) -> tuple[Portion, str | None]:
        """All of them; while a sweep is at work they are its own."""
        del look, after, limit
        await self._place.bound()
        return await self._compare(None), None

    async def again(self, look: Look, keys: Sequence[str]) -> Portion:
        """These."""
        del look
        await self._place.bound()
        return await self._compare(set(keys))

    async def repair(self, look: Look, key: str) -> str:
        """The next sweep ends what the journal knows."""
        del look, key
        raise Refused("not-repairable")

    async def _compare(self, keys: set[str] | None) -> Portion:
        if self._place.storage.locked():
            return Portion()
        files = await asyncio.to_thread(self._place.disk.files, TRASH, "", 1000)
        async with self._place.units.begin() as store:
            entries = {entry.footage.id: entry.footage for entry in store.journal.entries()}
        found = [
            _differs(self.name, one, "erasure-unfinished", where=trash_place(one))
            for name, one in entries.items()
            if keys is None or name in keys
        ]
        found += [
            Difference(item=f"{self.name}:{name}", kind="trash-unknown", where=f"{TRASH}/{name}"[:400])
            for name in files
            if name not in entries and (keys is None or name in keys)
        ]
        return Portion(differences=found)


async def _put_again(place: Place, vault: Vault, key: str) -> str:
    async with place.units.begin() as store:
        one = store.catalogue.one(key)
    if one is None or one.presence is not Presence.PRESENT:
        raise Refused("not-at-its-place")
    try:
        found = await asyncio.to_thread(place.disk.read, one.locator)
    except OSError as error:
        raise Refused("not-at-its-place") from error
    if (found.digest, found.size) != (one.digest or found.digest, one.size):
        raise Refused("altered-at-its-place")
    await vault.keep([replace(one, vault=None)])
    return "put-into-the-vault"


def _promised(one: Footage) -> str:
    """The digest of what lies there: its name is made from it."""
    return (one.vault or "").rpartition("/")[2].partition(".")[0]


def _differs(
    check: str,
    one: Footage,
    kind: str,
    expected: str = "",
    found: str = "",
    *,
    where: str = "",
    repairable: bool = False,
) -> Difference:
    return Difference(
        item=f"{check}:{one.id}",
        kind=kind,
        camera=one.camera,
        start=one.start if one.kind is Kind.SEGMENT else one.end,
        where=(where or (f"{VAULT}/{one.vault}" if one.vault else one.locator))[:400],
        expected=expected,
        found=found[:200],
        repairable=repairable,
    )
