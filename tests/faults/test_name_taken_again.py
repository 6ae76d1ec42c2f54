"""A recorder takes the name of a file that is due, while it is swept and a hold comes for it: many rounds.

The reaper is a process that sweeps all the time; recorder and district hit it at any moment. However it ends,
each content is kept, certified once, or was overwritten by its recorder, and a hold says which.
"""

import asyncio
import hashlib
import os
import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.retention import HoldInForce, SegmentsErased
from reelwarden_common.identity import digest_of as digest_of_all
from tests.support.ingest import until
from tests.support.retention import filed
from tests.support.school_days import DAY, SCHOOL, open_school
from tests.support.town import Film, Town, unlike_others
from tests.support.video import clip

ROUNDS, FILES = 4, 10
WRITTEN = 0.5
"""Seconds after the first hold may have been said."""


@dataclass
class Try:
    """One file: its content, what took its name, and the application that asked for it."""

    film: Film
    digest: str
    successor: str | None = None
    application: str | None = None


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def lying(place: Town, below: str = "") -> set[str]:
    """The digest of every video on the storage: at its place, in the vault, in the trash."""
    found = set()
    for path in (place.storage(SCHOOL) / below).rglob("*"):
        try:
            if path.is_file():
                found.add(digest_of(path.read_bytes()))
        except FileNotFoundError:
            continue  # it is on its way from one place to the other
    return found


def take_name(film: Film, at: datetime, root: Path) -> str:
    """The recorder gives the name to a new file and says that it closed it; tells the new digest."""
    body = unlike_others(clip(10))
    draft = film.path.with_suffix(".part")
    draft.write_bytes(body)
    os.utime(draft, (at.timestamp(), at.timestamp()))
    film.path.parent.mkdir(parents=True, exist_ok=True)
    draft.replace(film.path)
    notes = root / ".reelwarden/closed"
    notes.mkdir(exist_ok=True)
    (notes / film.id).write_text(str(film.path.relative_to(root)), encoding="utf-8")
    return digest_of(body)


async def one_try(place: Town, start: datetime, chance: random.Random) -> Try:
    """A file that is due at once; its name is taken and a hold comes for it, each at some moment or never."""
    held, taken = chance.uniform(0, 1.5), chance.uniform(0.2, 2)
    takes, holds = chance.choice([(False, False), (False, True), (True, False), (True, True), (True, True)])
    name = f"a-{start:%d%H%M}" if holds else None
    span = CameraSpan(camera="gate", start=start, end=start + timedelta(seconds=10))

    async def write() -> Try:
        await asyncio.sleep(WRITTEN)
        film = place.film(SCHOOL, start)
        made = Try(film, digest_of(film.path.read_bytes()), application=name)
        if takes:
            await asyncio.sleep(taken)
            made.successor = take_name(film, place.clocks[SCHOOL](), place.storage(SCHOOL))
        return made

    async def hold() -> None:
        if name is not None:
            await asyncio.sleep(held)
            await place.say("desk", SCHOOL, filed(name, [span], place.district_clock() + 30 * DAY))

    return (await asyncio.gather(write(), hold()))[0]


async def certified(place: Town) -> dict[str, list[str]]:
    """Per segment, the digests that it was certified under."""
    found = defaultdict(list)
    for event in await place.heard(SegmentsErased, "SITE", SCHOOL, SCHOOL):
        for one in event.certificates:
            found[one.segment].append(one.digest)
    return found


async def told(place: Town) -> dict[str, list[HoldInForce]]:
    """Per application, what the site said of its hold."""
    found = defaultdict(list)
    for event in await place.heard(HoldInForce, "SITE", SCHOOL, SCHOOL):
        found[event.cause].append(event)
    return found


async def all_lie(place: Town, digests: set[str]) -> bool:
    return digests <= lying(place)


async def is_over(place: Town, tries: list[Try]) -> bool:
    """Each hold is answered for, and what nobody holds or overwrote is certified."""
    answers, gone = await told(place), await certified(place)
    for one in tries:
        if one.application:
            if not answers[one.application]:
                return False
        elif not one.successor and not gone[one.film.id]:
            return False
    return not any((place.storage(SCHOOL) / ".reelwarden/trash").iterdir())


async def test_every_content_is_kept_or_certified_or_was_overwritten(place: Town) -> None:
    place.settings |= {"RW_SWEEP_SECONDS": "0.05", "RW_VAULT_SECONDS": "0.05", "RW_BRAKE_SEGMENTS": "1000"}
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    await open_school(place)
    before = place.clocks[SCHOOL]().replace(hour=1, minute=0, second=0, microsecond=0) - 40 * DAY
    tries: list[Try] = []
    for number in range(ROUNDS):
        starts = [before + timedelta(hours=number, minutes=n) for n in range(FILES)]
        tries += await asyncio.gather(*(one_try(place, start, chance) for start in starts))
        await until(partial(is_over, place, tries))
    gone, answers = await certified(place), await told(place)
    last = {one.successor for one in tries if one.successor is not None}
    await until(partial(all_lie, place, last))
    there, vault = lying(place), lying(place, ".reelwarden/vault")
    ways = {"certified": 0, "in force": 0, "overwritten": 0}
    for one in tries:
        erased = gone[one.film.id]
        assert erased in ([], [one.digest])
        if erased:
            ways["certified"] += 1
            assert one.digest not in there
        elif one.digest in there:
            assert one.application is not None
        else:
            ways["overwritten"] += 1
            assert one.successor is not None
        said = [answer.digest for answer in answers[one.application or ""]]
        if digest_of_all([one.digest]) in said:
            ways["in force"] += 1
            assert one.digest in vault
    print(ways)
    assert not {digest for found in gone.values() for digest in found} & last
