"""Files under a signed manifest in one zip: nothing compressed, no byte left to choice."""

import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from reelwarden_access.verify import CHUNK, directory, local_header
from reelwarden_common.errors import Refused


class NotPackaged(Refused):
    """A part of the package is missing or not what it should be: nothing was written."""


@dataclass(frozen=True)
class Member:
    """A file of the package: in memory, or on disk."""

    name: str
    size: int
    digest: str
    content: bytes | Path
    marked_from: str | None = None

    @property
    def listed(self) -> dict[str, Any]:
        """Its line in the manifest."""
        line: dict[str, Any] = {"name": self.name, "size": self.size, "sha256": self.digest}
        return line | ({"marked_from": self.marked_from} if self.marked_from else {})

    def open(self) -> BinaryIO:
        """Its bytes."""
        return io.BytesIO(self.content) if isinstance(self.content, bytes) else self.content.open("rb")


def signing_key(path: Path) -> Ed25519PrivateKey:
    """The desk's.

    Raises:
        NotPackaged: it is none of its kind.
    """
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise NotPackaged(f"{path} 不是 Ed25519 私钥 · is no Ed25519 key")
    return key


def held(name: str, content: bytes, marked_from: str | None = None) -> Member:
    """A file in memory."""
    return Member(name, len(content), sha256(content).hexdigest(), content, marked_from)


def to_check_with(public: bytes) -> list[Member]:
    """The program that checks it, and the key that signed it."""
    pem = Ed25519PublicKey.from_public_bytes(public).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    verifier = resources.files("reelwarden_access").joinpath("verify.py").read_bytes()
    return [held("verify.py", verifier), held("public-key.pem", pem)]


def write(file: BinaryIO, members: Sequence[Member]) -> None:
    """All of it, in this order.

    Raises:
        NotPackaged: a file is not what its digest says.
    """
    entries = []
    for member in members:
        offset = file.tell()
        file.write(local_header(member.name, member.size, 0))
        crc = _copy(member, file)
        end = file.tell()
        file.seek(offset)
        file.write(local_header(member.name, member.size, crc))
        file.seek(end)
        entries.append((member.name, member.size, crc, offset))
    file.write(directory(entries, file.tell()))


def _copy(member: Member, target: BinaryIO) -> int:
    total, size, crc = sha256(), 0, 0
    with member.open() as source:
        while chunk := source.read(CHUNK):
            total.update(chunk)
            crc = zlib.crc32(chunk, crc)
            size += target.write(chunk)
    if size != member.size or total.hexdigest() != member.digest:
        raise NotPackaged(f"{member.name}：内容与导出时不符 · is not what was exported")
    return crc
