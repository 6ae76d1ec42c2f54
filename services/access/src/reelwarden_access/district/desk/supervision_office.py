"""What can be done while footage runs, for the API and the pages alike (R4.3)."""

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

from reelwarden_access.district.desk.acts import supervising
from reelwarden_access.district.desk.acts.supervising import Frame, FrameAsked, Live
from reelwarden_access.district.desk.application import Supervision
from reelwarden_access.district.desk.desk import About, Desk
from reelwarden_access.district.desk.stills import burnt, frame_at
from reelwarden_access.district.desk.tables.supervised import Still
from reelwarden_access.district.desk.watched import Mark
from reelwarden_common.s3 import S3
from reelwarden_common.web import Person


class SupervisionOffice:
    """The acts of a running supervision, each in its transaction, with refusals recorded.

    Args:
        desk: Lets people act.
        s3: Where exported copies lie; read only.
    """

    def __init__(self, desk: Desk, s3: S3) -> None:
        self._desk = desk
        self._s3 = s3
        self._zone = ZoneInfo(desk.config.time_zone)
        self._turn = asyncio.Semaphore(1)

    async def live(self, who: Person, application: str) -> Live:
        """What goes on under the supervision of an application."""
        about = About("read", application=application)
        return await self._desk.perform(who, about, lambda work: supervising.live(work, application))

    async def come_or_go(self, who: Person, application: str, name: str, *, here: bool) -> Supervision:
        """Note who comes into the room, or leaves it."""
        about = About("presence", application=application)
        return await self._desk.perform(
            who, about, lambda work: supervising.come_or_go(work, application, name, here=here)
        )

    async def pulse(self, who: Person, viewing: str, mark: Mark) -> datetime | None:
        """Hear the player; None when the viewing is over."""
        about = About("view", viewing=viewing)
        return await self._desk.perform(who, about, lambda work: supervising.pulse(work, viewing, mark))

    async def take_still(self, who: Person, asked: FrameAsked) -> Still:
        """Make a frame on the server, mark burnt in; asked again whether it may be, once it is made."""
        about = About("still", viewing=asked.viewing)
        frame = await self._desk.perform(who, about, lambda work: supervising.frame(work, asked))
        async with self._turn:
            made = await self._make(frame, asked.position_ms)
        return await self._desk.perform(who, about, lambda work: supervising.keep_still(work, asked, made))

    async def picture(self, who: Person, viewing: str, number: int) -> bytes:
        """A still of an open viewing."""
        about = About("view", viewing=viewing)
        return await self._desk.perform(who, about, lambda work: supervising.picture(work, viewing, number))

    async def _make(self, frame: Frame, position_ms: int) -> bytes:
        async def read(place: int, length: int) -> bytes:
            chunks = self._s3.stream(frame.bucket, frame.key, place, length)
            return b"".join([chunk async for chunk in chunks])

        moment = f"+{position_ms / 1000:.3f} s"
        if frame.shown_at is not None:
            local = frame.shown_at.astimezone(self._zone)
            moment = f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d} {local:%z}"
        lines = (f"{frame.recipient} · {frame.number}", f"{frame.camera} · {moment}")
        picture = await frame_at(read, frame.size, position_ms)
        return await asyncio.to_thread(burnt, picture, lines)
