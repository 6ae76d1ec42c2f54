"""The supplement to a package: the record that was signed after it was made, and the acts signed since.

A small zip of the package's kind; its manifest names the package that it belongs to.
"""

import base64
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import rfc8785

from reelwarden_access.district.desk.papers import record_to_be_checked
from reelwarden_access.district.desk.sealing import held, signing_key, to_check_with, write
from reelwarden_access.district.desk.shown import ApplicationShown
from reelwarden_access.verify import MANIFEST, SIGNATURE, SUPPLEMENT


@dataclass(frozen=True)
class SupplementParts:
    """What goes into it."""

    shown: ApplicationShown
    """With a record that all have signed."""
    printed: dict[str, bytes]
    """The record as PDF, by names."""
    manifest: str | None
    """SHA-256 of the package's manifest; None where nothing was copied."""
    made_at: datetime


def build_supplement(parts: SupplementParts, key_path: Path) -> bytes:
    """The zip.

    Raises:
        OSError: the signing key cannot be read. NotPackaged: it is of another kind.
    """
    key, shown = signing_key(key_path), parts.shown
    public = key.public_key().public_bytes_raw()
    papers = record_to_be_checked(shown) | parts.printed
    members = [*to_check_with(public), *(held(f"forms/{name}", one) for name, one in sorted(papers.items()))]
    manifest = rfc8785.dumps(
        {
            "format": SUPPLEMENT,
            "number": shown.number,
            "made_at": parts.made_at.astimezone(UTC).isoformat(timespec="seconds"),
            "package": shown.release.package if shown.release else None,
            "package_manifest": parts.manifest,
            "gaps": [],
            "key": base64.b64encode(public).decode(),
            "files": [member.listed for member in members],
        }
    )
    file = io.BytesIO()
    write(file, [held(MANIFEST, manifest), held(SIGNATURE, key.sign(manifest)), *members])
    return file.getvalue()
