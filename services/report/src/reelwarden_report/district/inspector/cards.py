"""What people add to the register of cameras (art. 13, 14): sign, mode, what it hangs on, still, filings."""

import asyncio
import io
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

import asyncpg
from PIL import Image, UnidentifiedImageError

from reelwarden_common.web import N_, Text, Wrong
from reelwarden_report.district.inspector.shapes import Shape
from reelwarden_report.district.inspector.store import InspectorStore

Mode = Literal["continuous", "motion"]
Filed = Literal["filed", "stale", "never"]
LARGEST_UPLOAD = 8_000_000
MOST_PIXELS = 50_000_000
STILL = (1280, 960)
"""Pixels: enough to see whether the camera still looks at what it should."""
_NO_PICTURE = (
    ValueError,
    OSError,
    SyntaxError,
    UnidentifiedImageError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
_ROWS = """
SELECT r.*, coalesce(c.mode, 'continuous') AS mode, coalesce(c.fed_by, '') AS fed_by, c.sign_since, c.still_at
FROM camera_register r LEFT JOIN camera_card c USING (school, camera)
WHERE r.school = ANY($1) ORDER BY r.school, r.position
"""
_CARD = """
INSERT INTO camera_card (school, camera, mode, fed_by, sign_since, changed_by, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (school, camera) DO UPDATE SET mode = excluded.mode,
  fed_by = excluded.fed_by, sign_since = excluded.sign_since, changed_by = excluded.changed_by,
  changed_at = excluded.changed_at
"""


class CameraCard(Shape):
    """One camera of the register."""

    school: str
    camera: str
    name: str
    place: str
    place_kind: str
    keep_days: int
    erasure: str
    """managed, or recorder-managed: who erases what is due."""
    mode: Mode
    fed_by: str
    """The switch or recorder that it hangs on."""
    sign_since: date | None
    """When its sign was put up (art. 13); None: nobody has said so."""
    still_at: datetime | None
    filed: Filed
    """Whether what was filed with the police still says so of it (art. 14)."""


class Filing(Shape):
    """The newest filing of a school (art. 14)."""

    filed_on: date
    number: str
    changes: tuple[str, ...]
    """Cameras that were added, taken away, or stand or keep otherwise than was filed."""


Said = Mapping[str, Sequence[Any]]


def differing(filed: Said, now: Said) -> tuple[str, ...]:
    """Cameras of which a filing no longer says what is so: new, gone, moved, of another kind or keep-days."""
    cameras = sorted(filed.keys() | now.keys())
    return tuple(one for one in cameras if list(filed.get(one, ())) != list(now.get(one, ())))


def said_of(rows: Sequence[asyncpg.Record]) -> dict[str, list[Any]]:
    """What a filing says of each camera: its place, what kind of place, and how long its footage is kept."""
    return {row["camera"]: [row["place"], row["place_kind"], row["keep_days"]] for row in rows}


async def register_of(
    pool: asyncpg.Pool, schools: Sequence[str]
) -> tuple[list[CameraCard], dict[str, Filing]]:
    """The register of some schools, and their newest filings."""
    rows = await pool.fetch(_ROWS, list(schools))
    newest = await pool.fetch(
        "SELECT DISTINCT ON (school) * FROM filing WHERE school = ANY($1)"
        " ORDER BY school, filed_on DESC, entered_at DESC",
        list(schools),
    )
    filings = {}
    for one in newest:
        now = said_of([row for row in rows if row["school"] == one["school"]])
        changes = differing(json.loads(one["cameras"]), now)
        filings[one["school"]] = Filing(filed_on=one["filed_on"], number=one["number"], changes=changes)
    return [_card(row, filings.get(row["school"])) for row in rows], filings


def _card(row: asyncpg.Record, filing: Filing | None) -> CameraCard:
    filed = "never" if filing is None else "stale" if row["camera"] in filing.changes else "filed"
    return CameraCard.model_validate({**row, "filed": filed})


async def keep_card(
    store: InspectorStore,
    school: str,
    camera: str,
    person: str,
    *,
    mode: Mode,
    fed_by: str,
    sign_since: date | None,
) -> None:
    """Write down what a person says of a camera."""
    await store.conn.execute(_CARD, school, camera, mode, fed_by, sign_since, person, store.clock())


async def keep_still(store: InspectorStore, school: str, camera: str, person: str, still: bytes) -> None:
    """Put a reference still into the register."""
    await store.conn.execute(
        "INSERT INTO camera_card (school, camera, still, still_at, changed_by, changed_at)"
        " VALUES ($1, $2, $3, $4, $5, $4) ON CONFLICT (school, camera) DO UPDATE SET still = excluded.still,"
        " still_at = excluded.still_at, changed_by = excluded.changed_by, changed_at = excluded.changed_at",
        school,
        camera,
        still,
        store.clock(),
        person,
    )


async def file(store: InspectorStore, school: str, filed_on: date, number: str, person: str) -> None:
    """Enter a filing: it says of each camera what the register says now."""
    rows = await store.conn.fetch("SELECT * FROM camera_register WHERE school = $1", school)
    await store.conn.execute(
        "INSERT INTO filing VALUES ($1, $2, $3, $4, $5, $6, $7)",
        uuid.uuid4().hex,
        school,
        filed_on,
        number,
        json.dumps(said_of(rows), ensure_ascii=False),
        person,
        store.clock(),
    )


async def redrawn(upload: bytes) -> bytes:
    """A picture drawn anew: nothing else that the file held is kept.

    Raises:
        Wrong: it is too large, or no JPEG or PNG.
    """
    try:
        return await asyncio.to_thread(_redrawn, upload)
    except _NO_PICTURE as error:
        text = N_("This is no JPEG or PNG picture of at most 8 MB and 50 megapixels.")
        raise Wrong("no_picture", Text(text)) from error


def _redrawn(upload: bytes) -> bytes:
    if len(upload) > LARGEST_UPLOAD:
        raise ValueError
    with Image.open(io.BytesIO(upload), formats=("JPEG", "PNG")) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            raise ValueError
        drawn = picture.convert("RGB")
    drawn.thumbnail(STILL)
    out = io.BytesIO()
    drawn.save(out, "JPEG", quality=80)
    return out.getvalue()
