"""恢复验证: the restore drill. A sample is brought back to a scratch folder, hashed again and played."""

import secrets
import tempfile
import uuid
from datetime import timedelta
from pathlib import Path

from reelwarden_backup.district.ledger.domain import Object
from reelwarden_backup.district.ledger.playing import plays
from reelwarden_backup.district.ledger.store import LedgerStore
from reelwarden_common.messaging.units import Units
from reelwarden_common.s3 import S3, NotAllowed, NotStored, StoreAway


class Drilling:
    """Holds a drill when one is due; of several replicas one does."""

    def __init__(self, units: Units[LedgerStore], s3: S3, every: timedelta, sample: int) -> None:
        self._units = units
        self._s3 = s3
        self._every = every
        self._sample = sample

    async def turn(self) -> None:
        """Hold a drill at each school where it is time and there is anything to bring back.

        Raises:
            StoreAway: the store went away in the middle; the drill is held another time.
        """
        while await self._hold():
            pass

    async def _hold(self) -> bool:
        drill = uuid.uuid4().hex
        async with self._units.begin() as store:
            objects = await store.drills.begin(drill, self._every, secrets.token_hex(16), self._sample)
        if not objects:
            return False
        failures = []
        with tempfile.TemporaryDirectory(prefix="reelwarden-drill-") as folder:
            for one in objects:
                try:
                    if not await self._comes_back(one, Path(folder) / "segment.mp4"):
                        failures.append(one.segment)
                except StoreAway:
                    async with self._units.begin() as store:
                        await store.drills.forget(drill)
                    raise
        async with self._units.begin() as store:
            await store.complete_drill(drill, objects[0].school, len(objects), failures)
        return True

    async def _comes_back(self, one: Object, path: Path) -> bool:
        try:
            found = await self._s3.get_file(one.bucket, one.key, path, one.object_version)
        except (NotStored, NotAllowed):
            return False
        except StoreAway:
            if await self._s3.answers(one.bucket):
                return False
            raise
        return found == one.digest and await plays(path)
