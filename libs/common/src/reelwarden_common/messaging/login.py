"""A user's way into NATS: where, with which key, and who vouches for the server.

A user is a key pair (NATS nkey, Ed25519). Its seed stays with whoever connects; the servers'
configurations hold public halves alone, so that they may lie about and be shown.
"""

import base64
import os
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nkeys

from reelwarden_common.errors import Refused

_KEY_BYTES = 1 + 32 + 2
"""Kind, key, check sum."""


class BadSeed(Refused):
    """What was given is no seed of a NATS user."""


class BadAuthority(Refused):
    """The file that should hold certificates holds none, or cannot be read."""


def make_seed() -> str:
    """A new user's seed: `SU…`; whoever has it is that user."""
    return bytes(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)).decode()


def public_key(seed: str) -> str:
    """The public half, `U…`: what a server's configuration holds.

    Raises:
        BadSeed: it is none; its text is not repeated.
    """
    try:
        pair = nkeys.from_seed(bytearray(seed.strip().encode()))
        public: str = pair.public_key.decode()
    except (nkeys.NkeysError, ValueError, TypeError) as error:
        raise BadSeed("no seed of a NATS user: it begins with SU and has 58 letters and digits") from error
    if not public.startswith("U"):
        raise BadSeed("the seed of another kind of NATS key, not of a user: it must begin with SU")
    return public


def is_public_key(text: str) -> bool:
    """Whether a server takes this for a user's public key: one that it does not take stops its reload."""
    try:
        raw = base64.b32decode(text)
    except ValueError:
        return False
    body, check = raw[:-2], raw[-2:]
    return (
        text.startswith("U")
        and len(raw) == _KEY_BYTES
        and nkeys.crc16(bytearray(body)) == int.from_bytes(check, "little")
    )


def authority(file: Path | None) -> ssl.SSLContext | None:
    """Whom to believe about a server's name: the authorities of a PEM file; None: the machine's.

    Raises:
        BadAuthority: naming the file.
    """
    if file is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(file))
    except (OSError, ssl.SSLError) as error:
        raise BadAuthority(f"{file} holds no certificates (PEM) that can be read: {error}") from error


@dataclass(frozen=True)
class Login:
    """How one user connects."""

    url: str
    """`nats://` in the clear (loopback), `tls://` otherwise; several, separated by commas, for a cluster."""
    seed: str = field(default="", repr=False)
    """Empty only for a server that lets everybody in."""
    ca_file: Path | None = None
    """Who vouches for the server's certificate; None: the authorities that this machine believes."""

    @property
    def servers(self) -> list[str]:
        """The addresses, one by one."""
        return [one.strip() for one in self.url.split(",") if one.strip()]

    def options(self) -> dict[str, Any]:
        """What `nats.connect` takes.

        Raises:
            BadSeed, BadAuthority: what is given cannot be used.
        """
        options: dict[str, Any] = {"servers": self.servers}
        if self.seed:
            public_key(self.seed)
            options["nkeys_seed_str"] = self.seed
        if context := authority(self.ca_file):
            options["tls"] = context
        return options


def public_keys(seeds: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Public halves by the same names."""
    return {name: public_key(seed) for name, seed in seeds}
