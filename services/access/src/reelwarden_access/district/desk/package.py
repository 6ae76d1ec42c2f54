"""The evidence package: footage, forms, custody entries, a signed manifest, and the program that checks it.

One zip, nothing compressed, every byte determined by its parts: so that any change can be found offline.
"""

import base64
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageDraw, ImageFont
from pydantic import BaseModel, ValidationError

from reelwarden_access.district.desk.sealing import (
    Member,
    NotPackaged,
    Seal,
    held,
    sealed,
    signing_key,
    to_check_with,
    write,
)
from reelwarden_access.verify import (
    CHECKPOINT,
    CHUNK,
    CONSISTENCY,
    COUNTERSIGNED,
    CUSTODY,
    DIGESTS,
    FOOTAGE,
    FORMAT,
    FORMS,
    LOG_KEYS,
    MANIFEST,
    STAMP,
    STAMPED,
    STILLS,
    fingerprint,
    safe,
)
from reelwarden_common.events.access import Manner, PackagedFile
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.report import CustodyAnswer, EarlierCheckpoint
from reelwarden_common.pdf import font_folder

FootageFile = tuple[str, Path, str]
"""Name in the footage part, where its bytes are, their SHA-256."""
_MARK_SHARE = 28
"""A still's height is this many times the mark's."""


@dataclass(frozen=True)
class PackageParts:
    """What goes into a package."""

    number: str
    manner: Manner
    footage_files: Sequence[FootageFile]
    gaps: Sequence[CameraSpan]
    forms: Mapping[str, bytes]
    """PDFs by their names."""
    custody: CustodyAnswer | None
    recipient_text: str
    """Drawn on the stills; stands nowhere else but in the forms."""
    signing_key_path: Path
    made_at: datetime | None = None
    stills: Mapping[str, bytes] = field(default_factory=dict)
    """Taken under supervision, by their names; they bear their mark already."""


@dataclass(frozen=True)
class PackageResult:
    """A finished package."""

    digest: str
    size: int
    manifest: str
    """SHA-256 of the manifest."""
    key: str
    """Fingerprint of the key that signed it."""


class _Digests(BaseModel):
    files: list[PackagedFile]


def files_of_export(digests: bytes) -> list[PackagedFile]:
    """All files that an export's digests.json lists: also those that were too many for its event.

    Raises:
        NotPackaged: it is not such a list.
    """
    try:
        return _Digests.model_validate_json(digests).files
    except ValidationError as error:
        raise NotPackaged(f"digests.json 无法读取 · is not readable: {error.errors()[0]['msg']}") from error


def build_package(target: Path, parts: PackageParts) -> PackageResult:
    """Write the package to `target`, whole or not at all.

    Raises:
        NotPackaged: a file of the footage part is missing, or is not what its digest says.
        OSError: no space, or the signing key cannot be read.
    """
    key = signing_key(parts.signing_key_path)
    public = key.public_key().public_bytes_raw()
    members = [*_papers(parts, public), *_footage(parts)]
    facts = {
        "manner": str(parts.manner),
        "gaps": [gap.model_dump(mode="json") for gap in parts.gaps],
        "custody": parts.custody.checkpoint if parts.custody else None,
        "custody_cut": bool(parts.custody and parts.custody.more),
    }
    seal = Seal(FORMAT, parts.number, parts.made_at or datetime.now(UTC), key, facts)
    whole = sealed(seal, members)
    manifest = next(member for member in whole if member.name == MANIFEST)
    draft = target.with_name(target.name + ".part")
    try:
        with draft.open("w+b") as file:
            write(file, whole)
            file.flush()
            os.fsync(file.fileno())
            digest, size = _measured(file)
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)
    return PackageResult(digest, size, manifest.digest, fingerprint(public))


# what goes in


def _papers(parts: PackageParts, public: bytes) -> list[Member]:
    readme = resources.files("reelwarden_access.district.desk").joinpath("package_readme.txt")
    text = readme.read_text(encoding="utf-8").format(
        number=parts.number, key=fingerprint(public), gaps=len(parts.gaps)
    )
    found = [held("README.txt", text.encode()), *to_check_with(public)]
    found += [held(FORMS + name, content) for name, content in sorted(parts.forms.items())]
    found += [held(STILLS + name, content) for name, content in sorted(parts.stills.items())]
    return found + _custody(parts)


def _custody(parts: PackageParts) -> list[Member]:
    if parts.custody is None:
        return []
    custody = parts.custody
    found = [held(CHECKPOINT, custody.checkpoint.encode())]
    for one in sorted(custody.entries, key=lambda entry: entry.index):
        name = f"{CUSTODY}{one.index:08d}"
        found += [held(f"{name}.json", one.entry.encode()), held(f"{name}.tlog-proof", one.proof.encode())]
    found += _earlier(COUNTERSIGNED, custody.countersigned) + _earlier(STAMPED, custody.stamped)
    if custody.stamped:
        found.append(held(STAMP, base64.b64decode(custody.stamp)))
    if keys := [key for key in (custody.key, custody.witness_key) if key]:
        found.append(held(LOG_KEYS, "".join(f"{key}\n" for key in keys).encode()))
    return found


def _earlier(name: str, checkpoint: EarlierCheckpoint | None) -> list[Member]:
    """A checkpoint that the newest one continues, and the proof of that."""
    if checkpoint is None:
        return []
    proof = "".join(f"{line}\n" for line in (f"old {checkpoint.size}", *checkpoint.consistency))
    return [
        held(name, checkpoint.note.encode()),
        held(name.removesuffix(".txt") + CONSISTENCY, proof.encode()),
    ]


def _footage(parts: PackageParts) -> list[Member]:
    found = []
    for name, path, digest in sorted(parts.footage_files):
        inside = FOOTAGE + name
        if not safe(inside):
            raise NotPackaged(f"文件名不安全 · unsafe file name: {name[:100]!r}")
        if name.endswith(".jpg"):
            content = path.read_bytes()
            if sha256(content).hexdigest() != digest:
                raise NotPackaged(f"{name}：内容与导出时不符 · is not what was exported")
            found.append(held(inside, marked(content, parts.recipient_text), digest))
        else:
            found.append(Member(inside, path.stat().st_size, digest, path))
    _complete(found)
    return found


def _complete(found: Sequence[Member]) -> None:
    """What the exporter listed must all be there: a package without its native segments is none."""
    digests = next((one for one in found if one.name == DIGESTS), None)
    if digests is None:
        return
    with digests.open() as file:
        listed = {FOOTAGE + one.name for one in files_of_export(file.read())}
    if lacking := sorted(listed - {one.name for one in found}):
        message = (
            f"缺少 {len(lacking)} 个录像文件 · {len(lacking)} files of the export are missing: {lacking[0]}"
        )
        raise NotPackaged(message)


def marked(still: bytes, text: str) -> bytes:
    """A still with the recipient's mark along its upper edge."""
    with Image.open(io.BytesIO(still)) as opened:
        picture = opened.convert("RGB")
    size = max(12, picture.height // _MARK_SHARE)
    font = ImageFont.truetype(str(font_folder() / "NotoSansSC-Regular.ttf"), size)
    pen = ImageDraw.Draw(picture)
    while size > 8 and pen.textlength(text, font=font) > picture.width - size:  # noqa: PLR2004 - still legible
        size -= 1
        font = font.font_variant(size=size)
    pen.text(
        (size // 2, size // 3),
        text,
        font=font,
        fill="white",
        stroke_width=max(1, size // 12),
        stroke_fill="black",
    )
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=92, subsampling=0)
    return out.getvalue()


def _measured(file: BinaryIO) -> tuple[str, int]:
    total = sha256()
    file.seek(0)
    while chunk := file.read(CHUNK):
        total.update(chunk)
    return total.hexdigest(), file.tell()
