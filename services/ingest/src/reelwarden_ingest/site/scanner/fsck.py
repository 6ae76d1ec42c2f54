"""What the scanner answers for: every catalogued segment is at its place, and nothing else is there."""

import asyncio
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from reelwarden_common.errors import Refused, Transient
from reelwarden_common.events.fsck import DayTotal, Depth, Difference
from reelwarden_common.events.ingest import Segment
from reelwarden_common.identity import digest_of
from reelwarden_common.messaging.fsck import READ_SHARE, Fsck, Look, Portion
from reelwarden_ingest.site.scanner.domain import Keeping, State
from reelwarden_ingest.site.scanner.recorders import is_video
from reelwarden_ingest.site.scanner.scan import Scanner
from reelwarden_ingest.site.scanner.storage import Entry, Listing, Storage, printable

DAYS_A_PORTION = 200
"""A camera-day has thousands of segments: so many times fewer of them are counted at once."""

HOLDS_OTHER = ("digest-differs", "size-differs")


def checks(scanner: Scanner) -> Fsck:
    """All checks of the scanner."""
    return Fsck(Segments(scanner), Files(scanner), Days(scanner))


class Segments:
    """The catalogue's segments, each with its file; keys are segment ids, one goes on after `<id>/<locator>`.

    What is known to be lost is told until its day has come. What holds something else than was recorded is
    read again by the scanner, which says so as ever: an alteration that no file time shows is one too.
    """

    name = "segments"

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner

    async def total(self, look: Look) -> int:
        """Files on the disk, as catalogued."""
        del look
        async with self._scanner.units.begin() as catalogue:
            return catalogue.volumes.files()

    async def on(self, look: Look, after: str, limit: int) -> tuple[Portion, str | None]:
        """The next ones by place."""
        await self._scanner.bind()
        limit = max(1, limit // READ_SHARE) if look.at(Depth.DIGEST) else limit
        identifier, _, locator = after.partition("/")
        async with self._scanner.units.begin() as catalogue:
            found = catalogue.kept_after(locator, identifier, limit)
        portion = await self._look_at(look, found)
        last = found[-1][0] if len(found) == limit else None
        return portion, None if last is None else f"{last.id}/{last.locator}"

    async def again(self, look: Look, keys: Sequence[str]) -> Portion:
        """Only once everything was heard: an erasure may not have been said yet."""
        await self._scanner.bind()
        if not await self._scanner.hears_all():
            raise Transient("not all that was said at the school was heard yet: ask again soon")
        async with self._scanner.units.begin() as catalogue:
            found = [one for key in keys if (one := catalogue.kept(key)) is not None]
        return await self._look_at(look, found)

    async def repair(self, look: Look, key: str) -> str:
        """Footage is never mended by writing over it."""
        del look, key
        raise Refused("not-repairable")

    async def _look_at(self, look: Look, found: Sequence[tuple[Segment, State, str | None]]) -> Portion:
        async with self._scanner.units.begin() as catalogue:
            keeping, now = self._scanner.keeping(catalogue), self._scanner.clock()
            there = [one for one in found if one[1] is not State.LOST or _is_missed(one[0], keeping, now)]
        portion = await asyncio.to_thread(_compare, self._scanner.storage, look, there)
        # An unmounted disk looks like vanished files.
        await self._scanner.bind()
        other = {one.item for one in portion.differences if one.kind in HOLDS_OTHER}
        self._scanner.read_again(segment.locator for segment, *_ in found if _item(segment) in other)
        return portion


def _is_missed(segment: Segment, keeping: Callable[[str], Keeping | None], now: datetime) -> bool:
    kept = keeping(segment.camera)
    return kept is None or now < kept.period.due(segment.end)


def _compare(storage: Storage, look: Look, found: Sequence[tuple[Segment, State, str | None]]) -> Portion:
    portion = Portion(checked=len(found))
    for (segment, state, found_digest), entry in zip(found, _entries(storage, found), strict=True):
        if state is State.LOST:
            portion.differences.append(_differs(segment, "lost", "", ""))
        elif entry is None:
            portion.differences.append(_differs(segment, "missing", "", ""))
        elif entry.problem is not None:
            portion.differences.append(_differs(segment, "unreadable", "", entry.problem.detail))
        elif state is State.ALTERED:
            portion.differences.append(_differs(segment, "altered", segment.digest, found_digest or ""))
        elif look.at(Depth.SIZE) and entry.signature.size != segment.size:
            portion.differences.append(
                _differs(segment, "size-differs", f"{segment.size}", f"{entry.signature.size}")
            )
        elif look.at(Depth.DIGEST):
            portion.bytes_read += segment.size
            portion.differences += _read(storage, segment)
    return portion


def _entries(storage: Storage, found: Sequence[tuple[Segment, State, str | None]]) -> Iterator[Entry | None]:
    """What lies at their places, which come in order of their folders."""
    for folder, some in groupby((one[0].locator.rpartition("/") for one in found), key=itemgetter(0)):
        yield from storage.look_in(folder, *(name for _, _, name in some))


def _read(storage: Storage, segment: Segment) -> Iterator[Difference]:
    try:
        with storage.opened(segment.locator) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        yield _differs(segment, "missing", "", "")
    except OSError as error:
        yield _differs(segment, "unreadable", "", error.strerror or "")
    else:
        if digest != segment.digest:
            yield _differs(segment, "digest-differs", segment.digest, digest)


def _item(segment: Segment) -> str:
    return f"{Segments.name}:{segment.id}"


def _differs(segment: Segment, kind: str, expected: str, found: str) -> Difference:
    return Difference(
        item=_item(segment),
        kind=kind,
        camera=segment.camera,
        start=segment.start,
        where=segment.locator[:400],
        expected=expected,
        found=found[:200],
    )


@dataclass(frozen=True)
class _Part:
    """Some files of one folder, in order of their names, from `after` to `upto` (None: to its end)."""

    folder: str
    entries: tuple[Entry, ...]
    after: str
    upto: str | None


class Files:
    """What lies in the recorders' folders; keys are paths, one goes on after [folder, name]."""

    name = "files"

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner

    async def total(self, look: Look) -> int:
        """Nobody knows how many there are besides the catalogued ones."""
        return await Segments(self._scanner).total(look)

    async def on(self, look: Look, after: str, limit: int) -> tuple[Portion, str | None]:
        """The next ones; a folder that cannot be read is a difference of its own."""
        del look
        await self._scanner.bind()
        parts, unreadable, then = await asyncio.to_thread(self._parts, after, limit)
        portion = Portion(differences=unreadable)
        for part in parts:
            portion += await self._compare(part)
        return portion, then

    def _parts(self, after: str, limit: int) -> tuple[list[_Part], list[Difference], str | None]:
        folder_done, name_done = json.loads(after) if after else (None, None)
        parts: list[_Part] = []
        unreadable: list[Difference] = []
        room = limit
        for folder, listing in self._listings(folder_done):
            same = printable(folder) == folder_done
            if isinstance(listing, OSError):
                unreadable.append(_unreadable(folder, listing))
            if isinstance(listing, OSError) or (same and name_done is None):
                continue
            begin = name_done or "" if same else ""
            entries = sorted(listing.entries, key=_name)
            left = tuple(entry for entry in entries if _name(entry) > begin)
            whole = len(left) <= room
            taken = left[:room]
            parts.append(_Part(folder, taken, begin, None if whole else _name(taken[-1])))
            room -= len(taken)
            if not whole or room == 0:
                return parts, unreadable, json.dumps([printable(folder), parts[-1].upto])
        return parts, unreadable, None

    def _listings(self, after: str | None) -> Iterator[tuple[str, Listing | OSError]]:
        """Every folder below the recorders' roots from `after` on, each before what lies in it."""
        for root in self._scanner.recorders.roots:
            yield from self._below(root, None if after is None else _parts_of(after))

    def _below(self, folder: str, after: tuple[str, ...] | None) -> Iterator[tuple[str, Listing | OSError]]:
        parts = _parts_of(printable(folder))
        if after is not None and parts < after and after[: len(parts)] != parts:
            return
        try:
            listing = self._scanner.storage.list(folder)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            yield folder, error
            return
        if after is None or parts >= after:
            yield folder, listing
        for subfolder in sorted(listing.subfolders, key=lambda one: _parts_of(printable(one))):
            yield from self._below(subfolder, after)

    async def _compare(self, part: _Part) -> Portion:
        scanner = self._scanner
        async with scanner.units.begin() as catalogue:
            known = catalogue.signatures(printable(part.folder), scanner.clock(), part.after, part.upto)
        unknown = [entry for entry in part.entries if _name(entry) not in known and self._counts(entry)]
        return Portion(differences=[_unknown(entry) for entry in unknown])

    def _counts(self, entry: Entry) -> bool:
        """Whether the catalogue should know it: what is still written or waits is on its way."""
        footage = entry.problem is not None or is_video(entry.path)
        return footage and entry.path not in self._scanner.room

    async def again(self, look: Look, keys: Sequence[str]) -> Portion:
        """The same of single paths; a folder ends with a slash."""
        del look
        scanner = self._scanner
        await scanner.bind()
        portion = Portion(checked=len(keys))
        for key in keys:
            if key.endswith("/"):
                try:
                    await asyncio.to_thread(scanner.storage.mtime_ns, key[:-1])
                except FileNotFoundError:
                    continue
                except OSError as error:
                    portion.differences.append(_unreadable(key[:-1], error))
                continue
            entry = scanner.storage.look(key)
            async with scanner.units.begin() as catalogue:
                known = catalogue.signature_at(key, scanner.clock())
            if entry is not None and known is None and self._counts(entry):
                portion.differences.append(_unknown(entry))
        return portion

    async def repair(self, look: Look, key: str) -> str:
        """Read it: nothing but the catalogue changes, by the same rules as always."""
        if not (await self.again(look, [key])).differences or key.endswith("/"):
            raise Refused("not-repairable" if key.endswith("/") else "as-it-should-be")
        await self._scanner.notice([key])
        return "is-read"


class Days:
    """The camera-days as they are told to the index; keys and places are `<camera>/<day>`."""

    name = "days"

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner

    async def total(self, look: Look) -> int:
        """They are counted along."""
        del look
        return 0

    async def on(self, look: Look, after: str, limit: int) -> tuple[Portion, str | None]:
        """The next ones."""
        del look
        portion = Portion()
        for _ in range(max(1, limit // DAYS_A_PORTION)):
            async with self._scanner.units.begin() as catalogue:
                following = catalogue.days.following(*_camera_day(after))
                if following is None:
                    return portion, None
                portion.days += _total(following, [*catalogue.days.states(*following)])
            after = "/".join(following)
        return portion, after

    async def again(self, look: Look, keys: Sequence[str]) -> Portion:
        """Count these."""
        del look
        portion = Portion()
        for key in keys:
            async with self._scanner.units.begin() as catalogue:
                portion.days += _total(_camera_day(key), [*catalogue.days.states(*_camera_day(key))])
        return portion

    async def repair(self, look: Look, key: str) -> str:
        """The index asks."""
        del look, key
        raise Refused("not-repairable")


def _total(place: tuple[str, str], ids: Sequence[str]) -> list[DayTotal]:
    camera, day = place
    return [DayTotal(camera=camera, day=day, count=len(ids), digest=digest_of(ids))] if ids else []


def _camera_day(text: str) -> tuple[str, str]:
    camera, _, day = text.partition("/")
    return camera, day


def _parts_of(folder: str) -> tuple[str, ...]:
    return tuple(folder.split("/")) if folder else ()


def _name(entry: Entry) -> str:
    return printable(entry.path.rpartition("/")[2])


def _unknown(entry: Entry) -> Difference:
    path = printable(entry.path)
    return Difference(
        item=f"{Files.name}:{path}",
        kind="unknown-file",
        where=path[:400],
        found=f"{entry.signature.size}",
        repairable=path == entry.path,
    )


def _unreadable(folder: str, error: OSError) -> Difference:
    path = f"{printable(folder)}/"
    return Difference(
        item=f"{Files.name}:{path}", kind="unreadable", where=path[:400], found=error.strerror or ""
    )
