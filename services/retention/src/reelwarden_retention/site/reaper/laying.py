"""Files laid into the vault, so that whoever dies in between finds again what he began (R3.1).

Durable step by step: that it is begun, a draft beside its final place, where it will lie, the file at that
place, the note that it lies there. Until then the file is not erased, and its draft is not forgotten.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence

from reelwarden_common.errors import Transient
from reelwarden_common.events.base import Id
from reelwarden_common.messaging.sqlite import SqliteUnits
from reelwarden_common.telemetry import log
from reelwarden_retention.site.reaper.disk import VAULT, Disk
from reelwarden_retention.site.reaper.domain import Footage, Presence, is_held
from reelwarden_retention.site.reaper.erasure import vault_place
from reelwarden_retention.site.reaper.store import ReaperStore

Laid = tuple[Footage, str | None]
"""A file, and where it will lie, or lies; None: nowhere."""
Act = Callable[[Footage, str | None], str | None]


class Laying:
    """Into the vault of one school's storage; `storage` is held while files move."""

    def __init__(
        self, units: SqliteUnits[ReaperStore], disk: Disk, storage: asyncio.Lock, *, write_once: bool
    ) -> None:
        self._units, self._disk, self._storage = units, disk, storage
        self._write_once = write_once
        """Recorders never rewrite a closed file, so that a hard link keeps what it holds."""

    def has(self, one: Footage) -> bool:
        """Whether the vault has a file, as far as its name tells."""
        return one.vault is not None and self._disk.look(f"{VAULT}/{one.vault}") is not None

    async def lay(self, footage: Sequence[Footage]) -> None:
        """Put files into the vault, read them there and note it; of what is nowhere, that it is not there.

        Raises:
            Transient: the storage is not there: nothing may be concluded from what is not.
            OSError: a file cannot be read, or there is no room; the others are laid.
        """
        async with self._storage:
            await self._finish()
            async with self._units.begin() as store:
                if not self._is_bound(store):
                    raise Transient("the storage is not there")
                store.journal.lay((one.id, None) for one in footage)
            for one in footage:
                await asyncio.to_thread(self._draft, one)
            failed = await self._finish()
        if failed:
            raise failed[0]

    async def finish(self) -> None:
        """Bring to its end what somebody began; what cannot be read yet waits, and holds up nothing else."""
        async with self._storage:
            await self._finish()

    async def _finish(self) -> list[OSError]:
        async with self._units.begin() as store:
            begun = store.journal.laying() if self._is_bound(store) else []
            standing, margins = store.standing(), store.margins()
        if not begun:
            return []
        anew = {one.id for one, _ in begun if not (self._write_once and is_held(one, standing, margins))}
        read, failed = await self._each(self._place, begun, anew)
        async with self._units.begin() as store:
            store.journal.lay((one.id, place) for one, place in read)
        settled, failed_later = await self._each(self._settle, read, anew=())
        async with self._units.begin() as store:
            if self._is_bound(store):
                for one, place in settled:
                    store.catalogue.vaulted(one.id, place)
                store.journal.laid(one.id for one, _ in settled)
        return failed + failed_later

    async def _each(
        self, act: Act, laying: Sequence[Laid], anew: Collection[Id]
    ) -> tuple[list[Laid], list[OSError]]:
        """Do it with each file: a bad sector under one is no reason that the others wait.

        Args:
            act: What is done.
            laying: With which files.
            anew: Those of which a draft that cannot be read may go. A link to held footage stays: its
                original may go.
        """
        done: list[Laid] = []
        failed: list[OSError] = []
        for one, place in laying:
            try:
                done.append((one, await asyncio.to_thread(act, one, place)))
            except OSError as error:
                log("reaper").warning("laying_waits", footage=one.id, error=str(error))
                failed.append(error)
                if one.id in anew and await asyncio.to_thread(self._begins_anew, one):
                    done.append((one, None))
        return done, failed

    def _begins_anew(self, one: Footage) -> bool:
        """Whether a draft that cannot be used could be let go, because the file is still at its place."""
        if one.presence is not Presence.PRESENT or self._disk.look(one.locator) is None:
            return False
        try:
            self._disk.unlink([_draft_of(one)])
        except OSError:
            return False
        return True

    def _is_bound(self, store: ReaperStore) -> bool:
        return store.meta("storage") in (None, self._disk.identity())

    def _draft(self, one: Footage) -> None:
        """Link or copy a file beside its final place, if it is at its own."""
        if self._disk.look(_draft_of(one)) is not None:
            return
        if one.presence is not Presence.PRESENT or self._disk.look(one.locator) is None:
            return
        try:
            if self._write_once:
                self._disk.link(one.locator, _draft_of(one))
            else:
                self._disk.copy(one.locator, _draft_of(one))
        except FileNotFoundError:
            return

    def _place(self, one: Footage, place: str | None) -> str | None:
        """Where its draft will lie, or lies already; None: there is none.

        A file whose content is not what was recorded is kept too, under what it was found to hold: it is
        all that is left.
        """
        self._disk.discard_part(_draft_of(one))
        if self._disk.look(_draft_of(one)) is None:
            return place
        return vault_place(one, self._disk.read(_draft_of(one)).digest)

    def _settle(self, one: Footage, place: str | None) -> str | None:
        """Its draft becomes final; returns the place if something lies there."""
        if place is None:
            return None
        if self._disk.look(_draft_of(one)) is not None:
            self._disk.settle(_draft_of(one), f"{VAULT}/{place}")
        return place if self._disk.look(f"{VAULT}/{place}") is not None else None


def _draft_of(one: Footage) -> str:
    return f"{VAULT}/{one.camera}/.{one.id}"
