"""Notes, proofs and entries: what others' tools would read, and what must not pass."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reelwarden_common.envelope import Envelope
from reelwarden_common.events import retention
from reelwarden_common.events.access import AccessDenied
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import RejectedFile, SegmentsRejected
from reelwarden_common.events.report import CheckpointSigned
from reelwarden_report.custody import merkle, peers, proofs
from reelwarden_report.custody.leaves import leaf
from reelwarden_report.custody.merkle import Frontier, leaf_hash
from reelwarden_report.custody.notes import COSIGNED, BadNote, Checkpoint, Signer, VerifierKey, split, verify
from reelwarden_report.keys import BadKey, load_or_create

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)


def envelope(kind: str = "x", school: str = "s001", role: str = "desk") -> Envelope:
    return Envelope("e1", kind, school, role, AT)


def signer(name: str = "reelwarden/s001/notary") -> Signer:
    return Signer(name, Ed25519PrivateKey.generate())


def test_the_specification_s_own_example_verifies() -> None:
    key = VerifierKey.parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
    note = (
        "This is an example message.\n\n\u2014 example.com/foo "
        "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
    )
    assert verify(note, key) == "This is an example message.\n"
    with pytest.raises(BadNote, match="does not fit"):
        verify(note.replace("an example", "no example"), key)


def test_a_checkpoint_is_signed_and_cosigned() -> None:
    log, other = signer(), signer("reelwarden/s001/registrar/witness")
    checkpoint = Checkpoint(log.name, 7, leaf_hash(b"root"))
    note = other.cosign(log.sign(checkpoint.text), int(AT.timestamp()))
    assert Checkpoint.parse(verify(note, VerifierKey.parse(str(log.key())))) == checkpoint
    assert Checkpoint.parse(verify(note, other.key(COSIGNED))) == checkpoint
    assert [s.name for s in split(note)[1]] == [log.name, other.name]
    with pytest.raises(BadNote, match="no signature"):
        verify(note, signer("somebody").key())
    with pytest.raises(BadNote, match="does not fit"):
        verify(note.replace("\n7\n", "\n8\n", 1), other.key(COSIGNED))


@pytest.mark.parametrize(
    "text",
    ["", "no signature\n", "text\n\nnot a line\n", "a\n\n\u2014 x !!!\n", "a\rb\n\n\u2014 x QUFBQUE=\n"],
)
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(BadNote):
        split(text)


@pytest.mark.parametrize(
    "text", ["", "a+b", "a+00000000+AQ==", "name+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"]
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(BadNote):
        VerifierKey.parse(text)


@pytest.mark.parametrize(
    "text", ["log\n", "log\n07\nAA==\n", "log\n-1\nAA==\n", "log\n1\n!\n", "\n1\nAA==\n"]
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(BadNote):
        Checkpoint.parse(text)


def small_log(log: Signer, entries: list[str]) -> tuple[Frontier, dict[merkle.Node, bytes], str]:
    frontier = Frontier()
    nodes: dict[merkle.Node, bytes] = {}
    for entry in entries:
        frontier, new = frontier.append(leaf_hash(entry.encode()))
        nodes |= dict(new)
    return frontier, nodes, log.sign(Checkpoint(log.name, frontier.size, frontier.root).text)


def test_a_proof_is_checked_offline() -> None:
    log = signer()
    entries = [f'{{"n":{n}}}' for n in range(5)]
    frontier, nodes, note = small_log(log, entries)
    hashes = merkle.prove(merkle.inclusion(3, 5), nodes)
    text = proofs.InclusionProof(3, tuple(hashes), note).text
    assert text.startswith("c2sp.org/tlog-proof@v1\nindex 3\n")
    assert proofs.check(entries[3], text, log.key()).root == frontier.root
    with_extra = text.replace("index 3", "extra AAAA\nindex 3", 1)
    assert proofs.check(entries[3], with_extra, log.key()).size == 5
    with pytest.raises(proofs.BadProof, match="not what the log holds"):
        proofs.check(entries[2], text, log.key())
    with pytest.raises(proofs.BadProof, match="not what the log holds"):
        proofs.check(entries[3], text.replace("index 3", "index 2"), log.key())
    with pytest.raises(proofs.BadProof, match="checkpoint"):
        proofs.check(entries[3], text, signer().key())
    for broken in (
        "",
        "c2sp.org/tlog-proof@v1\n\n",
        text.replace("index 3", "index 03"),
        text.replace("=", "", 1),
    ):
        with pytest.raises(proofs.BadProof):
            proofs.check(entries[3], broken, log.key())


def checkpoint_event(log: Signer, entries: list[str], since: int) -> CheckpointSigned:
    frontier, nodes, note = small_log(log, entries)
    proof = merkle.prove(merkle.consistency(since, frontier.size), nodes)
    return CheckpointSigned(
        size=frontier.size,
        root="",
        note=note,
        key=str(log.key()),
        since=since,
        consistency=proofs.encoded(proof),
    )


def test_a_log_is_countersigned_only_while_it_grows() -> None:
    log = signer()
    entries = [str(n) for n in range(9)]
    key, first = peers.judge(checkpoint_event(log, entries[:4], 0), log.name, None)
    known = peers.Known(key, first.size, first.root)
    _, second = peers.judge(checkpoint_event(log, entries, 4), log.name, known)
    assert second.size == 9
    peers.judge(checkpoint_event(log, entries[:4], 0), log.name, known)
    later = peers.Known(key, second.size, second.root)
    with pytest.raises(peers.LogForked, match="had 9 entries"):
        peers.judge(checkpoint_event(log, entries[:5], 4), log.name, later)
    with pytest.raises(peers.LogForked, match="past changed"):
        peers.judge(checkpoint_event(log, ["0", "x", *entries[2:]], 4), log.name, known)
    with pytest.raises(peers.LogForked, match="although"):
        peers.judge(checkpoint_event(log, entries, 2), log.name, known)
    with pytest.raises(peers.CheckpointMissing):
        peers.judge(checkpoint_event(log, entries, 6), log.name, known)


def test_another_key_is_refused() -> None:
    log, thief = signer(), signer()
    key, first = peers.judge(checkpoint_event(log, ["0"], 0), log.name, None)
    known = peers.Known(key, first.size, first.root)
    with pytest.raises(peers.KeyChanged, match="unpin"):
        peers.judge(checkpoint_event(thief, ["0", "1"], 1), log.name, known)
    with pytest.raises(peers.KeyChanged):
        peers.judge(checkpoint_event(thief, ["0"], 0), log.name, None, pinned=log.key())
    with pytest.raises(peers.BadCheckpoint, match="came"):
        peers.judge(checkpoint_event(signer("reelwarden/s002/notary"), ["0"], 0), log.name, None)
    bent = checkpoint_event(log, ["0"], 0).model_copy(update={"note": "text\n"})
    with pytest.raises(peers.BadCheckpoint, match="not a signed note"):
        peers.judge(bent, log.name, known)


def test_an_entry_has_facts_but_no_text_and_no_path() -> None:
    denied = AccessDenied(actor="a-1", act="approve", rule="R3.3", application="app1")
    made = leaf(denied, envelope("reelwarden.access.denied.v1"))
    entry = json.loads(made.text)
    facts = {"actor": "a-1", "act": "approve", "rule": "R3.3", "application": "app1", "slip": False}
    assert entry["facts"] == facts
    assert made.about == ("person:a-1", "app1")
    assert len(entry["body"]) == 64
    assert made.text == json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    rejected = SegmentsRejected(
        files=(
            RejectedFile(id="f", locator="张三/1.mp4", size=0, file_time=AT, reason="empty", detail="张三"),
        )
    )
    entry = json.loads(leaf(rejected, envelope()).text)
    assert entry["facts"]["count"] == 1
    assert entry["facts"]["reasons"] == ["empty"]
    assert "张三" not in leaf(rejected, envelope()).text


def test_a_hold_is_found_by_itself_and_by_its_application() -> None:
    span = CameraSpan(camera="gate", start=AT, end=AT + timedelta(minutes=5))
    hold = retention.Hold(
        id="h1", source=retention.HoldSource.APPLICATION, cause="app1", span=span, purpose="loss", until=AT
    )
    assert leaf(retention.HoldAsked(hold=hold), envelope()).about == ("h1", "app1")


def test_a_key_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "notary.pem"
    first = load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_create(path).private_bytes_raw() == first.private_bytes_raw()
    assert [f.name for f in path.parent.iterdir()] == ["notary.pem"]
    path.write_text("no key")
    with pytest.raises(BadKey, match="no private key"):
        load_or_create(path)
