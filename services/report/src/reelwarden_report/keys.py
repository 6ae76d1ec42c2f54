"""The notaries' private keys: Ed25519 in PEM files that only their owner reads."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from reelwarden_common.errors import Refused


class BadKey(Refused):
    """The key file is not an Ed25519 private key in PEM."""


def load_or_create(path: Path) -> Ed25519PrivateKey:
    """Read the key, or make one where none is: 0600, and never over an existing file.

    Raises:
        BadKey: the file holds something else.
        OSError: it cannot be read or written.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        text = _create(path)
    try:
        key = load_pem_private_key(text, password=None)
    except ValueError as error:
        raise BadKey(f"{path} is no private key in PEM: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path} is a private key, but not an Ed25519 one")
    return key


def _create(path: Path) -> bytes:
    """A new key, written whole beside its place and linked there: of two starters, one wins for both."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        return path.read_bytes()
    finally:
        draft.unlink()
    return text
