"""How much the vault takes, told before the disk is full of it (R3.1)."""

import asyncio
from datetime import timedelta

from reelwarden_common.events.retention import VaultMeasured
from reelwarden_common.messaging.sqlite import SqliteUnits
from reelwarden_common.telemetry import log
from reelwarden_retention.site.reaper import rows
from reelwarden_retention.site.reaper.disk import Disk
from reelwarden_retention.site.reaper.store import ReaperStore

SAY_AGAIN = timedelta(hours=1)


class Budget:
    """Measures the vault of one school's storage.

    Args:
        units: the reaper's transactions.
        disk: the storage.
        share: of the storage's size, what the vault may take.
        write_once: the vault holds hard links.
    """

    def __init__(
        self, units: SqliteUnits[ReaperStore], disk: Disk, share: float, *, write_once: bool
    ) -> None:
        self._units, self._disk, self._share, self._write_once = units, disk, share, write_once

    async def turn(self) -> None:
        """Tell what it takes, if that has changed or was not told for a while."""
        try:
            total = await asyncio.to_thread(self._disk.total)
        except OSError as error:
            log("reaper").warning("vault_not_measured", error=str(error))
            return
        async with self._units.begin() as store:
            files, held, extra = store.catalogue.vault_size(links=self._write_once)
            told = VaultMeasured(files=files, bytes=held, extra=extra, budget=round(total * self._share))
            text, now = told.model_dump_json(), store.clock()
            said_at = store.meta("vault-said")
            recently = said_at is not None and now - rows.moment(int(said_at)) < SAY_AGAIN
            if not recently or store.meta("vault") != text:
                store.publish(store.school, told)
                store.remember("vault", text)
                store.remember("vault-said", str(rows.microseconds(now)))
