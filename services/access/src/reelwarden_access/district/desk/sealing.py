"""Files under a signed manifest in one zip: nothing compressed, no byte left to choice.

Unpacked they are a bag (BagIt, RFC 8493), so that tools of others check them: its list of tag files is
signed, and names `manifest.json`, which says what the bag's own lists cannot.
"""

import base64
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any, BinaryIO

import rfc8785
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from reelwarden_access.verify import (
    BAG,
    BAG_INFO,
    CHUNK,
    MANIFEST,
    PAYLOAD_LIST,
    SIGNATURE,
    TAG_LIST,
    bag_lists,
    directory,
    local_header,
)
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


@dataclass(frozen=True)
class Seal:
    """What a sealed zip says of itself, and the key that signs it."""

    format: str
    number: str
    made_at: datetime
    key: Ed25519PrivateKey
    facts: Mapping[str, Any]
    """What its manifest says beside."""


def sealed(seal: Seal, members: Sequence[Member]) -> list[Member]:
    """All files in their order: what is signed first, then the bag's own, then these."""
    public = seal.key.public_key().public_bytes_raw()
    made_at = seal.made_at.astimezone(UTC)
    info = {
        "Bagging-Date": made_at.date().isoformat(),
        "External-Identifier": seal.number,
    }
    lines = "".join(f"{name}: {value}\n" for name, value in info.items())
    bag = [
        held(BAG, b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"),
        held(BAG_INFO, lines.encode()),
        held(PAYLOAD_LIST, bag_lists(b"", _named(members))[0]),
    ]
    listed = [*bag, *members]
    manifest = rfc8785.dumps(
        {
            "format": seal.format,
            "number": seal.number,
            "made_at": made_at.isoformat(timespec="seconds"),
            "key": base64.b64encode(public).decode(),
            "files": [member.listed for member in listed],
            **seal.facts,
        }
    )
    tags = bag_lists(manifest, _named(listed))[1]
    return [held(SIGNATURE, seal.key.sign(tags)), held(TAG_LIST, tags), held(MANIFEST, manifest), *listed]


def _named(members: Sequence[Member]) -> list[tuple[str, str]]:
    return [(member.name, member.digest) for member in members]


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
