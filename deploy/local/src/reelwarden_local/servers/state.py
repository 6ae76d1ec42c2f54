"""What a server keeps beside its data, so that it comes back at the same addresses with the same keys."""

import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from reelwarden_common.messaging.login import make_seed
from reelwarden_local.servers.process import free_ports, port_is_free


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read (0600), replacing it as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def kept_secrets(path: Path, names: Iterable[str]) -> dict[str, str]:
    """Return one random secret per name, the same at every start (a 0600 JSON file)."""
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    missing = [name for name in names if name not in kept]
    if missing:
        kept |= {name: secrets.token_urlsafe(32) for name in missing}
        write_private(path, json.dumps(kept, indent=2))
    return kept


def kept_seeds(path: Path, names: Iterable[str]) -> dict[str, str]:
    """Return one NATS user's seed per name, the same at every start (a 0600 JSON file)."""
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    missing = [name for name in names if name not in kept]
    if missing:
        kept |= {name: make_seed() for name in missing}
        write_private(path, json.dumps(kept, indent=2))
    return kept


def kept_ports(path: Path, names: list[str]) -> dict[str, int]:
    """Return one free port per name: those of the last start where still free, else all new."""
    kept: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    if sorted(kept) != sorted(names) or not all(port_is_free(port) for port in kept.values()):
        kept = dict(zip(names, free_ports(len(names)), strict=True))
        write_private(path, json.dumps(kept, indent=2))
    return kept
