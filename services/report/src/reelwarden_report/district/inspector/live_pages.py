"""The dashboard: the district at a glance, a school, a camera; each page is sent only what it shows."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import HTMLResponse

from reelwarden_common.web import MaybePerson, Person, SignedIn
from reelwarden_common.web.i18n import language_of
from reelwarden_report.district.inspector.glance import (
    WINDOWS,
    CameraBoard,
    CameraRow,
    DistrictBoard,
    SchoolBoard,
    Tile,
)
from reelwarden_report.district.inspector.heat import CELL, ROW, Cell, Level, counted, paths
from reelwarden_report.district.inspector.live import Snapshot
from reelwarden_report.district.inspector.pages import Pages
from reelwarden_report.district.inspector.room import VIEWERS, InRoom, Room
from reelwarden_report.district.inspector.shapes import FindingView

MANY = 12
"""From so many schools on, a page offers to look for one."""
WORST = 30
"""Findings that the first page shows; a school's page shows its own."""
END = "\x1e"
STREAM_SECONDS = 600
"""A stream ends after this long; the browser comes back by itself and is asked who it is again."""
Days = Annotated[int, Query(ge=WINDOWS[0], le=WINDOWS[-1])]
Words = Annotated[str, Query(max_length=100)]
State = Annotated[str, Query(max_length=16)]


@dataclass(frozen=True)
class Asked:
    """What a page is of, and what it leaves out."""

    school: str = ""
    camera: str = ""
    days: int = WINDOWS[0]
    q: str = ""
    show: str = ""

    @property
    def key(self) -> str:
        """Of the board that all who ask this share."""
        return f"{self.school}/{self.camera}/{self.days}"

    @property
    def stream(self) -> str:
        """Where the page's changes come from."""
        return "/api/live?" + urlencode({name: value for name, value in vars(self).items() if value})


@dataclass(frozen=True)
class Part:
    """One place of a page."""

    place: str
    html: str
    mark: str | None = None
    """What must differ for it to be sent again; the text itself where not given."""
    holds: tuple[str, ...] = ()
    """Places that lie inside it, and are sent with it."""


class Board(Protocol):
    """A page that lives."""

    async def read(self, now: datetime) -> Any:  # noqa: ANN401 - one of the three boards
        """What it shows now."""

    def parts(self, shown: Any) -> Iterable[Part]:  # noqa: ANN401 - what `read` gave
        """Its places."""

    def page(self, parts: dict[str, str], shown: Any) -> HTMLResponse:  # noqa: ANN401 - what `read` gave
        """The whole of it."""


class _Drawn:
    """What the three boards share."""

    def __init__(self, room: Room, request: Request, person: Person, asked: Asked) -> None:
        self.room, self.request, self.person, self.asked = room, request, person, asked
        self.seen = set(room.seen_by(person, asked.school or None))
        self._common = Pages(room).common(person) | {
            "CELL": CELL,
            "ROW": ROW,
            "asked": asked,
            "swatches": [paths([Cell(level, None)])[0] for level in Level],
            "windows": WINDOWS,
        }

    def draw(self, template: str, **values: object) -> str:
        return self.room.web.draw(self.request, template, self._common | values)

    def each(self, template: str, rows: Sequence[Any], places: Iterable[str]) -> list[Part]:
        """A part for each row, drawn in one go: the template ends each with `END`."""
        texts = self.draw(template, rows=rows, END=END).split(END)
        return [Part(place, html) for place, html in zip(places, texts, strict=False)]

    def whole(self, template: str, parts: dict[str, str], **values: object) -> HTMLResponse:
        return self.room.web.render(self.request, template, self._common | {"parts": parts} | values)

    def findings(self, found: Iterable[FindingView], most: int | None = None) -> Part:
        language = language_of(self.request)
        seen = [one for one in found if one.school in self.seen]
        worded = [self.room.worded(one, language) for one in seen[:most]]
        return Part(
            "findings", self.draw("part_findings.html", findings=worded, left=len(seen) - len(worded))
        )

    def wanted(self, *texts: str) -> bool:
        words = self.asked.q.casefold().split()
        return all(any(word in text.casefold() for text in texts) for word in words)


class DistrictPage(_Drawn):
    """All schools that a person may see."""

    async def read(self, now: datetime) -> DistrictBoard:
        return await self.room.glances.district(self.room.watched, now)

    def parts(self, shown: DistrictBoard) -> Iterable[Part]:
        tiles = [one for one in shown.tiles if one.school in self.seen]
        findings = [one for one in shown.findings if one.school in self.seen]
        yield Part("overview", self.draw("part_overview.html", tiles=tiles, findings=findings))
        wanted = [one for one in tiles if self._shown(one)]
        drawn = self.each("part_tile.html", wanted, (f"tile-{one.school}" for one in wanted))
        names = tuple(one.place for one in drawn)
        yield Part("tiles", self.draw("part_tiles.html", tiles=drawn), " ".join(names) or "-", names)
        yield from drawn
        yield self.findings(shown.findings, WORST)

    def _shown(self, tile: Tile) -> bool:
        return self.wanted(tile.name, tile.school) and self.asked.show in ("", tile.state)

    def page(self, parts: dict[str, str], shown: DistrictBoard) -> HTMLResponse:
        many = sum(one.school in self.seen for one in shown.tiles) > MANY
        return self.whole("district.html", parts, many=many)


class SchoolPage(_Drawn):
    """One school, and the heat of its cameras."""

    async def read(self, now: datetime) -> SchoolBoard:
        return await self.room.glances.school(self.asked.school, self.asked.days, now)

    def parts(self, shown: SchoolBoard) -> Iterable[Part]:
        rows = [one for one in shown.cameras if self._shown(one)]
        yield Part("figures", self.draw("part_school.html", school=shown.school, cameras=shown.cameras))
        drawn = self._rows(rows, shown)
        names = tuple(one.place for one in drawn)
        whole = self.draw("part_cameras.html", rows=drawn, board=shown, last=self._last(shown))
        yield Part("cameras", whole, f"{shown.first_day} {shown.school.state} {' '.join(names)}", names)
        yield from drawn
        yield self.findings(shown.findings)

    def _rows(self, rows: Sequence[CameraRow], shown: SchoolBoard) -> list[Part]:
        values = [{"camera": row, "paths": paths(row.cells), "counted": counted(row.cells)} for row in rows]
        self._common |= {"school": shown.school, "width": shown.days * CELL}
        return self.each("part_camera.html", values, (f"camera-{row.camera}" for row in rows))

    def _last(self, shown: SchoolBoard) -> str:
        return str(shown.first_day + timedelta(days=shown.days - 1))

    def _shown(self, row: CameraRow) -> bool:
        fits = {
            "silent": row.silent_since is not None or row.last_end is None,
            "findings": bool(row.serious or row.warnings),
            "short": row.held < row.keep_days,
        }
        return self.wanted(row.name, row.place, row.camera) and fits.get(self.asked.show, True)

    def page(self, parts: dict[str, str], shown: SchoolBoard) -> HTMLResponse:
        return self.whole("school.html", parts, school=shown.school)


class CameraPage(_Drawn):
    """One camera, hour by hour."""

    async def read(self, now: datetime) -> CameraBoard:
        return await self.room.glances.camera(self.asked.school, self.asked.camera, self.asked.days, now)

    def parts(self, shown: CameraBoard) -> Iterable[Part]:
        yield Part("figures", self.draw("part_camera_figures.html", board=shown, camera=shown.camera))
        rows = [(row, paths(row.cells), len(row.cells) * CELL, counted(row.cells)) for row in shown.hours]
        yield Part("hours", self.draw("part_hours.html", rows=rows, board=shown))
        yield self.findings(shown.findings)

    def page(self, parts: dict[str, str], shown: CameraBoard) -> HTMLResponse:
        return self.whole("camera.html", parts, board=shown, camera=shown.camera)


def board_of(room: Room, request: Request, person: Person, asked: Asked) -> Board:
    """The page that was asked for.

    Raises:
        Denied, Missing: not by this person, or there is none.
    """
    if asked.camera:
        return CameraPage(room, request, person, asked)
    return (
        SchoolPage(room, request, person, asked)
        if asked.school
        else DistrictPage(room, request, person, asked)
    )


async def opened(room: Room, request: Request, person: Person, asked: Asked) -> HTMLResponse:
    """A whole page."""
    board, now = board_of(room, request, person, asked), room.clock()
    shown = await board.read(now)
    return board.page({part.place: part.html for part in board.parts(shown)}, shown)


async def changes(room: Room, board: Board, key: str) -> AsyncIterator[ServerSentEvent]:
    """The places of a page as they change."""
    sent: dict[str, str] = {}
    known: Snapshot[Any] | None = None
    try:
        async with room.live.watching(key, board.read) as watch, asyncio.timeout(STREAM_SECONDS):
            while (known := await watch.newer_than(known)) is not None:
                for part in _news(list(board.parts(known.board)), sent):
                    data = json.dumps({"place": part.place, "html": part.html}, ensure_ascii=False)
                    yield ServerSentEvent(event="part", data=data)
    except TimeoutError:
        return


def _news(parts: list[Part], sent: dict[str, str]) -> Iterable[Part]:
    """Those that differ from what was sent; what lies inside one that is sent goes with it."""
    texts = {part.place: part.html for part in parts}
    for part in parts:
        mark = part.html if part.mark is None else part.mark
        if sent.get(part.place) != mark:
            sent[part.place] = mark
            sent |= {place: texts[place] for place in part.holds}
            yield part


router = APIRouter(include_in_schema=False)


@router.get("/")
async def dashboard(
    room: InRoom, request: Request, person: MaybePerson, q: Words = "", show: State = ""
) -> Response:
    if person is None:
        return RedirectResponse("/login", status_code=303)
    if not room.schools_of(person, *VIEWERS):
        return RedirectResponse("/feedback", status_code=303)
    return await opened(room, request, person, Asked(q=q, show=show))


@router.get("/schools/{school}")
async def school(
    room: InRoom,
    request: Request,
    person: SignedIn,
    school: str,
    days: Days = WINDOWS[0],
    q: Words = "",
    show: State = "",
) -> Response:
    return await opened(room, request, person, Asked(school, days=days, q=q, show=show))


@router.get("/schools/{school}/cameras/{camera}")
async def camera(
    room: InRoom, request: Request, person: SignedIn, school: str, camera: str, days: Days = WINDOWS[0]
) -> Response:
    return await opened(room, request, person, Asked(school, camera, days))


@router.get("/api/live")
async def live(
    room: InRoom,
    request: Request,
    person: SignedIn,
    school: Annotated[str, Query(max_length=63)] = "",
    camera: Annotated[str, Query(max_length=63)] = "",
    days: Days = WINDOWS[0],
    q: Words = "",
    show: State = "",
) -> Response:
    asked = Asked(school, camera, days, q, show)
    board = board_of(room, request, person, asked)
    await board.read(room.clock())  # what is not there is missed here, not in the stream
    return EventSourceResponse(changes(room, board, asked.key))
