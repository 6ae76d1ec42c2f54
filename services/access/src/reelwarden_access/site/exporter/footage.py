"""Builds the footage part of an evidence package in a folder: copies to view, stills, gaps, digests."""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from reelwarden_access.site.exporter.beside import Beside
from reelwarden_access.site.exporter.domain import Gap, Piece, Run, Unusable, slack
from reelwarden_access.site.exporter.files import Located, digest_of_file, init_of
from reelwarden_access.site.exporter.media import PLAYABLE, Shown
from reelwarden_common.events.access import PackagedFile, RetrievalAuthorised
from reelwarden_common.events.base import CameraSpan

GAPS = "gaps.json"
DIGESTS = "digests.json"
FORMAT = "reelwarden-footage/1"
_MEDIA_TYPES = {".mp4": "video/mp4", ".jpg": "image/jpeg", ".json": "application/json"}
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Findings:
    """What was found for one approved span."""

    span: CameraSpan
    runs: Sequence[Run]
    gaps: Sequence[Gap]
    pieces: Sequence[Piece]
    unusable: Sequence[Unusable]


class BuiltFile(BaseModel):
    """A file ready to be uploaded: below the working folder, or (native segments) where it lies."""

    file: PackagedFile
    root: Path
    path: str

    @property
    def located(self) -> Located:
        """Where its bytes are."""
        return Located(self.root, self.path)


class Footage(BaseModel):
    """A complete build; kept as JSON until it is uploaded."""

    files: tuple[BuiltFile, ...]
    gaps: tuple[CameraSpan, ...]
    sources: tuple[str, ...]
    manifest: str


class FootageBuilder:
    """Builds one application's footage part below `folder`, from nothing each time."""

    def __init__(
        self, request: RetrievalAuthorised, folder: Path, files: Mapping[str, Located], media: Beside
    ) -> None:
        self._request, self._folder, self._files, self._media = request, folder, files, media
        self._built: list[BuiltFile] = []
        self._timelines: list[dict[str, Any]] = []
        self._numbers: dict[str, int] = {}

    def build(self, findings: Sequence[Findings]) -> Footage:
        """Write everything.

        Raises:
            OSError: no space left, or a file vanished meanwhile.
            Unplayable: a piece cannot be stitched although it could be read.
        """
        for name in ("view", "stills"):
            shutil.rmtree(self._folder / name, ignore_errors=True)
            (self._folder / name).mkdir(parents=True)
        for found in findings:
            for run in found.runs:
                self._add_run(run)
        if self._request.native:
            self._add_native(findings)
        self._add_json(GAPS, "gaps", self._gaps(findings))
        self._add_json(DIGESTS, "digests", self._digests(findings))
        pieces = [piece for found in findings for piece in found.pieces]
        return Footage(
            files=tuple(self._built),
            gaps=tuple(gap.span for found in findings for gap in found.gaps),
            sources=tuple(sorted({piece.source.value for piece in pieces})),
            manifest=self._built[-1].file.digest,
        )

    def _add_run(self, run: Run) -> None:
        camera = run.span.camera
        number = self._numbers[camera] = self._numbers.get(camera, 0) + 1
        view, picture = f"view/{camera}-{number}.mp4", f"stills/{camera}-{number}.jpg"
        strips = []
        for before, piece in zip((None, *run.pieces), run.pieces, strict=False):
            allowed = slack(before, piece) if before else timedelta()
            strips.append((self._files[piece.segment.id], piece.segment.start, allowed))
        plays = run.pieces[0].parameters.codec in PLAYABLE
        times = (run.span.start, run.span.end)
        shown = self._media.view(strips, times, self._folder / view, anew=not plays)
        self._media.still(self._folder / view, self._folder / picture)
        span = CameraSpan(camera=camera, start=shown.start, end=shown.end)
        self._add(view, "view", self._folder, view, span)
        self._add(picture, "still", self._folder, picture, span)
        self._timelines.append(_timeline(view, run, shown) | {"encoded_anew": not plays})

    def _add_native(self, findings: Sequence[Findings]) -> None:
        pieces = {piece.segment.id: piece for found in findings for piece in found.pieces}
        for piece in sorted(pieces.values(), key=lambda one: (one.segment.camera, one.segment.start)):
            segment, place = piece.segment, self._files[piece.segment.id]
            name = f"native/{segment.camera}/{segment.start:%Y%m%dT%H%M%S%fZ}-{segment.id[:8]}{place.suffix}"
            span = CameraSpan(camera=segment.camera, start=segment.start, end=segment.end)
            media_type = _MEDIA_TYPES.get(place.suffix, "application/octet-stream")
            file = PackagedFile(
                name=name,
                size=segment.size,
                digest=segment.digest,
                kind="native",
                media_type=media_type,
                span=span,
            )
            self._built.append(BuiltFile(file=file, root=place.root, path=place.path))
        self._add_inits(pieces.values())

    def _add_inits(self, pieces: Iterable[Piece]) -> None:
        """What players need before native fragments: `cat init.mp4 fragment.m4s` plays."""
        inits = {(p.segment.camera, p.segment.init.digest): p for p in pieces if p.segment.init is not None}
        for (camera, digest), piece in sorted(inits.items()):
            name = f"native/{camera}/init-{digest[:8]}.mp4"
            (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self._folder / name).write_bytes(init_of(piece.segment))
            self._add(name, "native", self._folder, name, None)

    def _add_json(self, name: str, kind: str, content: dict[str, Any]) -> None:
        text = json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        (self._folder / name).write_text(text, encoding="utf-8")
        self._add(name, kind, self._folder, name, None)

    def _add(self, name: str, kind: str, root: Path, path: str, span: CameraSpan | None) -> None:
        full = root / path
        with full.open("rb") as content:
            digest = digest_of_file(content)
        file = PackagedFile(
            name=name,
            size=full.stat().st_size,
            digest=digest,
            kind=kind,
            media_type=_MEDIA_TYPES[full.suffix],
            span=span,
        )
        self._built.append(BuiltFile(file=file, root=root, path=path))

    def _gaps(self, findings: Sequence[Findings]) -> dict[str, Any]:
        return self._heading() | {
            "spans": [
                _span(found.span)
                | {"gaps": [_span(gap.span) | {"reason": gap.reason.value} for gap in found.gaps]}
                for found in findings
            ],
        }

    def _digests(self, findings: Sequence[Findings]) -> dict[str, Any]:
        pieces = {piece.segment.id: piece for found in findings for piece in found.pieces}
        unusable = {one.segment.id: one for found in findings for one in found.unusable}
        return self._heading() | {
            "manner": self._request.manner.value,
            "files": [built.file.model_dump(mode="json", exclude_none=True) for built in self._built],
            "views": self._timelines,
            "segments": [
                _origin(one) | {"source": one.source.value, "tried": _tried(one)} for one in pieces.values()
            ],
            "unusable": [
                _origin(one) | {"reason": one.reason.value, "tried": _tried(one)} for one in unusable.values()
            ],
        }

    def _heading(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "application": self._request.application,
            "number": self._request.number,
        }


def _timeline(view: str, run: Run, shown: Shown) -> dict[str, Any]:
    """Which segment a viewing copy shows at which position, and which wall-clock time that is."""
    return {
        "name": view,
        "covers": _span(run.span),
        "shows": _span(CameraSpan(camera=run.span.camera, start=shown.start, end=shown.end)),
        "lead_in_ms": shown.lead_in // timedelta(milliseconds=1),
        "parts": [
            {
                "segment": run.pieces[part.strip].segment.id,
                "at_ms": part.at // timedelta(milliseconds=1),
                "start": part.start.isoformat(),
                "uncertainty_ms": run.pieces[part.strip].segment.uncertainty_ms,
            }
            for part in shown.parts
        ],
    }


def _span(span: CameraSpan) -> dict[str, Any]:
    return span.model_dump(mode="json")


def _origin(one: Piece | Unusable) -> dict[str, Any]:
    names = {"id", "camera", "start", "end", "size", "digest", "time_source", "uncertainty_ms"}
    origin = one.segment.model_dump(mode="json", include=names)
    return origin if one.segment.init is None else origin | {"init": one.segment.init.digest}


def _tried(one: Piece | Unusable) -> dict[str, str]:
    return {source.value: found.value for source, found in one.tried.items()}
