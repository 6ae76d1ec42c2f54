"""The keeper's signing key and the public keys that a site pins: Ed25519 in PEM files."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from reelwarden_common.errors import Refused

_BLOCK = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)


class BadKey(Refused):
    """A key file is missing, unreadable or of another kind; the message names the file."""


def key_id(key: Ed25519PublicKey) -> str:
    """What a signature names its key by: 16 hexadecimal characters of the public key's SHA-256."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def read_private(path: Path) -> Ed25519PrivateKey:
    """The keeper's key.

    Raises:
        BadKey: see there.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise BadKey(f"RW_KEEPER_KEY: {path} is no readable private key: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"RW_KEEPER_KEY: {path} is no Ed25519 key")
    return key


def read_pinned(path: Path) -> Mapping[str, Ed25519PublicKey]:
    """The keys whose plans a site believes, by id; during a rotation the file holds the old and the new.

    Raises:
        BadKey: see there; an empty file too, since a site that believes nobody never learns of a hold.
    """
    try:
        blocks = _BLOCK.findall(path.read_bytes())
        keys = [load_pem_public_key(block) for block in blocks]
    except (OSError, ValueError) as error:
        raise BadKey(f"RW_KEEPER_PUBLIC_KEY: {path} is not readable: {error}") from error
    ours = [key for key in keys if isinstance(key, Ed25519PublicKey)]
    if not ours or len(ours) != len(keys):
        raise BadKey(f"RW_KEEPER_PUBLIC_KEY: {path} must hold Ed25519 public keys in PEM, and at least one")
    return {key_id(key): key for key in ours}
