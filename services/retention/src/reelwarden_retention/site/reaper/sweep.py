"""The sweep: what is due goes, if nothing speaks against it (R3.1)."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from reelwarden_common.events.retention import SweepStopped
from reelwarden_common.messaging.sqlite import SqliteUnits
from reelwarden_common.telemetry import log
from reelwarden_retention.site.reaper.brake import Decision, Limits, decide
from reelwarden_retention.site.reaper.disk import VAULT, Disk
from reelwarden_retention.site.reaper.domain import (
    Due,
    Presence,
    candidates,
    is_held,
)
from reelwarden_retention.site.reaper.erasure import Eraser
from reelwarden_retention.site.reaper.laying import Laying
from reelwarden_retention.site.reaper.store import ReaperStore

BATCH = 50
"""Files between two certificates' commits: more saves fsyncs, fewer keeps the trash small."""
PUT_OFF = timedelta(days=1)
"""When a file that was not as the catalogue says is tried again."""
DOUBT_IS_TOLD = timedelta(hours=26)
"""Longer than the keeper lets a school wait for a fresh plan."""
_DAY = timedelta(days=1)


class Sweeper:
    """Sweeps one school's storage."""

    def __init__(
        self,
        units: SqliteUnits[ReaperStore],
        disk: Disk,
        eraser: Eraser,
        limits: Limits,
        storage: asyncio.Lock,
        laying: Laying,
    ) -> None:
        self._units, self._disk, self._eraser, self._limits = units, disk, eraser, limits
        self._laying = laying
        self._storage = storage
        """Held while files move: the vault must not look for a file that is in the trash for a moment."""

    async def turn(self) -> None:
        """One sweep, from the checks to the last certificate."""
        if not await self._is_bound():
            return
        with self._disk.alone():
            await self._laying.finish()
            async with self._storage:
                await self._eraser.resume()
            async with self._units.begin() as store:
                if self._is_doubted(store):
                    return
                store.forget()
                store.say_applied_if_changed()
            decision = await self._decide()
            for start in range(0, len(decision.erase), BATCH):
                if not await self._erase(decision.erase[start : start + BATCH]):
                    return
            await self._close(decision)
            await self._unneeded_in_vault()

    async def _is_bound(self) -> bool:
        """Whether the storage is the one that was seen first; said aloud when it ceases to be."""
        found = await asyncio.to_thread(self._disk.identity)
        async with self._units.begin() as store:
            known = store.meta("storage")
            if known is None:
                if found is not None:
                    store.remember("storage", found)
                return found is not None
            bound = found == known
            if not bound and store.meta("unbound") != "said":
                self._say_stopped(store, uuid.uuid4().hex, "storage-unbound", [])
            store.remember("unbound", "" if bound else "said")
            return bound

    def _is_doubted(self, store: ReaperStore) -> bool:
        """Whether the clock is not believed; said aloud when no plan mended it for longer than a day."""
        reason = store.doubt()
        if reason is None:
            store.remember("doubted", "")
            return False
        log("reaper").warning("nothing_is_erased", reason=reason)
        up = int(store.rules.machine.uptime().total_seconds())
        since = store.meta("doubted") or str(up)
        if since != "said" and up - int(since) > DOUBT_IS_TOLD.total_seconds():
            self._say_stopped(store, uuid.uuid4().hex, reason, [])
            since = "said"
        elif since != "said":
            since = str(min(int(since), up))
        store.remember("doubted", since)
        return True

    async def _decide(self) -> Decision:
        """What to do in this sweep.

        A stop is said when two sweeps in a row would stop over the same files: while the scanner still reads
        an old storage in, each sweep finds more, and a person would be asked again and again.
        """
        async with self._units.begin() as store:
            now, policies = store.clock(), store.policies()
            looked_at = [one for one in store.catalogue.in_vault() if one.presence is not Presence.PRESENT]
            for camera, policy in policies.items():
                looked_at += store.catalogue.oldest(camera, now - _DAY * max(policy.period.days - 1, 0), now)
            found = candidates(looked_at, policies, store.holds(), store.margins(), now)
            decision = decide(
                found,
                store.catalogue.size(),
                store.journal.open_sweep(),
                self._limits,
                erased_before=store.meta("erased") is not None,
            )
            if decision.closes is not None:
                store.journal.close(decision.closes)
            settled = store.meta("would-stop") == decision.sweep
            store.remember("would-stop", (decision.stop and decision.sweep) or "")
            if decision.stop is not None and decision.sweep is not None and settled:
                store.journal.stop(decision.sweep, decision.stop, found, now)
                self._say_stopped(store, decision.sweep, decision.stop, found)
        return decision

    async def _close(self, decision: Decision) -> None:
        """A sweep that a person confirmed is over once it was gone through.

        What comes back later, because it was restored or did not match, is judged with all else that is due:
        one such file must not keep everything waiting behind it.
        """
        if decision.erase and decision.sweep is not None:
            async with self._units.begin() as store:
                store.journal.close(decision.sweep)

    async def _erase(self, batch: Sequence[Due]) -> bool:
        """One batch; tells whether the clock is still believed and the storage still there."""
        async with self._units.begin() as store:
            if store.doubt() is not None or self._disk.identity() != store.meta("storage"):
                return False
        async with self._storage:
            differing = await self._eraser.erase(batch)
        if differing:
            by_id = {one.footage.id: one for one in batch}
            async with self._units.begin() as store:
                store.catalogue.put_off([one.id for one in differing], store.clock() + PUT_OFF)
                self._say_stopped(store, uuid.uuid4().hex, "mismatch", [by_id[one.id] for one in differing])
        return True

    async def _unneeded_in_vault(self) -> None:
        """Let the vault go of files that no hold covers any more and that are still at their place.

        One that is not, because its recorder overwrote it, is all that is left: it has its own day.
        """
        async with self._storage, self._units.begin() as store:
            standing, margins = store.standing(), store.margins()
            for one in store.catalogue.in_vault():
                if one.vault is None or one.presence is not Presence.PRESENT:
                    continue
                place = f"{VAULT}/{one.vault}"
                if is_held(one, standing, margins):
                    continue
                if self._disk.look(place) is not None and not self._disk.same(one.locator, place):
                    store.catalogue.gone(one.id)
                    continue
                if not store.catalogue.shares_vault(one.id, one.vault):
                    self._disk.unlink([place])
                store.catalogue.vaulted(one.id, None)

    def _say_stopped(self, store: ReaperStore, sweep: str, reason: str, items: Sequence[Due]) -> None:
        starts: list[datetime] = [one.footage.start for one in items] or [store.clock()]
        event = SweepStopped(
            sweep=sweep,
            reason=reason,
            segments=len(items),
            bytes=sum(one.footage.size for one in items),
            oldest=min(starts),
            newest=max(starts),
        )
        store.publish(store.school, event)
        log("reaper").warning("sweep_stopped", sweep=sweep, reason=reason, files=len(items))
