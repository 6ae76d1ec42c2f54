"""Erasing a batch of files so that no crash leaves a file gone without a certificate, or a held one gone.

Each step is durable before the next begins: the intent, the move into the trash, the comparison with the
catalogue, and then in one transaction a last look at the holds, the unlinking and the certificate.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reelwarden_common.errors import ReelwardenError
from reelwarden_common.events.base import Id
from reelwarden_common.events.retention import Certificate, SegmentsErased
from reelwarden_common.messaging.sqlite import SqliteUnits
from reelwarden_common.telemetry import log
from reelwarden_retention.site.reaper.disk import TRASH, VAULT, Content, Disk
from reelwarden_retention.site.reaper.domain import (
    Due,
    Footage,
    Kind,
    is_held,
)
from reelwarden_retention.site.reaper.journal import Entry, Step
from reelwarden_retention.site.reaper.store import ReaperStore

Reached = Callable[[str], None]
"""Told after each step; tests crash here."""


MISSING = "missing"
BACK = "back at its place"


class Differs(ReelwardenError):
    """A file is not the one that the catalogue knows; the message says in what."""


@dataclass(frozen=True)
class Moved:
    """What was found when a file was moved to the trash."""

    entry: Entry
    digest: str | None = None
    problem: str | None = None
    """`MISSING`, `BACK`, or what differs from the catalogue."""


def trash_place(footage: Footage) -> str:
    """Where a file lies while it is being erased."""
    return f"{TRASH}/{footage.id}"


class Eraser:
    """Erases on one storage. Its callers see to it that nobody else does at the same time."""

    def __init__(
        self, units: SqliteUnits[ReaperStore], disk: Disk, reached: Reached = lambda _step: None
    ) -> None:
        self._units, self._disk, self._reached = units, disk, reached

    async def erase(self, items: Sequence[Due]) -> list[Footage]:
        """Erase what is still unheld; returns what was not as the catalogue says, put back untouched."""
        async with self._units.begin() as store:
            plan = store.plan()
            if plan is None:
                return []
            spared = self._held(store, [one.footage for one in items])
            spared |= {entry.footage.id for entry in store.journal.entries()}
            spared |= {footage.id for footage, _ in store.journal.laying()}
            chosen = [one for one in items if one.footage.id not in spared]
            store.journal.intend(chosen, plan[2])
            entries = [e for e in store.journal.entries() if e.footage.id not in spared]
        self._reached("intended")
        moved = [await asyncio.to_thread(self._move, entry) for entry in entries]
        async with self._units.begin() as store:
            store.journal.condemn((one.entry.footage.id, one.digest) for one in moved if not one.problem)
        self._reached("condemned")
        ready = [replace(m.entry, step=Step.CONDEMNED, digest=m.digest) for m in moved if not m.problem]
        held = await self._unlink(ready)
        await self._put_back([replace(m.entry, digest=m.digest) for m in moved if m.problem] + held)
        await self._missing([m.entry for m in moved if m.problem == MISSING])
        return [m.entry.footage for m in moved if m.problem not in (None, MISSING, BACK)]

    async def resume(self) -> None:
        """After a crash: put back what is whole, certify what was unlinked."""
        async with self._units.begin() as store:
            entries = store.journal.entries()
        if not entries:
            return
        log("reaper").warning("erasures_resumed", files=len(entries))
        there = {e.footage.id for e in entries if e.on_disk and self._disk.look(trash_place(e.footage))}
        condemned = [e for e in entries if e.step is Step.CONDEMNED and e.footage.id not in there]
        unlinked = [e for e in condemned if not await asyncio.to_thread(self._is_back, e)]
        async with self._units.begin() as store:
            self._certify(store, unlinked)
        self._reached("certified")
        await self._put_back([e for e in entries if e not in unlinked])

    def _move(self, entry: Entry) -> Moved:
        try:
            found = self._in_trash(entry.footage) if entry.on_disk else self._in_vault(entry.footage)
        except FileNotFoundError:
            return Moved(entry, problem=MISSING)
        except OSError as error:
            return Moved(entry, problem=error.strerror or "unreadable")
        except Differs as differs:
            return Moved(entry, problem=str(differs))
        if self._is_back(replace(entry, digest=found.digest)):
            return Moved(entry, problem=BACK)
        whole = not entry.on_disk or (found.size, entry.footage.digest or found.digest) == (
            entry.footage.size,
            found.digest,
        )
        return Moved(entry, found.digest, None if whole else "content")

    def _in_trash(self, one: Footage) -> Content:
        """Moved there, then compared: what is compared can no longer be changed by its name."""
        before = self._disk.look(one.locator)
        if before is None:
            raise FileNotFoundError(one.locator)
        if before.st_size != one.size:
            raise Differs("size")
        self._disk.rename(one.locator, trash_place(one))
        self._reached("moved")
        after = self._disk.look(trash_place(one))
        if after is None or (after.st_dev, after.st_ino) != (before.st_dev, before.st_ino):
            raise Differs("inode")
        return self._disk.read(trash_place(one))

    def _in_vault(self, one: Footage) -> Content:
        return self._disk.read(f"{VAULT}/{one.vault}")

    def _is_back(self, entry: Entry) -> bool:
        """Whether what only the vault was known to have lies at its place again: put back by us, or restored.

        The scanner will say so; until then nothing can be certified of it.
        """
        one = entry.footage
        try:
            found = None if entry.on_disk else self._disk.look(one.locator)
            return found is not None and self._disk.read(one.locator).digest == entry.digest
        except OSError:
            return False

    async def _unlink(self, entries: Sequence[Entry]) -> list[Entry]:
        """Unlink and certify what no hold covers; returns what one does.

        In one transaction, and without a pause in it: a hold is either in the tables now, and spares the
        file, or it is taken in and acknowledged after the file is gone, and the site says so.
        """
        if not entries:
            return []
        async with self._units.begin() as store:
            held = self._held(store, [e.footage for e in entries])
            erased = [e for e in entries if e.footage.id not in held]
            self._disk.unlink([trash_place(e.footage) for e in erased if e.on_disk])
            self._reached("unlinked")
            self._certify(store, erased)
            self._reached("certifying")
        self._reached("certified")
        return [e for e in entries if e.footage.id in held]

    def _certify(self, store: ReaperStore, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        certificates = []
        for entry in entries:
            one = entry.footage
            copies = ["disk"] if entry.on_disk else []
            if (place := self._own_vault_place(store, entry)) is not None:
                self._disk.unlink([f"{VAULT}/{place}"])
                copies.append("vault")
            certificates.append(
                Certificate(
                    segment=one.id,
                    camera=one.camera,
                    start=one.start if one.kind is Kind.SEGMENT else one.end,
                    end=one.end,
                    digest=entry.digest or "",
                    size=one.size,
                    locator=one.locator,
                    due=entry.due,
                    erased_at=store.clock(),
                    plan=entry.plan,
                    copies=tuple(copies),
                )
            )
            store.catalogue.erased(one.id)
            store.remember("erased", "yes")
        store.publish(store.school, SegmentsErased(certificates=tuple(certificates)))
        store.journal.drop(e.footage.id for e in entries)

    def _own_vault_place(self, store: ReaperStore, entry: Entry) -> str | None:
        """Where the vault has a file for nobody else; also where a process died before it noted it."""
        one = entry.footage
        place = one.vault or vault_place(one, entry.digest or "")
        if store.catalogue.shares_vault(one.id, place):
            return None
        there = one.vault is not None or self._disk.look(f"{VAULT}/{place}") is not None
        return place if there else None

    def _held(self, store: ReaperStore, footage: Sequence[Footage]) -> set[Id]:
        standing, margins = store.standing(), store.margins()
        return {one.id for one in footage if is_held(one, standing, margins)}

    async def _put_back(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        identifiers = [e.footage.id for e in entries]
        async with self._units.begin() as store:
            store.journal.pardon(identifiers)
        self._reached("pardoned")
        stranded: dict[Id, str | None] = {}
        for entry in entries:
            one, trash = entry.footage, trash_place(entry.footage)
            if not entry.on_disk or self._disk.look(trash) is None:
                continue
            if not await asyncio.to_thread(self._back_at_place, one):
                stranded[one.id] = await self._to_vault(entry)
            self._reached("put-back")
        async with self._units.begin() as store:
            for identifier, place in stranded.items():
                if place is not None:
                    store.catalogue.vaulted(identifier, place)
                    store.catalogue.gone(identifier)
            store.journal.drop(one for one in identifiers if stranded.get(one, "") is not None)
        self._reached("spared")

    def _back_at_place(self, one: Footage) -> bool:
        """From the trash to its place; True, too, where its content lies there already: it was restored."""
        trash = trash_place(one)
        if self._disk.put_back(trash, one.locator):
            return True
        try:
            if self._disk.read(one.locator) != self._disk.read(trash):
                return False
        except OSError:
            return False
        self._disk.unlink([trash])
        return True

    async def _to_vault(self, entry: Entry) -> str | None:
        """Its place was taken by another file meanwhile: keep it where held footage is kept."""
        one, trash = entry.footage, trash_place(entry.footage)
        content = await asyncio.to_thread(self._disk.read, trash)
        place = vault_place(one, content.digest)
        async with self._units.begin() as store:
            store.journal.lay([(one.id, place)])
        if await asyncio.to_thread(self._disk.put_back, trash, f"{VAULT}/{place}"):
            return place
        if await asyncio.to_thread(self._disk.read, f"{VAULT}/{place}") == content:
            self._disk.unlink([trash])
            return place
        log("reaper").error("stays_in_trash", footage=one.id, reason="its places are taken by other files")
        return None

    async def _missing(self, entries: Sequence[Entry]) -> None:
        """Somebody else took them: nothing to certify; the scanner finds out and says that they are lost."""
        if entries:
            async with self._units.begin() as store:
                for entry in entries:
                    if not entry.on_disk:
                        store.catalogue.vaulted(entry.footage.id, None)
                    store.catalogue.gone(entry.footage.id)


def vault_place(footage: Footage, digest: str) -> str:
    """Where the vault keeps a file, below its folder: content decides, so that equal files share."""
    name = footage.locator.rsplit("/", 1)[-1]
    suffix = name.rsplit(".", 1)[-1] if "." in name else "bin"
    safe = suffix if suffix.isascii() and suffix.isalnum() else "bin"
    return f"{footage.camera}/{digest}.{safe}"
