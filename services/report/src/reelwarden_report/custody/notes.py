"""Checkpoints as C2SP signed notes: Ed25519 signatures of the log, timestamped ones of the other side.

c2sp.org/signed-note, c2sp.org/tlog-checkpoint, c2sp.org/tlog-cosignature; any verifier of that family reads
them.
"""

import base64
import hashlib
from binascii import Error as NotBase64
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNED = 0x01
COSIGNED = 0x04
_KEY_ID = 4
_TIME = 8
_DASH = "\u2014 "


class BadNote(ValueError):
    """A note, key or signature that is not what the format says, or does not verify."""


def _key_id(name: str, kind: int, public: bytes) -> bytes:
    return hashlib.sha256(f"{name}\n".encode() + bytes([kind]) + public).digest()[:_KEY_ID]


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (NotBase64, ValueError) as error:
        raise BadNote(f"{text[:40]!r} is not base64") from error


@dataclass(frozen=True)
class VerifierKey:
    """Whose signature to look for: a name and an Ed25519 public key, 32 bytes."""

    name: str
    public: bytes
    kind: int = SIGNED

    @property
    def id(self) -> bytes:
        """Four bytes that stand before each of its signatures."""
        return _key_id(self.name, self.kind, self.public)

    def __str__(self) -> str:
        """Its C2SP text: name, id, key."""
        material = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{material}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the C2SP text.

        Raises:
            BadNote: it is none, or its id does not fit its key.
        """
        name, _, rest = text.partition("+")
        known, _, material = rest.partition("+")
        raw = _decoded(material)
        if not name or " " in name or len(raw) != 33 or raw[0] not in (SIGNED, COSIGNED):  # noqa: PLR2004 - kind and 32 bytes
            raise BadNote(f"{text[:80]!r} is no Ed25519 verifier key")
        key = cls(name, raw[1:], raw[0])
        if key.id.hex() != known:
            raise BadNote(f"{text[:80]!r}: the id does not fit the key")
        return key

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether it made this signature."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """A private key and the name that it signs as."""

    name: str
    private: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        """The 32 bytes that others pin."""
        return self.private.public_key().public_bytes_raw()

    def key(self, kind: int = SIGNED) -> VerifierKey:
        """What others need to check its signatures."""
        return VerifierKey(self.name, self.public, kind)

    def _line(self, kind: int, signature: bytes) -> str:
        blob = _key_id(self.name, kind, self.public) + signature
        return f"{_DASH}{self.name} {base64.b64encode(blob).decode()}\n"

    def sign(self, text: str) -> str:
        """The signed note of a text that ends in a newline."""
        return f"{text}\n{self._line(SIGNED, self.private.sign(text.encode()))}"

    def took_over(self, note: str) -> str:
        """The key that signed this note as the same name, if it is another; else empty."""
        _, signatures = split(note)
        ids = [one.key_id.hex() for one in signatures if one.name == self.name]
        known = self.key().id.hex()
        return f"{self.name}+{ids[0]}" if ids and known not in ids else ""

    def cosign(self, note: str, seconds: int) -> str:
        """The note with this signer's statement, at a POSIX time, to have seen that log grow only."""
        text, _ = split(note)
        message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
        return note + self._line(COSIGNED, seconds.to_bytes(_TIME, "big") + self.private.sign(message))


@dataclass(frozen=True)
class Signature:
    """One signature line."""

    name: str
    key_id: bytes
    blob: bytes


def split(note: str) -> tuple[str, list[Signature]]:
    """A note's text and signature lines.

    Raises:
        BadNote: it is not a signed note.
    """
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n") or any(c < " " and c != "\n" for c in note):
        raise BadNote("not a signed note: no signature lines after an empty line")
    found = []
    for line in lines.splitlines():
        name, _, blob = line.removeprefix(_DASH).partition(" ")
        raw = _decoded(blob)
        if not line.startswith(_DASH) or not name or len(raw) <= _KEY_ID:
            raise BadNote(f"not a signature line: {line[:80]!r}")
        found.append(Signature(name, raw[:_KEY_ID], raw[_KEY_ID:]))
    return f"{text}\n", found


def verify(note: str, key: VerifierKey) -> str:
    """The text of a note that `key` signed or cosigned.

    Raises:
        BadNote: it did not, or its signature is wrong.
    """
    text, signatures = split(note)
    for one in signatures:
        if (one.name, one.key_id) != (key.name, key.id):
            continue
        message, signature = text.encode(), one.blob
        if key.kind == COSIGNED:
            seconds = int.from_bytes(one.blob[:_TIME], "big")
            message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
            signature = one.blob[_TIME:]
        if key.verifies(message, signature):
            return text
        raise BadNote(f"the signature of {key.name} does not fit the note")
    raise BadNote(f"no signature of {key.name}")


@dataclass(frozen=True)
class Checkpoint:
    """A log's origin, how many entries it has, and the root over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @property
    def short(self) -> str:
        """As it is printed on paper: enough to find it again and to know it from another."""
        return f"{self.origin} · {self.size} · {base64.b64encode(self.root).decode()[:20]}…"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a checkpoint's three lines; extension lines are ignored.

        Raises:
            BadNote: not a checkpoint.
        """
        lines = text.split("\n")
        if len(lines) < 4 or not lines[0] or not lines[1].isdecimal() or str(int(lines[1])) != lines[1]:  # noqa: PLR2004 - three lines and the end
            raise BadNote("not a checkpoint: origin, size and root were expected")
        return cls(lines[0], int(lines[1]), _decoded(lines[2]))
