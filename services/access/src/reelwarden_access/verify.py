"""Checks an evidence package (证据包) offline: nothing missing, added or changed since it was signed.

    python verify.py                             # the unpacked package in which this file lies
    python verify.py package.zip                 # or the folder it was unpacked into
    python verify.py package.zip --trust KEYS.txt    # keys that you got from the district by another way
    python verify.py package.zip --key FINGERPRINT_OR_PEM --log-key VERIFIER_KEY --json
    python verify.py package.zip --record number-record.zip

The record (调取记录表) is signed after the package was made: its supplement, `<number>-record.zip`, is
checked with the package where it lies beside the zip or in the unpacked folder, or alone when it is given.

Needs Python 3.9 or later and nothing else; where the library `cryptography` is installed, it checks the
signatures. A copy lies in every package. Whoever doubts the package should doubt that copy too: get this
file, and the fingerprint of the key, from the district by another way.

The unpacked folder is a bag (BagIt, RFC 8493), so that other tools check most of it: `sha256sum -c`, `bagit`,
and `openssl` for the signatures; the README in the package has the commands.

Exit codes: 0 intact; 1 not what was signed; 2 not a package, or not readable.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import stat
import struct
import sys
import zipfile
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import Any, Callable, Iterable, Iterator, Sequence  # noqa: UP035 - for Python 3.9

FORMAT, SUPPLEMENT = "reelwarden-package/1", "reelwarden-supplement/1"
SUPPLEMENT_ENDS = "-record.zip"
MANIFEST, BAG, BAG_INFO, PAYLOAD_LIST = "manifest.json", "bagit.txt", "bag-info.txt", "manifest-sha256.txt"
TAG_LIST, SIGNATURE = "tagmanifest-sha256.txt", "tagmanifest-sha256.sig"
"""What is signed: SHA-256 of each file that tells of others, of MANIFEST among them; and the signature."""
PAYLOAD = "data/"
FORMS, FOOTAGE, STILLS, CUSTODY = (PAYLOAD + part for part in ("forms/", "footage/", "stills/", "custody/"))
FORM, FORM_SIGNATURES = FORMS + "application.json", FORMS + "signatures.json"
RECORD, RECORD_SIGNATURES = FORMS + "record.json", FORMS + "record-signatures.json"
ACTS_SIGNED, DIGESTS, LOG_KEYS = FORMS + "acts.json", FOOTAGE + "digests.json", CUSTODY + "log-keys.txt"
CHECKPOINT, COUNTERSIGNED, STAMPED = (
    CUSTODY + "checkpoint.txt",
    CUSTODY + "countersigned.txt",
    CUSTODY + "stamped.txt",
)
CONSISTENCY, STAMP = ".consistency", CUSTODY + "stamped.tsr"
SIGNED, COSIGNED = 1, 4
"""Kinds of signature in a signed note (c2sp.org/signed-note)."""
CHUNK = 1024 * 1024
LARGEST_TEXT = 64 * 1024 * 1024

WORDS = {
    "not-readable": ("无法读取：{why}", "cannot be read: {why}"),
    "bad-key-file": (
        "无法读取公钥文件 {name}：{why}",
        "the file of keys {name} cannot be read: {why}",
    ),
    "not-a-package": ("不是证据包：{why}", "is not an evidence package: {why}"),
    "bad-name": ("文件名不安全：{name}", "unsafe file name: {name}"),
    "duplicate": ("文件名重复：{name}", "two files of one name: {name}"),
    "not-plain": ("不是普通文件（链接、目录、压缩或加密）：{name}", "not a plain stored file: {name}"),
    "missing": ("缺少文件：{name}", "missing: {name}"),
    "unlisted": ("清单中没有的文件：{name}", "not in the manifest: {name}"),
    "changed": ("内容已被改动：{name}", "changed: {name}"),
    "container": (
        "压缩包不是当初制作的那一个：被重新打包，或含有不属于任何文件的字节",
        "the zip is not the one that was made: packed again, or with bytes that belong to no file",
    ),
    "bad-signature": ("清单签名无效：清单或签名被改动", "the signature does not fit the manifest"),
    "unknown-key": (
        "签名公钥 {found} 不是给定的 {wanted}",
        "signed by the key {found}, not by the one given, {wanted}",
    ),
    "footage": ("与录像部分的摘要清单不符：{name}", "differs from the footage part's own digests: {name}"),
    "bad-proof": ("存证证明不成立：{name}：{why}", "the custody proof does not hold: {name}: {why}"),
    "key-not-compared": (
        "签名公钥指纹 {found}：请与教育局公布的指纹核对（--key）",
        "signed by the key {found}: compare it with the one that the district publishes (--key)",
    ),
    "bad-countersignature": (
        "存证日志的会签不成立：{why}",
        "the countersignature of the custody log does not hold: {why}",
    ),
    "missing-countersignature": (
        "会签方 {name} 的公钥已给定，包内却没有会签：存证日志可能由一方单独改写",
        "nothing here is countersigned, although the key of {name} is known: a log written anew by one side?",
    ),
    "newer-entries": (
        "包内 {count} 条存证晚于会签：只有一方签名",
        "{count} of the custody entries here are newer than the countersignature: one side alone signed them",
    ),
    "not-countersigned": (
        "存证日志在此检查点之前尚无另一方会签：只有一方签名",
        "no checkpoint of this custody log is countersigned yet: one side alone signed it",
    ),
    "countersigned": (
        "存证日志前 {size} 条（共 {of} 条）由 {name} 于 {time} 会签，其后只有追加",
        "{size} of {of} custody entries were countersigned by {name} at {time}; the log only grew since",
    ),
    "bad-stamp": ("时间戳不成立：{why}", "the time stamp does not hold: {why}"),
    "stamped": (
        "时间戳机构证明存证日志前 {size} 条最迟 {time} 已存在（其签名用 openssl ts 核验，见说明）",
        "a time-stamp authority saw {size} custody entries at {time} (its signature: openssl ts, README)",
    ),
    "log-not-checked": (
        "存证日志 {name} 的签名未核对（--log-key）",
        "the signature of the custody log {name} was not checked (--log-key)",
    ),
    "log-key-not-compared": (
        "存证日志公钥 {key}：取自包内，请与教育局公布的核对（--log-key）",
        "the custody log's key {key} comes from the package: compare it with the published one (--log-key)",
    ),
    "custody-cut": (
        "存证条目过多，包内只有最近的部分",
        "there are more custody entries than fit: the package holds the newest only",
    ),
    "no-custody": ("包内没有存证记录", "the package holds no custody entries"),
    "bad-form-signature": (
        "{name} 的签字不成立：{why}",
        "the signature of {name} does not hold: {why}",
    ),
    "other-attachment": (
        "附件与签字的申请表所载不符：{name}",
        "the attached file is not the one that the signed form names: {name}",
    ),
    "attachment-not-enclosed": (
        "包内没有申请表所载附件：{name}",
        "an attached file that the form names is not enclosed: {name}",
    ),
    "own-key": (
        "{name} 以本人密钥 {key} 签字，已核验",
        "{name} signed with a key of their own, {key}: checked",
    ),
    "by-password": (
        "{name} 以密码再次确认身份签字：由服务台证明，无本人密钥可核验",
        "{name} signed by giving the password again: the desk attests it, there is no own key to check",
    ),
    "in-supplement": ("补充件 {file}：{zh}", "in the supplement {file}: {en}"),
    "no-supplement": ("{file} 不是补充件", "{file} is no supplement"),
    "other-package": (
        "补充件 {file} 属于另一个证据包",
        "the supplement {file} belongs to another package",
    ),
    "other-form": (
        "补充件 {file} 的调取记录表不是针对包内的申请表",
        "the record in the supplement {file} is not about the application in the package",
    ),
    "supplement": (
        "补充件 {file} 完整，属于本证据包：调取记录表及其签字",
        "the supplement {file} is intact and belongs to this package: the record and its signatures",
    ),
    "package-not-checked": (
        "所属证据包（SHA-256 {package}）未一并核验",
        "the package it belongs to (SHA-256 {package}) was not checked with it",
    ),
    "gaps": (
        "录像有 {count} 处未覆盖时段，见 footage/gaps.json",
        "{count} spans are not covered: see footage/gaps.json",
    ),
    "changed-stills": (
        "{count} 张截图上加有接收人标记，与原截图不同",
        "{count} stills bear the recipient's mark and so differ from the originals",
    ),
}


UNREADABLE = ("not-readable", "not-a-package", "bad-key-file")


class Finding(Exception):
    """One thing that is not as it should be, or that a person should know."""

    def __init__(self, code: str, **fields: object) -> None:
        super().__init__(code)
        self.code, self.fields = code, {name: str(value) for name, value in fields.items()}

    def say(self, lang: str) -> str:
        """The finding in words."""
        chinese, english = WORDS[self.code]
        shown = {
            name: value.encode("unicode_escape").decode() if not value.isprintable() else value
            for name, value in self.fields.items()
        }
        return (chinese if lang == "zh" else english).format(**shown)


class Verdict:
    """What the check found: problems make the package worthless, notes only inform."""

    def __init__(self) -> None:
        self.problems: list[Finding] = []
        self.notes: list[Finding] = []
        self.number, self.fingerprint, self.files = "", "", 0
        self.manifest, self.form = "", ""
        """SHA-256 of the manifest, and of the application form."""
        self.supplement_to: dict[str, str | None] | None = None
        """Of a supplement: the package's SHA-256, its manifest's, and the application form's."""

    @property
    def intact(self) -> bool:
        """Whether everything is as it was signed."""
        return not self.problems

    @property
    def exit_code(self) -> int:
        """0 intact, 1 not what was signed, 2 not a package."""
        if self.intact:
            return 0
        return 2 if any(one.code in UNREADABLE for one in self.problems) else 1

    def as_json(self) -> dict[str, Any]:
        """For programs."""

        def told(found: Sequence[Finding]) -> list[dict[str, str]]:
            return [{"code": f.code, **f.fields, "zh": f.say("zh"), "en": f.say("en")} for f in found]

        return {
            "intact": self.intact,
            "number": self.number,
            "kind": "package" if self.supplement_to is None else "supplement",
            "files": self.files,
            "key": self.fingerprint,
            "problems": told(self.problems),
            "notes": told(self.notes),
        }


# --- the container -----------------------------------------------------------------------------------------

UTF8, FIRST_DAY, PLAIN_FILE = 0x800, 0x21, (stat.S_IFREG | 0o644) << 16
MOST_32, MOST_16 = 0xFFFFFFFF, 0xFFFF


def local_header(name: str, size: int, crc: int) -> bytes:
    """What stands before a stored file in the zip: no field is left to choice, so none can hide anything."""
    large = size >= MOST_32
    extra = struct.pack("<HHQQ", 1, 16, size, size) if large else b""
    shown, raw = (MOST_32 if large else size), name.encode()
    sizes = (crc, shown, shown, len(raw), len(extra))
    version = 45 if large else 20
    return struct.pack("<4s5H3I2H", b"PK\3\4", version, UTF8, 0, 0, FIRST_DAY, *sizes) + raw + extra


def directory(entries: Sequence[tuple[str, int, int, int]], start: int) -> bytes:
    """What stands after the last file; `entries` are name, size, CRC and offset."""
    found = b"".join(_directory_entry(*entry) for entry in entries)
    many = len(entries) >= MOST_16 or start >= MOST_32 or len(found) >= MOST_32
    tail = b""
    if many:
        counts = (len(entries), len(entries), len(found), start)
        tail = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, *counts)
        tail += struct.pack("<4sIQI", b"PK\6\7", 0, start + len(found), 1)
    count = min(len(entries), MOST_16)
    sizes = (min(len(found), MOST_32), min(start, MOST_32))
    return found + tail + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, *sizes, 0)


def _directory_entry(name: str, size: int, crc: int, offset: int) -> bytes:
    wide = ([size, size] if size >= MOST_32 else []) + ([offset] if offset >= MOST_32 else [])
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    version, raw, shown = (45 if wide else 20), name.encode(), min(size, MOST_32)
    fields = (version | 3 << 8, version, UTF8, 0, 0, FIRST_DAY, crc, shown, shown, len(raw), len(extra))
    rest = (0, 0, 0, PLAIN_FILE, min(offset, MOST_32))
    return struct.pack("<4s6H3I5H2I", b"PK\1\2", *fields, *rest) + raw + extra


def bag_list(files: Iterable[tuple[str, str]]) -> bytes:
    """Names with their SHA-256 as BagIt and `sha256sum -c` read them, sorted by name."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(files)).encode()


def bag_lists(manifest: bytes, files: Iterable[tuple[str, str]]) -> tuple[bytes, bytes]:
    """The list of the payload, and the list of all that stands beside it: the one that is signed."""
    listed = list(files)
    beside = [(name, digest) for name, digest in listed if not name.startswith(PAYLOAD)]
    return (
        bag_list(file for file in listed if file[0].startswith(PAYLOAD)),
        bag_list([*beside, (MANIFEST, hashlib.sha256(manifest).hexdigest())]),
    )


def safe(name: str) -> bool:
    """Whether a name stays inside the package on every system, and means the same to every tool."""
    parts = name.split("/")
    bad = any(c in name for c in '\\:*?"<>|%') or not name.isprintable() or len(name) > 500  # noqa: PLR2004
    return not bad and all(part not in ("", ".", "..") and part[-1] not in ". " for part in parts)


class ZippedPackage:
    """A package as it was handed over."""

    def __init__(self, path: Path) -> None:
        self._path, self._zip = path, zipfile.ZipFile(path)
        self.infos = self._zip.infolist()

    def check(self) -> Iterator[Finding]:
        """What is wrong with the container itself, but for its order."""
        seen = set()
        for info in self.infos:
            if info.filename.lower() in seen:
                yield Finding("duplicate", name=info.filename)
            seen.add(info.filename.lower())
            if not safe(info.orig_filename):
                yield Finding("bad-name", name=info.orig_filename)
            elif (
                info.compress_type
                or info.flag_bits & 1
                or stat.S_IFMT(info.external_attr >> 16) != stat.S_IFREG
            ):
                yield Finding("not-plain", name=info.filename)

    def names(self) -> list[str]:
        """All files."""
        return [info.filename for info in self.infos]

    def open(self, name: str) -> Any:  # noqa: ANN401 - a binary file of zipfile
        """One file."""
        return self._zip.open(name)

    def check_layout(self, order: Sequence[str]) -> Iterator[Finding]:
        """Every byte outside of the files is where and what it must be."""
        infos = {info.filename: info for info in self.infos}
        entries, offset = [], 0
        with self._path.open("rb") as file:
            for name in order:
                size, crc = infos[name].file_size, infos[name].CRC
                header = local_header(name, size, crc)
                file.seek(offset)
                if file.read(len(header)) != header:
                    yield Finding("container")
                    return
                entries.append((name, size, crc, offset))
                offset += len(header) + size
            file.seek(offset)
            expected = directory(entries, offset)
            if file.read(len(expected) + 1) != expected:
                yield Finding("container")


def _beside(name: str) -> bool:
    """Whether a file of an unpacked package is a supplement to it: that is checked by itself."""
    return "/" not in name and name.endswith(SUPPLEMENT_ENDS)


class UnpackedPackage:
    """A package that was unpacked into a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found = sorted(one for one in path.rglob("*") if one.is_symlink() or not one.is_dir())

    def check(self) -> Iterator[Finding]:
        """Links and devices have no place in it."""
        for one in self._found:
            if one.is_symlink() or not one.is_file():
                yield Finding("not-plain", name=one.relative_to(self._path).as_posix())

    def names(self) -> list[str]:
        """All files but the traces that Python leaves when this file runs in the folder."""
        names = [one.relative_to(self._path).as_posix() for one in self._found]
        return [
            name for name in names if "__pycache__" not in PurePosixPath(name).parts and not _beside(name)
        ]

    def open(self, name: str) -> Any:  # noqa: ANN401 - a binary file
        """One file."""
        return (self._path / name).open("rb")

    def check_layout(self, _: Sequence[str]) -> Iterator[Finding]:
        """A folder has no bytes between its files."""
        return iter(())


# --- signatures --------------------------------------------------------------------------------------------


def signed_by(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether an Ed25519 key (32 bytes) made a signature (64 bytes)."""
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - it may be missing
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    except ImportError:
        return signed_by_plain(public, signature, message)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int, int, int]


def signed_by_plain(public: bytes, signature: bytes, message: bytes) -> bool:
    """The same by RFC 8032, 5.1.7, in plain Python: slow, but it needs nothing."""
    if len(public) != 32 or len(signature) != 64:  # noqa: PLR2004 - fixed by the RFC
        return False
    key, commitment = _point(public), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or s >= Q:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % Q
    base = _point(b"\x58" + b"\x66" * 31)
    assert base is not None  # noqa: S101 - a constant
    x1, y1, z1, _ = _times(s, base)
    x2, y2, z2, _ = _plus(commitment, _times(h, key))
    return (x1 * z2 - x2 * z1) % P == 0 and (y1 * z2 - y2 * z1) % P == 0


def _plus(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    return (f - e) * (h - g) % P, (h + g) * (f + e) % P, (h - g) * (h + g) % P, (f - e) * (f + e) % P


def _times(number: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = _plus(total, point)
        point, number = _plus(point, point), number >> 1
    return total


def _point(raw: bytes) -> Point | None:
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def fingerprint(public: bytes) -> str:
    """A key's SHA-256, as the district publishes it."""
    return hashlib.sha256(public).hexdigest()


def wanted_fingerprint(text: str) -> str:
    """What `--key` names: a fingerprint, or a PEM file with the public key."""
    path = Path(text)
    return fingerprint_of_pem(path.read_text(encoding="ascii")) if path.is_file() else plain(text)


def plain(found: str) -> str:
    """A fingerprint without colons, in lower case."""
    return found.replace(":", "").strip().lower()


def fingerprint_of_pem(text: str) -> str:
    """Of an Ed25519 public key in PEM."""
    lines = [line for line in text.splitlines() if "-----" not in line]
    return fingerprint(base64.b64decode("".join(lines))[-32:])


def trusted(path: Path) -> tuple[list[str], list[str]]:
    """What `--trust` names: fingerprints of signing keys, and verifier keys of custody logs.

    A text file: one fingerprint or verifier key a line, public keys in PEM among them, `#` begins a remark.

    Raises:
        OSError: it cannot be read.
        ValueError: a line is none of these.
    """
    keys, log_keys, pem = [], [], ""
    for raw in path.read_text(encoding="utf-8").splitlines():
        line = raw.partition("#")[0].strip()
        if pem or line.startswith("-----BEGIN "):
            pem += line + "\n"
            if line.startswith("-----END "):
                keys.append(fingerprint_of_pem(pem))
                pem = ""
        elif "+" in line:
            parse_log_key(line)
            log_keys.append(line)
        elif len(plain(line)) == 64 and not set(plain(line)) - set("0123456789abcdef"):  # noqa: PLR2004 - SHA-256
            keys.append(plain(line))
        elif line:
            raise ValueError(f"{line[:60]!r}")
    if pem or not keys + log_keys:
        raise ValueError("-")
    return keys, log_keys


# --- people's own keys (WebAuthn) --------------------------------------------------------------------------

ACTS = {"applicant": ("file", "attach"), "approver": ("approve", "reject"), "department": ("advise",)}
GIVEN_WHEN_FILED = ("number", "filed_at", "changed_at")
"""Of an application, after its applicant signed it."""
PRESENT_AND_VERIFIED = 0b101
"""Of the flags: somebody was there, and the device knew them by finger, face or PIN."""
HASH_HEADER = bytes.fromhex("3031300d060960864801650304020105000420")
"""Of SHA-256 in an RSA signature (RFC 8017, 9.2)."""
CURVE_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
CURVE_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
CURVE_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
CURVE_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def statement(act: str, digest: str, opinion: str, nonce: str) -> bytes:
    """What a person's key signs the SHA-256 of: the act, the form that was shown, the opinion given."""
    plain = "\n".join(opinion.split("\r\n")).strip()
    said = hashlib.sha256(plain.encode()).hexdigest()
    return f"reelwarden-signature/1\n{act}\n{digest}\n{said}\n{nonce}".encode()


def attachment_name(number: int) -> str:
    """Where an attached file of the form lies, by its place in the form; without its suffix."""
    return f"{FORMS}attachments/{number:02d}"


def digest_of(shown: dict[str, Any]) -> str:
    """SHA-256 of JSON as RFC 8785 writes it; forms hold no fractions, and names of ASCII only."""
    text = json.dumps(shown, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def digest_as_written(form: bytes) -> str:
    """What the applicant's own key signs: the form but for what it got when it was filed."""
    return digest_of(
        {name: value for name, value in json.loads(form).items() if name not in GIVEN_WHEN_FILED}
    )


def check_act(one: dict[str, Any]) -> str:
    """Check a signed act without a form of its own; the key's fingerprint, empty if by password.

    Raises:
        ValueError: why it does not hold.
        KeyError: a part is missing.
    """
    if digest_of(one["shown"]) != one["digest"] or one["shown"]["kind"] != one["act"]:
        raise ValueError("it is not about what was shown")
    if not one["passkey"]:
        return ""
    if one["passkey"]["act"] != one["act"]:
        raise ValueError("the key signed another act")
    return check_own_key(one["passkey"], one["digest"], one["words"])


def check_form_signature(one: dict[str, Any], digest: str, as_written: str = "") -> str:
    """Check a signature under a form; the fingerprint of the signer's own key, empty if by password.

    Args:
        one: The signature.
        digest: Of the form.
        as_written: Of the form as its applicant saw it.

    Raises:
        ValueError: why it does not hold.
        KeyError: a part is missing.
    """
    if one["digest"] != digest:
        raise ValueError("it is not under this form")
    if one["passkey"] and one["capacity"] == "applicant":
        return check_passkey({**one, "digest": as_written})
    return check_passkey(one) if one["passkey"] else ""


def check_passkey(one: dict[str, Any]) -> str:
    """Check a signature made with a person's own key; returns the key's fingerprint.

    Raises:
        ValueError: why it does not hold.
        KeyError: a part is missing.
    """
    own = one["passkey"]
    if own["act"] not in ACTS.get(one["capacity"], ("sign",)):
        raise ValueError(f"the key signed another act: {own['act']}")
    return check_own_key(own, one["digest"], one["opinion"])


def check_own_key(own: dict[str, Any], digest: str, words: str) -> str:
    """Check that a key signed its act on what has this digest, with these words; returns its fingerprint.

    Raises:
        ValueError: why it does not hold.
        KeyError: a part is missing.
    """
    client, device = from_base64url(own["client_data"]), from_base64url(own["authenticator_data"])
    said = json.loads(client)
    wanted = hashlib.sha256(statement(own["act"], digest, words, own["nonce"])).digest()
    if said["type"] != "webauthn.get" or from_base64url(said["challenge"]) != wanted:
        raise ValueError("the key signed something else")
    if said["origin"] != own["origin"] or device[:32] != hashlib.sha256(own["rp_id"].encode()).digest():
        raise ValueError("the key signed at another site")
    if device[32] & PRESENT_AND_VERIFIED != PRESENT_AND_VERIFIED:
        raise ValueError("the device did not check who was there")
    message = device + hashlib.sha256(client).digest()
    if not signed_by_own_key(own["key"], from_base64url(own["signature"]), message):
        raise ValueError("the key did not sign it")
    return key_fingerprint(own["key"])


def from_base64url(text: str) -> bytes:
    """Bytes of base64url without padding, as WebAuthn writes them."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def key_fingerprint(key: dict[str, str]) -> str:
    """SHA-256 of a key's parts in their order (RFC 7638)."""
    names = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}[key["kty"]]
    parts = json.dumps({name: key[name] for name in names}, separators=(",", ":"))
    return hashlib.sha256(parts.encode()).hexdigest()


def signed_by_own_key(key: dict[str, str], signature: bytes, message: bytes) -> bool:
    """Whether a key (JWK: P-256, or RSA of at least 2048 bits) made a signature, by SHA-256."""
    digest = hashlib.sha256(message).digest()
    if key["kty"] == "RSA":
        n, e = (int.from_bytes(from_base64url(key[part]), "big") for part in ("n", "e"))
        size = (n.bit_length() + 7) // 8
        if n.bit_length() < 2048 or e < 3 or len(signature) != size:  # noqa: PLR2004 - RFC 8017
            return False
        opened = pow(int.from_bytes(signature, "big"), e, n).to_bytes(size, "big")
        tail = b"\0" + HASH_HEADER + digest
        return opened == b"\0\1" + b"\xff" * (size - 2 - len(tail)) + tail
    x, y = (int.from_bytes(from_base64url(key[part]), "big") for part in ("x", "y"))
    return key["crv"] == "P-256" and _signed_on_curve((x, y), _r_and_s(signature), digest)


def _r_and_s(der: bytes) -> tuple[int, int]:
    """The two numbers of an ECDSA signature (DER; none is longer than one byte of length can say)."""
    if len(der) < 8 or der[0] != 0x30 or der[1] != len(der) - 2 or der[2] != 2:  # noqa: PLR2004
        raise ValueError("no signature of its kind")
    middle = 4 + der[3]
    if der[middle] != 2 or middle + 2 + der[middle + 1] != len(der):  # noqa: PLR2004
        raise ValueError("no signature of its kind")
    return int.from_bytes(der[4:middle], "big"), int.from_bytes(der[middle + 2 :], "big")


def _signed_on_curve(public: tuple[int, int], numbers: tuple[int, int], digest: bytes) -> bool:
    """ECDSA over P-256 (FIPS 186-5, 6.4.2), in plain Python."""
    (x, y), (r, s) = public, numbers
    on_curve = max(x, y) < CURVE_P and (y * y - x * x * x + 3 * x - CURVE_B) % CURVE_P == 0
    if not on_curve or not 0 < r < CURVE_N or not 0 < s < CURVE_N:
        return False
    inverse, z = pow(s, CURVE_N - 2, CURVE_N), int.from_bytes(digest, "big")
    one = _curve_times(z * inverse % CURVE_N, CURVE_G)
    point = _curve_plus(one, _curve_times(r * inverse % CURVE_N, public))
    return point is not None and point[0] % CURVE_N == r


CurvePoint = tuple[int, int]


def _curve_plus(a: CurvePoint | None, b: CurvePoint | None) -> CurvePoint | None:
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % CURVE_P == 0:
        return None
    up, down = (3 * a[0] * a[0] - 3, 2 * a[1]) if a == b else (b[1] - a[1], b[0] - a[0])
    slope = up * pow(down, CURVE_P - 2, CURVE_P) % CURVE_P
    x = (slope * slope - a[0] - b[0]) % CURVE_P
    return x, (slope * (a[0] - x) - a[1]) % CURVE_P


def _curve_times(number: int, point: CurvePoint | None) -> CurvePoint | None:
    total = None
    while number:
        if number & 1:
            total = _curve_plus(total, point)
        point, number = _curve_plus(point, point), number >> 1
    return total


# --- custody -----------------------------------------------------------------------------------------------


def check_proof(entry: bytes, proof: str, log_keys: Sequence[str]) -> tuple[str, bool, int]:
    """Check that a log holds an entry (c2sp.org/tlog-proof).

    Returns:
        Its origin, whether its key was compared, and the entry's place in it.

    Raises:
        ValueError: why it does not hold.
    """
    head, blank, note = proof.partition("\n\n")
    lines = head.split("\n")
    if len(lines) > 1 and lines[1].startswith("extra "):
        del lines[1]
    if not blank or lines[0] != "c2sp.org/tlog-proof@v1" or not lines[1].startswith("index "):
        raise ValueError("no c2sp.org/tlog-proof@v1")
    index, hashes = int(lines[1][6:]), [base64.b64decode(line, validate=True) for line in lines[2:]]
    checkpoint = Note(note)
    if not includes(index, checkpoint.size, entry, hashes, checkpoint.root):
        raise ValueError("the log's root does not follow from the entry")
    return checkpoint.origin, checkpoint.signed_by_log(log_keys), index


class Note:
    """A checkpoint of a custody log: its origin, size and root, and who signed it (c2sp.org/signed-note)."""

    def __init__(self, note: str) -> None:
        text, blank, signatures = note.rpartition("\n\n")
        if not blank:
            raise ValueError("no signed note")
        self.text = text + "\n"
        self.origin, size, root = self.text.split("\n")[:3]
        self.size, self.root = int(size), base64.b64decode(root, validate=True)
        self._blobs = [base64.b64decode(line.rpartition(" ")[2]) for line in signatures.splitlines()]

    def signed_by_log(self, log_keys: Sequence[str]) -> bool:
        """Whether the log's own key was compared.

        Raises:
            ValueError: it was, and did not sign.
        """
        known = [(n, k) for n, kind, k in map(parse_log_key, log_keys) if kind == SIGNED and n == self.origin]
        message = self.text.encode()
        if known and not any(signed_by(k, b, message) for n, k in known for b in self._of(n, SIGNED, k)):
            raise ValueError("the log's key did not sign this checkpoint")
        return bool(known)

    def cosigned(self, log_keys: Sequence[str]) -> tuple[str, int]:
        """Who countersigned it (c2sp.org/tlog-cosignature), and when (POSIX seconds).

        Raises:
            ValueError: nobody whose key is known.
        """
        for name, kind, public in map(parse_log_key, log_keys):
            ours = kind == COSIGNED and of_one_school(name, self.origin)
            for blob in self._of(name, COSIGNED, public) if ours else []:
                seconds = int.from_bytes(blob[:8], "big")
                message = f"cosignature/v1\ntime {seconds}\n{self.text}".encode()
                if signed_by(public, blob[8:], message):
                    return name, seconds
        raise ValueError("no key that is known countersigned it")

    def _of(self, name: str, kind: int, public: bytes) -> list[bytes]:
        key_id = hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]
        return [blob[4:] for blob in self._blobs if blob[:4] == key_id]


def of_one_school(name: str, origin: str) -> bool:
    """Whether a countersigner is the one of this log: `reelwarden/<school>/…`."""
    return name.split("/")[:2] == origin.split("/")[:2]


def parse_log_key(text: str) -> tuple[str, int, bytes]:
    """Name, kind and Ed25519 key of a C2SP verifier key, given itself or as a file."""
    text = Path(text).read_text(encoding="utf-8").strip() if "+" not in text else text
    name, _, rest = text.partition("+")
    raw = base64.b64decode(rest.partition("+")[2], validate=True)
    if len(raw) != 33 or raw[0] not in (SIGNED, COSIGNED):  # noqa: PLR2004 - kind and key
        raise ValueError(f"{text[:60]} is no verifier key")
    return name, raw[0], raw[1:]


def check_same(checkpoint: bytes, newest: bytes) -> None:
    """Check that a proof leads to the package's own checkpoint.

    Raises:
        ValueError: it leads to another.
    """
    if checkpoint != newest:
        raise ValueError(f"it leads to another checkpoint than {CHECKPOINT}")


def check_continues(older: Note, proof: str, newer: Note) -> None:
    """Check that the log of `newer` begins with all of `older`: nothing was changed or taken out since.

    `proof` says `old SIZE`, then a hash a line, as witnesses are sent it (c2sp.org/tlog-witness).

    Raises:
        ValueError: it does not.
    """
    first, *lines = proof.split("\n")
    hashes = [base64.b64decode(line, validate=True) for line in lines if line]
    sizes = (older.size, newer.size)
    if older.origin != newer.origin or first != f"old {older.size}":
        raise ValueError("it is about another log or checkpoint")
    if not continues(sizes, hashes, older.root, newer.root):
        raise ValueError("the log was changed since: what was signed before is not the beginning of it")


def continues(sizes: tuple[int, int], proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the proof shows the old tree to be the beginning of the new one (RFC 9162, 2.1.4.2)."""
    old, new = sizes
    if old == new:
        return not proof and old_root == new_root
    if not 0 < old < new or not proof:
        return False
    steps = list(proof) if old & (old - 1) else [old_root, *proof]
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            before, after = _inner(step, before), _inner(step, after)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            after = _inner(after, step)
        position, last = position >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


def _inner(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


STAMP_INFO = bytes.fromhex("060b2a864886f70d0109100104")
"""The DER of id-ct-TSTInfo (RFC 3161, 2.4.2)."""


def stamped_at(answer: bytes, content: bytes) -> str:
    """When a time-stamp authority says to have seen the content (RFC 3161): its generalized time.

    Who the authority is, and whether it signed, `openssl ts -verify` tells: that needs its certificates.

    Raises:
        ValueError: it is no time stamp, or one of something else.
    """
    place = answer.find(STAMP_INFO)
    if place < 0 or _der(answer, 0)[1] != len(answer):
        raise ValueError("no time stamp (RFC 3161)")
    wrapped = _der(answer, place + len(STAMP_INFO))[0]
    parts = list(_ders(_der(_der(wrapped, 0)[0], 0)[0]))
    imprint = list(_ders(parts[2][1]))
    if imprint[1][1] != hashlib.sha256(content).digest():
        raise ValueError("it is of something else")
    return next(value for tag, value in parts if tag == 0x18).decode("ascii")  # noqa: PLR2004 - GeneralizedTime


def _der(raw: bytes, place: int) -> tuple[bytes, int]:
    """The content of the element at this place, and where the next one begins."""
    length, start = raw[place + 1], place + 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(raw[place + 2 : start], "big")
    if start + length > len(raw):
        raise ValueError("it is cut off")
    return raw[start : start + length], start + length


def _ders(raw: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(raw):
        tag = raw[place]
        content, place = _der(raw, place)
        yield tag, content


def includes(index: int, size: int, entry: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof binds the entry to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, total = index, size - 1, hashlib.sha256(b"\0" + entry).digest()
    for step in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            total = hashlib.sha256(b"\1" + step + total).digest()
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            total = hashlib.sha256(b"\1" + total + step).digest()
        position, last = position >> 1, last >> 1
    return last == 0 and total == root


# --- the check ---------------------------------------------------------------------------------------------


class Check:
    """One run over one package."""

    def __init__(self, package: Any, keys: Sequence[str], log_keys: Sequence[str]) -> None:  # noqa: ANN401 - either kind
        self._package, self._keys, self._log_keys = package, keys, log_keys
        self._names = package.names()
        self.verdict = Verdict()

    def run(self) -> Verdict:
        """All checks; later ones only where earlier ones left something to check."""
        problems = self.verdict.problems
        problems += self._package.check()
        try:
            listed = self._manifest()
        except Finding as finding:
            problems.append(finding)
            return self.verdict
        problems += self._files(listed)
        if not problems:
            order = [SIGNATURE, TAG_LIST, MANIFEST, *(file["name"] for file in listed)]
            problems += self._package.check_layout(order)
        if not problems:
            self._footage(listed)
            self._form_signatures()
            self._record_signatures()
            self._acts()
            self._attachments(listed)
            self._custody()
        return self.verdict

    def _text(self, name: str) -> bytes:
        if name not in self._names:
            raise Finding("not-a-package", why=f"{name} -")
        with self._package.open(name) as file:
            content: bytes = file.read(LARGEST_TEXT)
        return content

    def _manifest(self) -> list[dict[str, Any]]:
        raw, tags, signature = self._text(MANIFEST), self._text(TAG_LIST), self._text(SIGNATURE)
        try:
            manifest = json.loads(raw)
            listed: list[dict[str, Any]] = manifest["files"]
            public = base64.b64decode(manifest["key"], validate=True)
            known = manifest["format"] in (FORMAT, SUPPLEMENT)
            self.verdict.number, self.verdict.files = str(manifest["number"]), len(listed)
            gaps = len(manifest["gaps"])
            whole = all(
                isinstance(f["name"], str) and isinstance(f["size"], int) and f["sha256"] for f in listed
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Finding("not-a-package", why=f"{MANIFEST}: {error}") from error
        if not known or not whole:
            raise Finding("not-a-package", why=f"{MANIFEST}: format")
        self.verdict.fingerprint = fingerprint(public)
        self.verdict.manifest = hashlib.sha256(raw).hexdigest()
        if manifest["format"] == SUPPLEMENT:
            named = {name: manifest.get(name) for name in ("package", "package_manifest")}
            self.verdict.supplement_to = {**named, "form": None}
        if not signed_by(public, signature, tags):
            raise Finding("bad-signature")
        digests = {file["name"]: file["sha256"] for file in listed}
        payload, beside = bag_lists(raw, digests.items())
        if tags != beside:
            raise Finding("changed", name=MANIFEST)
        if digests.get(PAYLOAD_LIST) != hashlib.sha256(payload).hexdigest():
            raise Finding("changed", name=PAYLOAD_LIST)
        self._compare_key(self.verdict.fingerprint)
        if gaps:
            self.verdict.notes.append(Finding("gaps", count=gaps))
        if manifest.get("custody_cut"):
            self.verdict.notes.append(Finding("custody-cut"))
        return listed

    def _compare_key(self, found: str) -> None:
        wanted = [wanted_fingerprint(key) for key in self._keys]
        if not wanted:
            self.verdict.notes.append(Finding("key-not-compared", found=found))
        elif found not in wanted:
            self.verdict.problems.append(Finding("unknown-key", found=found, wanted=", ".join(wanted)))

    def _files(self, listed: Sequence[dict[str, Any]]) -> Iterator[Finding]:
        by_name = {file["name"]: file for file in listed}
        if len(by_name) != len(listed):
            yield Finding("duplicate", name=MANIFEST)
        for name in self._names:
            if name not in by_name and name not in (MANIFEST, TAG_LIST, SIGNATURE):
                yield Finding("unlisted", name=name)
        for name, file in by_name.items():
            if name not in self._names:
                yield Finding("missing", name=name)
            elif self._measure(name, file["size"]) != (file["size"], file["sha256"]):
                yield Finding("changed", name=name)

    def _measure(self, name: str, expected: int) -> tuple[int, str]:
        """Size and SHA-256 of a file, read no further than it may be long."""
        total, size = hashlib.sha256(), 0
        try:
            with self._package.open(name) as file:
                while size <= expected and (chunk := file.read(CHUNK)):
                    total.update(chunk)
                    size += len(chunk)
        except Exception:  # noqa: BLE001 - hostile zips have many ways to be unreadable
            return -1, ""
        return size, total.hexdigest()

    def _footage(self, listed: Sequence[dict[str, Any]]) -> None:
        """The footage part's own list and the manifest agree; stills that bear a mark say what they were."""
        if DIGESTS not in self._names:
            return
        files = {file["name"]: file for file in listed}
        marked = 0
        for one in json.loads(self._text(DIGESTS)).get("files", []):
            file = files.get(FOOTAGE + one["name"])
            original = file and (file.get("marked_from") or file["sha256"])
            marked += bool(file and "marked_from" in file)
            if original != one["digest"]:
                self.verdict.problems.append(Finding("footage", name=one["name"]))
        if marked:
            self.verdict.notes.append(Finding("changed-stills", count=marked))

    def _form_signatures(self) -> None:
        """Each signature is under the form that lies here; those by an own key follow from that key."""
        if FORM_SIGNATURES not in self._names:
            return
        form = self._text(FORM)
        digest, as_written = hashlib.sha256(form).hexdigest(), digest_as_written(form)
        self.verdict.form = digest
        for one in json.loads(self._text(FORM_SIGNATURES)):
            self._signature(str(one["name"]), one, lambda it: check_form_signature(it, digest, as_written))

    def _record_signatures(self) -> None:
        """The same of the record, in a supplement."""
        if self.verdict.supplement_to is None or RECORD not in self._names:
            return
        record = self._text(RECORD)
        digest = hashlib.sha256(record).hexdigest()
        self.verdict.supplement_to["form"] = json.loads(record)["application_digest"]
        for one in json.loads(self._text(RECORD_SIGNATURES)):
            self._signature(str(one["name"]), one, lambda it: check_form_signature(it, digest))

    def _acts(self) -> None:
        """Acts without a form of their own: what was shown is what its digest says, and that was signed."""
        if ACTS_SIGNED not in self._names:
            return
        for one in json.loads(self._text(ACTS_SIGNED)):
            self._signature("{} ({})".format(one["name"], one["act"]), one, check_act)

    def _signature(self, name: str, one: dict[str, Any], check: Callable[[dict[str, Any]], str]) -> None:
        try:
            key = check(one)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            self.verdict.problems.append(Finding("bad-form-signature", name=name, why=error))
        else:
            self.verdict.notes.append(Finding("own-key" if key else "by-password", name=name, key=key))

    def _attachments(self, listed: Sequence[dict[str, Any]]) -> None:
        """Each file that the signed form names lies here, as it was when the form was signed."""
        if FORM not in self._names:
            return
        files = {file["name"].rpartition(".")[0]: file["sha256"] for file in listed}
        for number, one in enumerate(json.loads(self._text(FORM)).get("attachments", []), start=1):
            found = files.get(attachment_name(number))
            if found is not None and found != one["sha256"]:
                self.verdict.problems.append(Finding("other-attachment", name=one["name"]))
            elif found is None:
                self.verdict.notes.append(Finding("attachment-not-enclosed", name=one["name"]))

    def _custody(self) -> None:
        proofs = [name for name in self._names if name.startswith(CUSTODY) and name.endswith(".tlog-proof")]
        if not proofs and self.verdict.supplement_to is None:
            self.verdict.notes.append(Finding("no-custody"))
        unchecked, places = set(), []
        log_keys = self._known_log_keys()
        for name in proofs:
            try:
                entry, proof = self._text(name.replace(".tlog-proof", ".json")), self._text(name).decode()
                origin, checked, place = check_proof(entry, proof, log_keys)
                check_same(proof.partition("\n\n")[2].encode(), self._text(CHECKPOINT))
            except (Finding, ValueError, IndexError, OSError) as error:
                self.verdict.problems.append(Finding("bad-proof", name=name, why=error))
            else:
                unchecked |= set() if checked else {origin}
                places.append(place)
        self.verdict.notes += [Finding("log-not-checked", name=origin) for origin in sorted(unchecked)]
        if CHECKPOINT in self._names and not self.verdict.problems:
            self._countersigned(log_keys, places)
            self._stamped(log_keys)

    def _countersigned(self, log_keys: Sequence[str], places: Sequence[int]) -> None:
        """The other side signed the log too, so that neither can write it anew alone."""
        if COUNTERSIGNED not in self._names:
            self._not_countersigned()
            return
        try:
            older, newer = self._earlier(COUNTERSIGNED, log_keys)
            name, seconds = older.cosigned(log_keys)
        except (Finding, ValueError, IndexError) as error:
            self.verdict.problems.append(Finding("bad-countersignature", why=error))
            return
        time = datetime.fromtimestamp(seconds, timezone.utc).isoformat()  # noqa: UP017 - for Python 3.9
        fields = {"size": older.size, "of": newer.size, "name": name, "time": time}
        self.verdict.notes.append(Finding("countersigned", **fields))
        if newer_entries := sum(place >= older.size for place in places):
            self.verdict.notes.append(Finding("newer-entries", count=newer_entries))

    def _not_countersigned(self) -> None:
        """Whoever knows the countersigner's key expects its signature: leaving it out is no way around it."""
        origin = Note(self._text(CHECKPOINT).decode()).origin
        for name, kind, _ in map(parse_log_key, self._log_keys):
            if kind == COSIGNED and of_one_school(name, origin):
                self.verdict.problems.append(Finding("missing-countersignature", name=name))
                return
        self.verdict.notes.append(Finding("not-countersigned"))

    def _stamped(self, log_keys: Sequence[str]) -> None:
        """A time-stamp authority saw a checkpoint of the log, and the log only grew since."""
        if STAMPED not in self._names:
            return
        try:
            older, _ = self._earlier(STAMPED, log_keys)
            time = stamped_at(self._text(STAMP), self._text(STAMPED))
        except (Finding, ValueError, IndexError, StopIteration) as error:
            self.verdict.problems.append(Finding("bad-stamp", why=error))
            return
        self.verdict.notes.append(Finding("stamped", size=older.size, time=time))

    def _earlier(self, name: str, log_keys: Sequence[str]) -> tuple[Note, Note]:
        """An earlier checkpoint, and the package's own, that continues it."""
        older, newer = Note(self._text(name).decode()), Note(self._text(CHECKPOINT).decode())
        older.signed_by_log(log_keys)
        newer.signed_by_log(log_keys)
        check_continues(older, self._text(name.replace(".txt", CONSISTENCY)).decode(), newer)
        return older, newer

    def _known_log_keys(self) -> list[str]:
        """Of each kind those that were given, else those that came along.

        The latter show that all fits together, not that it is the district's.
        """
        enclosed = self._text(LOG_KEYS).decode().split() if LOG_KEYS in self._names else []
        found = []
        for kind in (SIGNED, COSIGNED):
            given = [key for key in self._log_keys if parse_log_key(key)[1] == kind]
            along = [key for key in enclosed if parse_log_key(key)[1] == kind and not given]
            self.verdict.notes += [Finding("log-key-not-compared", key=key) for key in along]
            found += given + along
        return found


def verify(
    path: Path, keys: Sequence[str] = (), log_keys: Sequence[str] = (), records: Sequence[Path] = ()
) -> Verdict:
    """Check a package, with the supplements that lie beside or in it; or a supplement alone.

    Args:
        path: the zip, or the folder it was unpacked into.
        keys: fingerprints of the keys one of which must have signed it, or their PEM files.
        log_keys: C2SP verifier keys of custody logs, or files that hold one.
        records: supplements that lie elsewhere.
    """
    verdict = verify_alone(path, keys, log_keys)
    if verdict.supplement_to is not None:
        if verdict.supplement_to["package"]:
            found = Finding("package-not-checked", package=verdict.supplement_to["package"])
            verdict.notes.append(found)
        return verdict
    if not any(one.code in UNREADABLE for one in verdict.problems):
        for record in records or supplements_of(path, verdict.number):
            add_supplement(verdict, record, verify_alone(record, keys, ()))
    return verdict


def verify_alone(path: Path, keys: Sequence[str], log_keys: Sequence[str]) -> Verdict:
    """One zip or folder by itself."""
    verdict = Verdict()
    try:
        package = UnpackedPackage(path) if path.is_dir() else ZippedPackage(path)
        check = Check(package, keys, log_keys)
        verdict = check.verdict
        return check.run()
    except OSError as error:
        verdict.problems.append(Finding("not-readable", why=error))
    except Exception as error:  # noqa: BLE001 - hostile files have many ways to be none
        verdict.problems.append(Finding("not-a-package", why=error))
    return verdict


def supplements_of(path: Path, number: str) -> list[Path]:
    """Those in an unpacked package, or the one beside a zip."""
    if path.is_dir():
        return sorted(path.glob(f"*{SUPPLEMENT_ENDS}"))
    beside = path.parent / f"{number}{SUPPLEMENT_ENDS}" if safe(number) else path
    return [beside] if beside != path and beside.is_file() else []


def add_supplement(verdict: Verdict, path: Path, found: Verdict) -> None:
    """What was found in a supplement, and whether it belongs to the package."""
    for one in found.problems:
        verdict.problems.append(Finding("in-supplement", file=path.name, zh=one.say("zh"), en=one.say("en")))
    if found.problems:
        return
    belongs = found.supplement_to
    if belongs is None:
        verdict.problems.append(Finding("no-supplement", file=path.name))
    elif belongs["package_manifest"] != verdict.manifest:
        verdict.problems.append(Finding("other-package", file=path.name))
    elif verdict.form and belongs["form"] != verdict.form:
        verdict.problems.append(Finding("other-form", file=path.name))
    else:
        verdict.notes.append(Finding("supplement", file=path.name))
        told = {one.code for one in verdict.notes} & {"key-not-compared"}
        same_key = told if found.fingerprint == verdict.fingerprint else set()
        verdict.notes += [one for one in found.notes if one.code not in same_key]


def report(verdict: Verdict) -> str:
    """What a person reads, Chinese first."""
    lines = []
    package = verdict.supplement_to is None
    chinese, english = ("证据包", "Package") if package else ("调取记录补充件", "Supplement")
    if verdict.intact:
        lines += [
            f"✔ {chinese} {verdict.number} 完整：{verdict.files} 个文件与签名清单一致。",
            f"  {english} {verdict.number} is intact: {verdict.files} files are as signed.",
        ]
    else:
        lines += ["✘ 不可采信：", "  Not to be relied on:"]
    for mark, findings in (("✘", verdict.problems), ("·", verdict.notes)):
        for one in findings:
            lines += [f"{mark} {one.say('zh')}", f"  {one.say('en')}"]
    return "\n".join(lines)


def verify_trusting(given: argparse.Namespace) -> Verdict:
    """Check with the keys that were given, each by itself or in a file."""
    keys, log_keys = given.key, given.log_key
    try:
        if given.trust:
            fingerprints, more = trusted(given.trust)
            keys, log_keys = keys + fingerprints, log_keys + more
    except (OSError, ValueError) as error:
        verdict = Verdict()
        verdict.problems.append(Finding("bad-key-file", name=given.trust, why=error))
        return verdict
    return verify(given.package, keys, log_keys, given.record)


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command is told."""
    parser = argparse.ArgumentParser(
        description="核验证据包 · Check an evidence package",
        epilog="退出码 · exit code: 0 完整 intact; 1 与签名不符 not what was signed; 2 不是证据包 no package",
    )
    here = Path(__file__).resolve().parent
    parser.add_argument(
        "package",
        type=Path,
        nargs="?",
        default=here,
        help="zip 文件或解压后的文件夹；省略时核验本文件所在的文件夹"
        " · the zip, or the unpacked folder; without it, the folder in which this file lies",
    )
    parser.add_argument(
        "--trust",
        type=Path,
        metavar="KEYFILE",
        help="可信公钥文件：每行一个指纹或日志公钥，或 PEM"
        " · keys that you trust: a fingerprint or a log's verifier key a line, or PEM",
    )
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        help="签名公钥指纹或 PEM 文件 · fingerprint or PEM file of the signing key",
    )
    parser.add_argument("--log-key", action="append", default=[], help="存证日志公钥 · key of a custody log")
    parser.add_argument(
        "--record",
        type=Path,
        action="append",
        default=[],
        help="调取记录补充件，不在包旁时给出 · the supplement, where it is not beside the package",
    )
    parser.add_argument("--json", action="store_true", help="输出 JSON · for programs")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    given = parsed(arguments)
    verdict = verify_trusting(given)
    checked = f"核验 · checking {given.package}\n"
    text = (
        json.dumps(verdict.as_json(), ensure_ascii=False, indent=2)
        if given.json
        else checked + report(verdict)
    )
    sys.stdout.buffer.write(text.encode() + b"\n")
    return verdict.exit_code


if __name__ == "__main__":
    sys.exit(main())
