"""Reading, signing and listing the pages of the mornings; and who has not signed by nine."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from itsdangerous import BadData, URLSafeTimedSerializer

from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.pdf import render_pdf
from reelwarden_common.web import N_, Missing, Person, Text, Wrong
from reelwarden_report.custody.notes import Checkpoint, split
from reelwarden_report.district.inspector.domain import Cause, Kind
from reelwarden_report.district.inspector.morning import Morning, Spot, digest_of_text, grouped, planned
from reelwarden_report.district.inspector.morning_sheet import Sheet
from reelwarden_report.district.inspector.own_keys import Act, Sent
from reelwarden_report.district.inspector.room import Room
from reelwarden_report.district.inspector.settings import Settings
from reelwarden_report.district.inspector.signing import means
from reelwarden_report.district.inspector.store import InspectorStore
from reelwarden_report.district.inspector.tables.document import Document

TEMPLATE = Path(__file__).parent / "print" / "inspection.typ"
FRESH_SECONDS = 1800
"""A page that was looked at longer ago is looked at again before it is signed."""
MOST_FINDINGS = 1000


class Mornings:
    """The pages of all schools."""

    def __init__(self, room: Room, pool: asyncpg.Pool) -> None:
        self._room = room
        self._pool = pool
        key = room.settings.session_key.get_secret_value()
        self._shown = URLSafeTimedSerializer(key, salt="reelwarden.morning.v1")

    async def now(self, school: str) -> Morning:
        """The page as it is now.

        Raises:
            Missing: there is no such school.
        """
        room, now = self._room, self._room.clock()
        if school == DISTRICT_SCHOOL:
            raise Missing
        view = (await room.views.schools(now, [school], cameras=False))[0]
        tile = (await room.glances.district([school], now)).tiles[0]
        findings = await room.views.findings([school], now, limit=MOST_FINDINGS)
        spots = await self._spots(school)
        return Morning(
            school=view,
            day=now.astimezone(room.zone).date(),
            at=now,
            cameras=tile.cameras,
            recording=tile.recording,
            silent=tile.silent,
            held=tile.least,
            keep_days=tile.keep_days,
            short=tile.short,
            groups=grouped([one for one in findings if one.kind != Kind.MORNING], spots),
            planned=planned(findings, spots),
        )

    async def _spots(self, school: str) -> dict[str, Spot]:
        rows = await self._pool.fetch(
            "SELECT camera, name, place, coalesce(fed_by, '') AS fed_by FROM camera_register"
            " LEFT JOIN camera_card USING (school, camera) WHERE school = $1",
            school,
        )
        return {r["camera"]: Spot(name=r["name"], place=r["place"], fed_by=r["fed_by"]) for r in rows}

    def sealed(self, morning: Morning) -> str:
        """What the form carries: the page itself, so that what is signed is what was shown."""
        return self._shown.dumps(morning.text())

    def document(self, morning: Morning, language: str, signed: str = "", checkpoint: str = "") -> Document:
        """In a language; signed and with the newest checkpoint of the custody log, where it goes on paper."""
        room = self._room

        def say(text: Text | str) -> str:
            return room.web.say_in(language, text)

        sheet = Sheet(morning, language, say, room.zone)
        return sheet.document(room.config.name, digest_of_text(morning.text()), signed, checkpoint)

    async def sign(self, person: Person, school: str, shown: str, sent: Sent) -> date:
        """Sign what was shown, once a day (R5.1).

        Raises:
            Denied: not of the safety department; it is not they who sign.
            Wrong: it was shown too long ago or on another day, or is signed already.
        """
        room = self._room
        async with room.keys.signing(person, Act("sign_morning", school, "R5.1"), sent) as own_key:
            room.must_inspect(person, school)
            morning = self._read(shown, school)
            sent.must_be(digest_of_text(morning.text()))
            await self._keep(person, morning, own_key)
        return morning.day

    def signed_by(self, language: str, name: str, at: datetime, own_key: dict[str, Any] | None) -> str:
        """Who signed a page, when, by what."""
        said = self._room.web.say_in(language, means(own_key))
        return f"{name} {at.astimezone(self._room.zone):%Y-%m-%d %H:%M} · {said}"

    async def _checkpoint(self, school: str) -> str:
        """The newest of the district's custody log of the school, in short; empty: there is none yet."""
        note = (await self._room.views.custody(school)).district
        return Checkpoint.parse(split(note)[0]).short if note else ""

    async def _keep(self, person: Person, morning: Morning, own_key: dict[str, Any] | None) -> None:
        room, school = self._room, morning.school.school
        text, now = morning.text(), room.clock()
        pdfs = []
        checkpoint = await self._checkpoint(school)
        for language in ("zh", "en"):
            signed = self.signed_by(language, person.name, now, own_key)
            page = self.document(morning, language, signed, checkpoint).data()
            pdfs.append(await asyncio.to_thread(render_pdf, TEMPLATE, page, moment=now))
        async with room.units.begin() as store:
            fresh = await store.conn.fetchval(
                "INSERT INTO morning VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
                " ON CONFLICT DO NOTHING RETURNING true",
                school,
                morning.day,
                text,
                digest_of_text(text),
                morning.exceptions,
                person.id,
                person.name,
                now,
                *pdfs,
                json.dumps(own_key) if own_key else None,
            )
            if not fresh:
                raise Wrong("signed_already", Text(N_("This morning's page is signed already.")), "R5.1")
            await store.over(school, Kind.MORNING, [str(morning.day)])

    def _read(self, shown: str, school: str) -> Morning:
        try:
            morning = Morning.model_validate_json(self._shown.loads(shown, max_age=FRESH_SECONDS))
        except BadData:
            morning = None
        today = self._room.clock().astimezone(self._room.zone).date()
        if morning is None or (morning.school.school, morning.day) != (school, today):
            text = N_("The page was shown too long ago: look at it again, then sign.")
            raise Wrong("shown_too_long_ago", Text(text), "R5.1")
        return morning

    async def signed(self, schools: Sequence[str], since: date) -> list[dict[str, Any]]:
        """What was signed, the newest first."""
        rows = await self._pool.fetch(
            "SELECT school, day, digest, exceptions, signed_name, signed_at, own_key FROM morning"
            " WHERE school = ANY($1) AND day >= $2 ORDER BY day DESC, school",
            list(schools),
            since,
        )
        return [with_means(row) for row in rows]

    async def kept(self, school: str, day: date) -> asyncpg.Record:
        """A page that was signed, with its PDFs.

        Raises:
            Missing: nobody signed that day.
        """
        row = await self._pool.fetchrow("SELECT * FROM morning WHERE (school, day) = ($1, $2)", school, day)
        if row is None:
            raise Missing
        return row


def with_means(row: asyncpg.Record) -> dict[str, Any]:
    """A page that was signed, and by what."""
    return {**row, "means": means(json.loads(row["own_key"]) if row["own_key"] else None)}


def due_at(day: date, settings: Settings, store: InspectorStore) -> datetime:
    """By when a day's page must be signed."""
    return datetime.combine(day, settings.morning_time, store.zone)


async def look_for_signatures(store: InspectorStore, schools: Iterable[str], settings: Settings) -> None:
    """A page that nobody signed by nine is a finding, over when it is signed, or after a week.

    A school that was new this morning begins tomorrow.
    """
    now: datetime = store.clock()
    today = now.astimezone(store.zone).date()
    due = due_at(today, settings, store)
    for school in schools:
        known = await store.open_causes(school, Kind.MORNING)
        await store.over(school, Kind.MORNING, [day for day in known if day < str(today - timedelta(days=6))])
        if now < due or str(today) in known:
            continue
        waits = await store.conn.fetchval(
            "SELECT first_heard < $2 AND NOT EXISTS (SELECT FROM morning WHERE school = $1 AND day = $3)"
            " FROM school_state WHERE school = $1",
            school,
            due,
            today,
        )
        if waits and str(today) not in await store.settled_causes(school, Kind.MORNING):
            await store.open(school, Cause(Kind.MORNING, str(today), facts={"day": str(today)}))
