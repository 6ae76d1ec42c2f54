"""What a person's own key signs; `verify.py` of a package has the same in its one file."""

import hashlib
import json
from collections.abc import Mapping


def statement(act: str, digest: str, words: str, nonce: str) -> bytes:
    """What the key signs the SHA-256 of: the act, what was shown, what the person wrote with it, a nonce."""
    plain = words.replace("\r\n", "\n").strip()
    said = hashlib.sha256(plain.encode()).hexdigest()
    return f"reelwarden-signature/1\n{act}\n{digest}\n{said}\n{nonce}".encode()


def in_lines(**fields: str) -> str:
    """Several fields that a person wrote, as the page's script joins them: a line each, by name."""
    return "\n".join(f"{name}: {value}" for name, value in fields.items())


def key_fingerprint(key: Mapping[str, str]) -> str:
    """SHA-256 of a key's parts in their order (RFC 7638)."""
    names = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}[key["kty"]]
    parts = json.dumps({name: key[name] for name in names}, separators=(",", ":"))
    return hashlib.sha256(parts.encode()).hexdigest()
