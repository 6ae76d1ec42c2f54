"""Looking after copies: locks lengthened, legal holds set and lifted, versions erased on their day."""

import asyncio

from reelwarden_backup.shapes import object_key
from reelwarden_backup.site.replicator.copies import Copy
from reelwarden_backup.site.replicator.domain import RETIRE_AFTER, Rules, lock_end
from reelwarden_backup.site.replicator.measures import Measures
from reelwarden_backup.site.replicator.patience import Patience
from reelwarden_backup.site.replicator.store import ReplicatorStore
from reelwarden_common.clock import Clock
from reelwarden_common.messaging.units import REMEMBER, Units
from reelwarden_common.s3 import S3, NotAllowed, NotStored, StoreAway

BATCH = 100
ROWS = 1_000


class Upkeep:
    """Three kinds of work on copies that are stored already."""

    def __init__(
        self,
        units: Units[ReplicatorStore],
        s3: S3,
        rules: Rules,
        patience: Patience,
        measures: Measures,
        clock: Clock,
    ) -> None:
        self._units = units
        self._s3 = s3
        self._rules = rules
        self._patience = patience
        self._measures = measures
        self._clock = clock

    async def protect(self) -> None:
        """Set the locks and legal holds that are wanted."""
        while not self._patience.resting:
            async with self._units.begin() as store:
                batch = store.copies.to_do("protect", BATCH)
            if not batch:
                return
            for copy in batch:
                if not await self._protect(copy):
                    break

    async def _protect(self, copy: Copy) -> bool:
        stored, locked = copy.object, lock_end(copy.due, self._clock())
        place = (stored.bucket, stored.key, stored.object_version)
        if locked is not None and stored.locked_until is not None and locked <= stored.locked_until:
            locked = None
        try:
            if copy.wanted_hold is not copy.held:
                await self._s3.legal_hold(*place, on=copy.wanted_hold)
            if locked is not None:
                await self._s3.lock_until(*place, locked)
        except NotStored:
            locked = None  # the ledger finds out that it is missing, and asks for another
        except (StoreAway, NotAllowed) as error:
            if await self._patience.is_away(error):
                return False
            async with self._units.begin() as store:
                store.copies.postpone(copy)
            return True
        async with self._units.begin() as store:
            store.copies.protected(copy, locked)
        return True

    async def erase(self) -> None:
        """Erase, by version, what is to go and whose lock is over."""
        await self._check_gone()
        while not self._patience.resting:
            async with self._units.begin() as store:
                batch = store.copies.to_do("erase", BATCH)
            if not batch:
                return
            done: list[Copy] = []
            late: list[Copy] = []
            for copy in batch:
                erased = await self._erase(copy)
                if erased is None:
                    break
                (done if erased else late).append(copy)
            async with self._units.begin() as store:
                store.erase_copies(done)
                for copy in late:
                    store.copies.postpone(copy)
            self._measures.erased.inc(len(done))

    async def _erase(self, copy: Copy) -> bool | None:
        """Whether a version is gone; None: the store is away."""
        place = (copy.object.bucket, copy.object.key, copy.object.object_version)
        try:
            if copy.held or copy.tries:  # refused before: a hold that was set may not have been seen to be
                await self._s3.legal_hold(*place, on=False)
            await self._s3.erase(*place)
        except NotStored:
            return True
        except (StoreAway, NotAllowed) as error:
            return None if await self._patience.is_away(error) else False
        return True

    async def _check_gone(self) -> None:
        """Look for copies of erased segments that a lost state file or a crash has left unknown."""
        async with self._units.begin() as store:
            batch = store.copies.gone_unchecked(BATCH)
        for one in batch:
            key = object_key(one.footage.camera, one.footage.start, one.footage.segment)
            try:
                listed = await self._s3.versions(self._rules.bucket, key)
            except (StoreAway, NotAllowed, NotStored) as error:
                await self._patience.is_away(error)
                return
            found = [version.version for version in listed if version.version not in one.known]
            async with self._units.begin() as store:
                store.copies.gone_checked(one, key, found)

    async def retire(self) -> None:
        """Let copies go that are due and whose erasure nobody will certify; forget what is long gone."""
        now, more = self._clock(), True
        while more:
            async with self._units.begin() as store:
                retired = store.copies.retire(now - RETIRE_AFTER, store.heard.unmanaged(), ROWS)
                forgotten = store.copies.forget(now - REMEMBER, ROWS)
            more = ROWS in (retired, forgotten)
            await asyncio.sleep(0)
