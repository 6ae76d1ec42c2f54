"""Bringing lost segments back to their place."""

import asyncio
import os
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

from reelwarden_backup.site.replicator.domain import Footage
from reelwarden_backup.site.replicator.files import (
    Occupied,
    OutsideStorage,
    digest_of_file,
    put_back,
    scratch,
    target,
)
from reelwarden_backup.site.replicator.patience import Patience
from reelwarden_backup.site.replicator.restores import ToRestore
from reelwarden_backup.site.replicator.store import ReplicatorStore
from reelwarden_common.messaging.units import Units
from reelwarden_common.s3 import S3, NotAllowed, NotStored, StoreAway

BATCH = 10


class CannotRestore(Exception):
    """Why a segment will not come back; `reason` is a code."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Restoring:
    """Downloads beside the footage, checks the digest, and only then puts it at its place."""

    def __init__(self, units: Units[ReplicatorStore], s3: S3, storage: Path, patience: Patience) -> None:
        self._units = units
        self._s3 = s3
        self._storage = storage
        self._patience = patience

    async def turn(self) -> None:
        """Bring back what was asked for."""
        if self._patience.resting:
            return
        async with self._units.begin() as store:
            batch = store.restores.due(BATCH)
        for one in batch:
            await self._restore(one)

    async def _restore(self, one: ToRestore) -> None:
        try:
            footage = one.footage or await self._facts(one)
            await self._fetch(one, footage)
        except CannotRestore as error:
            async with self._units.begin() as store:
                store.tell_not_restored(one, error.reason, str(error))
        except (StoreAway, NotAllowed, OSError) as error:
            if isinstance(error, StoreAway | NotAllowed):
                await self._patience.is_away(error)
            async with self._units.begin() as store:
                store.restores.postpone(one, str(error))
        else:
            async with self._units.begin() as store:
                store.tell_restored(footage)

    async def _facts(self, one: ToRestore) -> Footage:
        """What the object itself says, where this role's own file knows nothing (it was lost)."""
        request = one.request
        try:
            facts = await self._s3.facts(request.bucket, request.key, request.object_version)
            return Footage(
                segment=request.segment,
                camera=facts["camera"],
                start=datetime.fromisoformat(facts["start"]),
                end=datetime.fromisoformat(facts["end"]),
                digest=facts["sha256"],
                size=0,
                locator=unquote(facts["locator"]),
                file_time=datetime.fromisoformat(facts["file-time"]),
            )
        except NotStored as error:
            raise CannotRestore("missing", str(error)) from error
        except (KeyError, ValueError) as error:
            raise CannotRestore("unknown-segment", f"nobody knows where it belongs: {error}") from error

    async def _fetch(self, one: ToRestore, footage: Footage) -> None:
        request = one.request
        try:
            place = await asyncio.to_thread(target, self._storage, footage.locator)
            if await asyncio.to_thread(os.path.lexists, place):
                if await asyncio.to_thread(digest_of_file, place) == request.digest:
                    return
                raise CannotRestore("occupied", f"another file lies at {footage.locator}")
            part = await asyncio.to_thread(scratch, self._storage, request.segment)
            found = await self._s3.get_file(request.bucket, request.key, part, request.object_version)
            if found != request.digest:
                part.unlink(missing_ok=True)
                raise CannotRestore("corrupt", f"the copy has SHA-256 {found}, not {request.digest}")
            await asyncio.to_thread(put_back, part, place, footage.file_time)
        except NotStored as error:
            raise CannotRestore("missing", str(error)) from error
        except OutsideStorage as error:
            raise CannotRestore("outside-storage", str(error)) from error
        except Occupied as error:
            raise CannotRestore("occupied", str(error)) from error
