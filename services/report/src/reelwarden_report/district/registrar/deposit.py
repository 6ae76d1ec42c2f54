"""Checkpoints under object lock: whoever owns the database cannot deny them, nor whoever owns our keys."""

from datetime import datetime, timedelta

from reelwarden_common.messaging.postgres import PgUnits
from reelwarden_common.s3 import S3
from reelwarden_common.telemetry import log
from reelwarden_report.district.registrar.deposit_table import Deposit
from reelwarden_report.district.registrar.store import RegistrarStore

BUCKET = "rw-custody"


class Deposits:
    """Stores the newest checkpoints again and again.

    Args:
        units: the registrar's.
        s3: with a key that writes the bucket; the bucket has object lock.
        every: between two deposits of one school.
        locked: how long nobody, the store's administrator included, may delete one (COMPLIANCE).
    """

    def __init__(self, units: PgUnits[RegistrarStore], s3: S3, every: timedelta, locked: timedelta) -> None:
        self._units = units
        self._s3 = s3
        self._every = every
        self._locked = locked

    async def turn(self) -> None:
        """Store what is due; what cannot be stored now is tried at the next turn, for each school alone.

        Raises:
            StoreAway, NotAllowed: the last failure, after all schools were tried.
        """
        async with self._units.begin() as store:
            now = store.clock()
            due = await store.deposits.due(now - self._every)
        failed: Exception | None = None
        for one in due:
            try:
                await self._store(one, now)
            except Exception as error:  # noqa: BLE001 - told by the loop, after the other schools had their turn
                log("registrar").warning("checkpoint_not_stored", school=one.school, error=str(error))
                failed = error
        if failed is not None:
            raise failed

    async def _store(self, deposit: Deposit, now: datetime) -> None:
        for key, content in deposit.objects():
            if not await self._s3.versions(BUCKET, key):
                await self._s3.put_bytes(
                    BUCKET,
                    key,
                    content,
                    content_type="text/plain",
                    locked_until=now + self._locked,
                    compliance=True,
                )
        async with self._units.begin() as store:
            await store.deposits.stored(deposit, now)
