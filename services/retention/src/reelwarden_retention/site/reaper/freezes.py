"""Local freezes: a school officer holds footage on the spot, also while the school is cut off.

    python -m reelwarden_retention.site.reaper.freeze --camera gate --from … --to … --purpose …

writes a file into a folder of the reaper's state; who may write there is decided by the machine's own users.
"""

import asyncio
import json
import os
from pathlib import Path

from pydantic import ValidationError

from reelwarden_common.events.base import Model, Reason
from reelwarden_common.events.retention import Hold, HoldFrozen, HoldSource
from reelwarden_common.messaging.sqlite import SqliteUnits
from reelwarden_common.telemetry import log
from reelwarden_retention.site.reaper.domain import KeptHold
from reelwarden_retention.site.reaper.store import ReaperStore


class Freeze(Model):
    """One request as it lies in the folder."""

    hold: Hold
    actor: Reason


def leave(folder: Path, freeze: Freeze) -> Path:
    """Put a request where the reaper finds it, whole or not at all."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{freeze.hold.id}.json"
    draft = path.with_suffix(".part")
    with draft.open("w", encoding="utf-8") as file:
        file.write(freeze.model_dump_json())
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    return path


class Freezes:
    """Takes the requests in."""

    def __init__(self, units: SqliteUnits[ReaperStore], folder: Path) -> None:
        self._units, self._folder = units, folder

    async def turn(self) -> None:
        """Every request becomes a hold at once; one that cannot be read is set aside for a person."""
        paths = await asyncio.to_thread(lambda: sorted(self._folder.glob("*.json")))
        for path in paths:
            try:
                freeze = Freeze.model_validate(json.loads(path.read_text(encoding="utf-8")))
            except (ValidationError, ValueError) as error:
                log("reaper").error("freeze_not_readable", file=path.name, error=str(error)[:300])
                path.rename(path.with_suffix(".refused"))
                continue
            hold = freeze.hold.model_copy(update={"source": HoldSource.FREEZE})
            async with self._units.begin() as store:
                known = {kept.hold.id for kept in store.holds()}
                if hold.id not in known:
                    store.put_holds([KeptHold(hold)])
                    store.publish(store.school, HoldFrozen(hold=hold, actor=freeze.actor))
                    store.say_kept()
            path.unlink()
