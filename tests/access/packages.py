"""Evidence packages for the tests of who checks them: real footage, a custody log that both sides signed."""

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from reelwarden_access.district.desk.package import PackageParts
from reelwarden_common.events.access import Manner, PackagedFile
from reelwarden_common.events.report import CustodyAnswer, CustodyEntry, EarlierCheckpoint
from reelwarden_report.custody.merkle import Frontier, Range, consistency, fold, inclusion, leaf_hash
from reelwarden_report.custody.notes import COSIGNED, Checkpoint, Signer
from reelwarden_report.custody.proofs import InclusionProof, encoded
from tests.access.footage import School, span

MADE = datetime(2026, 3, 3, 1, 2, 3, tzinfo=UTC)
COSIGNED_AT = 1_772_500_000


def key_at(path: Path) -> Path:
    """A new Ed25519 key in PEM."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(pem)
    return path


@dataclass(frozen=True)
class Log:
    """A school's custody log at the district: its entries, who signs it, and who countersigns."""

    entries: tuple[str, ...]
    signer: Signer
    witness: Signer

    @classmethod
    def of(cls, count: int, changed: int | None = None) -> "Log":
        """Entries, one of which may be another than it was."""
        texts = [json.dumps({"event": f"e{n}", "fact": "x" if n == changed else "y"}) for n in range(count)]
        return cls(tuple(texts), LOG, WITNESS)

    def checkpoint(self, size: int) -> Checkpoint:
        """Of its first entries."""
        return Checkpoint(self.signer.name, size, self._hash(Range(0, size)))

    def note(self, size: int) -> str:
        """That checkpoint, signed by the log."""
        return self.signer.sign(self.checkpoint(size).text)

    def countersigned(self, size: int) -> str:
        """And by the other side."""
        return self.witness.cosign(self.note(size), COSIGNED_AT)

    def earlier(self, size: int, note: str) -> EarlierCheckpoint:
        """A checkpoint of before, with the proof that the whole log continues it."""
        ranges = consistency(size, len(self.entries))
        hashes = encoded([self._hash(one) for one in ranges])
        return EarlierCheckpoint(size=size, note=note, consistency=hashes)

    def answer(self, places: tuple[int, ...], countersigned: int | None = None) -> CustodyAnswer:
        """What the registrar answers about these entries."""
        size = len(self.entries)
        note = self.note(size)
        earlier = self.earlier(countersigned, self.countersigned(countersigned)) if countersigned else None
        return CustodyAnswer(
            entries=tuple(self._entry(place, note) for place in places),
            checkpoint=note,
            size=size,
            key=str(self.signer.key()),
            witness_key=str(self.witness.key(COSIGNED)),
            countersigned=earlier,
        )

    def _entry(self, index: int, note: str) -> CustodyEntry:
        hashes = tuple(self._hash(part) for part in inclusion(index, len(self.entries)))
        proof = InclusionProof(index, hashes, note)
        return CustodyEntry(index=index, entry=self.entries[index], proof=proof.text)

    def _hash(self, part: Range) -> bytes:
        frontier = Frontier()
        for entry in self.entries[part.start : part.end]:
            frontier, _ = frontier.append(leaf_hash(entry.encode()))
        return fold(frontier.peaks)


LOG = Signer("reelwarden/s001/registrar", Ed25519PrivateKey.generate())
WITNESS = Signer("reelwarden/s001/notary/witness", Ed25519PrivateKey.generate())


def parts_of(folder: Path, custody: CustodyAnswer | None) -> PackageParts:
    """Two seconds of H.264, a still, one gap, two forms, and this custody."""
    school = School(folder / "storage")
    (segment,) = school.record("gate", 0, 2)
    still = io.BytesIO()
    Image.new("RGB", (320, 180), "gray").save(still, "JPEG")
    files = {
        "view/gate-1.mp4": school.path(segment).read_bytes(),
        "stills/gate-1.jpg": still.getvalue(),
        "gaps.json": b"{}",
    }
    listed = [
        PackagedFile(
            name=name, size=len(data), digest=sha256(data).hexdigest(), kind="view", media_type="x/y"
        )
        for name, data in files.items()
    ]
    files["digests.json"] = json.dumps({"files": [one.model_dump(mode="json") for one in listed]}).encode()
    for name, data in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    return PackageParts(
        number="s001-2026-0002",
        manner=Manner.COPY,
        footage_files=[(name, folder / name, sha256(data).hexdigest()) for name, data in files.items()],
        gaps=[span("gate", 2, 4)],
        forms={"application.zh.pdf": b"%PDF zh", "application.en.pdf": b"%PDF en"},
        custody=custody,
        recipient_text="示范区公安分局 张警官 · s001-2026-0002",
        signing_key_path=key_at(folder / "desk.pem"),
        made_at=MADE,
    )
