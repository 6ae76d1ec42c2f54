"""The supplement to a package: the record that was signed after it was made, and the acts signed since.

A small zip of the package's kind; its manifest names the package that it belongs to.
"""

import io
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from reelwarden_access.district.desk.papers import record_to_be_checked
from reelwarden_access.district.desk.sealing import Seal, held, sealed, signing_key, to_check_with, write
from reelwarden_access.district.desk.shown import ApplicationShown
from reelwarden_access.verify import FORMS, SUPPLEMENT


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
    papers = record_to_be_checked(shown) | parts.printed
    members = to_check_with(key.public_key().public_bytes_raw())
    members += [held(FORMS + name, one) for name, one in sorted(papers.items())]
    facts: dict[str, Any] = {
        "package": shown.release.package if shown.release else None,
        "package_manifest": parts.manifest,
        "gaps": [],
    }
    file = io.BytesIO()
    write(file, sealed(Seal(SUPPLEMENT, shown.number, parts.made_at, key, facts), members))
    return file.getvalue()
