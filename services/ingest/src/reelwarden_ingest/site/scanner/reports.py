"""What the scanner says by itself from time to time: counts, storage, silent cameras, clocks."""

import asyncio
from datetime import UTC, datetime, timedelta

from reelwarden_common.events.ingest import (
    CameraClock,
    CameraForecast,
    CameraSilent,
    DayCounted,
    StorageForecast,
    StorageMeasured,
)
from reelwarden_common.identity import digest_of
from reelwarden_ingest.site.scanner.dating import clock_offset_ms
from reelwarden_ingest.site.scanner.domain import Said
from reelwarden_ingest.site.scanner.forecast import Forecast, forecast
from reelwarden_ingest.site.scanner.recorders import RecordedCamera
from reelwarden_ingest.site.scanner.scan import Scanner
from reelwarden_ingest.site.scanner.storage import Unbound
from reelwarden_ingest.site.scanner.store import Catalogue

DAYS_A_TURN = 100
OFFSET_WORTH_TELLING_MS = 2000
SHORTEST_SILENCE = timedelta(seconds=60)
SILENT_SEGMENTS = 3
RECOUNT_EVERY = timedelta(days=1)
LONG_AGO = datetime.min.replace(tzinfo=UTC)
FORECAST_EVERY = timedelta(hours=1)


class Reports:
    """Periodic events; each turn is one transaction."""

    def __init__(self, scanner: Scanner, forget_after: timedelta) -> None:
        self._scanner, self._forget_after = scanner, forget_after
        self._recounted_at: dict[str, datetime] = {}

    async def count_days(self) -> None:
        """Tell the camera-days that changed, so that the index can ask for what it lacks.

        The day that the catalogue has come to is told each time: it says how far the catalogue goes.
        """
        scanner = self._scanner
        async with scanner.units.begin() as catalogue:
            self._recount(catalogue)
            for camera in scanner.recorders.cameras:
                if (reached := reached_by(scanner, catalogue, camera)) is not None:
                    catalogue.days.changed(camera, f"{reached:%Y-%m-%d}")
            days = catalogue.days.untold(DAYS_A_TURN)
        for camera, day in days:
            async with scanner.units.begin() as catalogue:
                self._count(catalogue, camera, day)

    def _count(self, catalogue: Catalogue, camera: str, day: str) -> None:
        reached = reached_by(self._scanner, catalogue, camera)
        if reached is not None:
            states = catalogue.days.states(camera, day)
            counted = DayCounted(
                camera=camera,
                day=day,
                count=len(states),
                digest=digest_of(states),
                complete_to=reached,
                states=digest_of(f"{one} {state}" for one, state in states.items()),
            )
            catalogue.publish(self._scanner.school, counted)
        if reached is not None or camera not in self._scanner.recorders.cameras:
            catalogue.days.told(camera, day)

    def _recount(self, catalogue: Catalogue) -> None:
        """Once a day every camera's days are told anew, one camera a turn: it heals a restored district."""
        now = self._scanner.clock()
        for camera in self._scanner.recorders.cameras:
            if (
                abs(now - self._recounted_at.get(camera, LONG_AGO)) >= RECOUNT_EVERY
            ):  # the clock may be set back
                self._recounted_at[camera] = now
                catalogue.days.all_changed(camera)
                return

    async def measure_storage(self) -> None:
        """Tell size and free space, for how many days they last, and whether it is the right storage."""
        scanner = self._scanner
        try:
            await scanner.bind()
            total, free = await asyncio.to_thread(scanner.storage.space)
            writable = await asyncio.to_thread(scanner.storage.writable)
        except (Unbound, OSError):
            async with scanner.units.begin() as catalogue:
                catalogue.publish(scanner.school, StorageMeasured(total=0, free=0, bound=False))
            return
        async with scanner.units.begin() as catalogue:
            now = scanner.clock()
            made = forecast(free, catalogue.volumes.stored(scanner.keeping(catalogue), now), now)
            daily = sum(camera.daily for camera in made.cameras)
            measured = StorageMeasured(
                total=total,
                free=free,
                forecast_days=round(free / daily, 1) if daily else None,
                files=catalogue.volumes.files(),
                writable=writable,
            )
            catalogue.publish(scanner.school, measured)
            self._foretell(catalogue, as_told(made), now)
            catalogue.forget(now - self._forget_after)

    def _foretell(self, catalogue: Catalogue, foretold: StorageForecast, now: datetime) -> None:
        """Tell how many days each camera will hold, where that is news or an hour has passed."""
        before = catalogue.volumes.told()
        if before is None or now - before[1] >= FORECAST_EVERY or is_news(foretold, before[0]):
            catalogue.publish(self._scanner.school, foretold)
            catalogue.volumes.tell(foretold, now)

    async def look_at_cameras(self) -> None:
        """Tell which cameras fell silent, and whose clocks are off."""
        scanner = self._scanner
        async with scanner.units.begin() as catalogue:
            for camera in scanner.recorders.cameras.values():
                said = catalogue.cameras.said(camera.id)
                since = self._silent_since(catalogue, camera)
                if since is not None and since != said.silent_since:
                    catalogue.publish(scanner.school, CameraSilent(camera=camera.id, since=since))
                offset_ms = self._offset_ms(camera.id, said)
                if offset_ms != said.offset_ms:
                    catalogue.publish(scanner.school, CameraClock(camera=camera.id, offset_ms=offset_ms))
                catalogue.cameras.say(camera.id, Said(since, offset_ms))

    def _silent_since(self, catalogue: Catalogue, camera: RecordedCamera) -> datetime | None:
        newest = catalogue.cameras.newest(camera.id)
        if newest is None or self._scanner.seen_at is None:
            return None
        longest = max(SHORTEST_SILENCE, SILENT_SEGMENTS * camera.segment_length)
        return newest[1] if self._scanner.clock() - newest[1] > longest else None

    def _offset_ms(self, camera: str, said: Said) -> int:
        offsets = self._scanner.offsets_ms[camera]
        if not offsets:
            return said.offset_ms
        offset_ms = clock_offset_ms(list(offsets))
        worth_telling = abs(offset_ms - said.offset_ms) >= OFFSET_WORTH_TELLING_MS
        return offset_ms if worth_telling else said.offset_ms


def reached_by(scanner: Scanner, catalogue: Catalogue, camera: str) -> datetime | None:
    """Up to when a camera's footage is in the catalogue; None: not known yet."""
    newest = catalogue.cameras.newest(camera)
    return scanner.complete_to(camera, None if newest is None else newest[1])


def as_told(made: Forecast) -> StorageForecast:
    """A forecast as an event: tenths of days, whole bytes."""
    return StorageForecast(
        full_in_days=None if made.full_in_days is None else round(made.full_in_days, 1),
        cameras=tuple(
            CameraForecast(
                camera=one.camera,
                held_days=round(one.held_days, 1),
                days=round(one.days, 1),
                keep_days=one.keep_days,
                daily_bytes=round(one.daily),
            )
            for one in made.cameras
        ),
    )


def is_news(now: StorageForecast, before: StorageForecast) -> bool:
    """Whether a forecast changes what somebody has to do: cameras, or their days by one."""

    def judged(one: StorageForecast) -> object:
        cameras = [(c.camera, c.keep_days, int(c.days), c.days < c.keep_days) for c in one.cameras]
        return cameras, None if one.full_in_days is None else int(one.full_in_days)

    return judged(now) != judged(before)
