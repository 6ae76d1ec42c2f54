"""Reading copies back: a backup counts only once its content was read and found right (invariant 7)."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from reelwarden_backup.district.ledger.domain import Object, Outcome, Reading, Seen, SetTimes, judge
from reelwarden_backup.district.ledger.measures import Measures
from reelwarden_backup.district.ledger.store import LedgerStore
from reelwarden_common.clock import Clock
from reelwarden_common.messaging.units import REMEMBER, Units
from reelwarden_common.s3 import S3, NotAllowed, NotStored, StoreAway

BATCH = 64
FORGET = 10_000


class Verifying:
    """Reads back what is new, and again what was read longest ago."""

    def __init__(self, units: Units[LedgerStore], s3: S3, measures: Measures, clock: Clock) -> None:
        self._units = units
        self._s3 = s3
        self._measures = measures
        self._clock = clock

    async def verify_new(self) -> None:
        """Read back every object that was never read.

        Raises:
            StoreAway: the store does not answer; the next turn goes on.
        """
        while True:
            async with self._units.begin() as store:
                batch = await store.claim_new(BATCH)
            if not batch:
                return
            await self._read_all(batch)

    async def verify_sample(self, size: int, older_than: timedelta) -> None:
        """Read back again those whose last reading is oldest, up to `size` of them.

        Raises:
            StoreAway: see `verify_new`.
        """
        left = size
        while left > 0:
            async with self._units.begin() as store:
                batch = await store.claim_old(min(BATCH, left), older_than)
            if not batch:
                return
            await self._read_all(batch)
            left -= len(batch)

    async def verify_overdue(self, older_than: timedelta) -> None:
        """Read back again all whose last reading is so old.

        Raises:
            StoreAway: see `verify_new`.
        """
        while True:
            async with self._units.begin() as store:
                batch = await store.claim_old(BATCH, older_than)
            if not batch:
                return
            await self._read_all(batch)

    async def measure(self, times: SetTimes, every: float) -> None:
        """Say what was not read back in time; forget what nobody can ask for any more."""
        now = self._clock()
        async with self._units.begin() as store:
            await store.tell_lateness(times, int(now.timestamp() // every))
        forgotten = FORGET
        while forgotten == FORGET:
            async with self._units.begin() as store:
                forgotten = await store.lateness.forget(now - REMEMBER, FORGET)

    async def _read_all(self, batch: Sequence[Object]) -> None:
        results = await asyncio.gather(*(self._read(one) for one in batch), return_exceptions=True)
        now = self._clock()
        readings = [one for one in results if isinstance(one, Reading)]
        failures = [one for one in results if isinstance(one, BaseException)]
        known = {(r.object.school, r.object.segment, r.object.object_version) for r in readings}
        unread = [o for o in batch if (o.school, o.segment, o.object_version) not in known]
        verdicts = [judge(reading, now) for reading in readings]
        async with self._units.begin() as store:
            await store.judged(verdicts)
            await store.give_back(unread)
        for verdict in verdicts:
            self._measures.read.labels(verdict.outcome.value).inc()
            if verdict.outcome is Outcome.VERIFIED:
                self._measures.bytes.inc(verdict.object.size)
        if failures:
            raise failures[0]

    async def _read(self, one: Object) -> Reading:
        """Read one object; an error goes on to the caller when the store itself does not answer."""
        try:
            found = await self._s3.digest(one.bucket, one.key, one.object_version)
        except NotStored:
            return Reading(one, Seen.NOT_THERE)
        except (StoreAway, NotAllowed):
            if await self._s3.answers(one.bucket):
                return Reading(one, Seen.FAILED)
            raise
        return Reading(one, Seen.READ, found)
