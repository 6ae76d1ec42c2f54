"""What the index answers for: it has what each school counted, and no row contradicts its certificate."""

from collections.abc import Sequence

from reelwarden_common.errors import Refused
from reelwarden_common.events.fsck import DayTotal, Depth, Difference
from reelwarden_common.events.ingest import DayDiffers
from reelwarden_common.messaging.fsck import Fsck, Look, Portion
from reelwarden_common.messaging.units import Units
from reelwarden_ingest.district.index import checked
from reelwarden_ingest.district.index.checked import CameraDay, Doubtful
from reelwarden_ingest.district.index.domain import Counted, lacking
from reelwarden_ingest.district.index.store import IndexStore

DAYS_A_PORTION = 100
"""A camera-day has thousands of segments: so many times fewer of them are counted at once."""


def checks(units: Units[IndexStore]) -> Fsck:
    """All checks of the index."""
    return Fsck(Days(units), Segments(units))


class Days:
    """Camera-days as they were told; keys and places are `<camera>/<day>`."""

    name = "days"

    def __init__(self, units: Units[IndexStore]) -> None:
        self._units = units

    async def total(self, look: Look) -> int:
        """Segments told."""
        async with self._units.begin() as store:
            return await checked.size(store.conn, _school(look))

    async def on(self, look: Look, after: str, limit: int) -> tuple[Portion, str | None]:
        """The next ones."""
        limit = max(1, limit // DAYS_A_PORTION)
        async with self._units.begin() as store:
            days = await checked.days_after(store.conn, _school(look), CameraDay.read(after), limit)
        return await self.again(look, [str(day) for day in days]), f"{days[-1]}" if len(
            days
        ) == limit else None

    async def again(self, look: Look, keys: Sequence[str]) -> Portion:
        """Count these."""
        portion = Portion()
        async with self._units.begin() as store:
            for day in map(CameraDay.read, keys):
                have, told = await checked.count(store.conn, _school(look), day)
                portion.checked += have.count
                portion.days += _total(day, have)
                # Of a day that nobody counted yet nothing is known.
                if told is not None and lacking(told, have):
                    portion.differences.append(_day_differs(day, told, have))
        return portion

    async def repair(self, look: Look, key: str) -> str:
        """Have the school say the camera-day again: what is there already stays as it is."""
        day = CameraDay.read(key)
        async with self._units.begin() as store:
            store.publish(_school(look), DayDiffers(camera=day.camera, day=day.day.isoformat()))
        return "is-said-again"


class Segments:
    """Rows against certificates; keys are `<camera>/<day>/<id>`, places camera-days."""

    name = "segments"

    def __init__(self, units: Units[IndexStore]) -> None:
        self._units = units

    async def total(self, look: Look) -> int:
        """Counted by their days."""
        del look
        return 0

    async def on(self, look: Look, after: str, limit: int) -> tuple[Portion, str | None]:
        """The rest of a camera-day, or the next one."""
        place, _, last = after.partition("#")
        portion = Portion()
        async with self._units.begin() as store:
            if last:
                day: CameraDay | None = CameraDay.read(place)
            else:
                following = await checked.days_after(store.conn, _school(look), CameraDay.read(place), 1)
                day = following[0] if following else None
            if day is None:
                return portion, None
            found = await checked.doubtful(store.conn, _school(look), day, identity=look.at(Depth.DIGEST))
        begin = int(last or 0)
        portion.differences = [_doubted(day, one) for one in found[begin : begin + limit]]
        more = len(found) > begin + limit
        return portion, f"{day}#{begin + limit}" if more else f"{day}"

    async def again(self, look: Look, keys: Sequence[str]) -> Portion:
        """These."""
        portion = Portion()
        async with self._units.begin() as store:
            for key in keys:
                place, _, segment = key.rpartition("/")
                day = CameraDay.read(place)
                found = await checked.doubtful(
                    store.conn, _school(look), day, [segment], identity=look.at(Depth.DIGEST)
                )
                portion.differences += [_doubted(day, one) for one in found]
        return portion

    async def repair(self, look: Look, key: str) -> str:
        """Mark as erased what a certificate says is erased; nothing else is changed."""
        place, _, segment = key.rpartition("/")
        async with self._units.begin() as store:
            if not await checked.mark_erased(store.conn, _school(look), CameraDay.read(place), segment):
                raise Refused("not-repairable")
        return "is-marked-erased"


def _school(look: Look) -> str:
    if not look.school:
        raise Refused("the question names no school")
    return look.school


def _total(day: CameraDay, have: Counted) -> list[DayTotal]:
    total = DayTotal(camera=day.camera, day=day.day.isoformat(), count=have.count, digest=have.digest)
    return [total] if have.count else []


def _day_differs(day: CameraDay, told: Counted, have: Counted) -> Difference:
    return Difference(
        item=f"{Days.name}:{day}",
        kind="day-differs",
        camera=day.camera,
        start=day.span[0],
        where=str(day),
        expected=f"{told.count}",
        found=f"{have.count}" if told.digest != have.digest else f"{have.count}, in other states",
        repairable=True,
    )


def _doubted(day: CameraDay, one: Doubtful) -> Difference:
    return Difference(
        item=f"{Segments.name}:{day}/{one.id}",
        kind=one.kind,
        camera=one.camera,
        start=one.start,
        where=f"{day}/{one.id}",
        expected=one.expected,
        found=one.found,
        repairable=one.kind == "erased-but-listed",
    )
