"""Judging the other side's checkpoints: its key, its signature, and that its log only grew."""

from dataclasses import dataclass

from reelwarden_common.errors import Early, Refused
from reelwarden_common.events.report import CountersignedCheckpoint, SignedCheckpoint
from reelwarden_report.custody import merkle
from reelwarden_report.custody.notes import COSIGNED, BadNote, Checkpoint, VerifierKey, verify
from reelwarden_report.custody.proofs import BadProof, decoded


class KeyChanged(Refused):
    """The other side signs with another key than the one pinned at first sight."""


class LogForked(Refused):
    """The other side's log shrank, or says something else of the past than before."""


class CheckpointMissing(Early):
    """A checkpoint builds on one that has not arrived."""


class BadCheckpoint(Refused):
    """A checkpoint that is not well-formed or not signed by who claims it."""


@dataclass(frozen=True)
class Known:
    """What is held of the other side's log: the pinned key, and its newest checkpoint."""

    key: VerifierKey
    size: int
    root: bytes


def origin(school: str, role: str) -> str:
    """The name of a school's log as `role` (notary or registrar) writes it."""
    return f"reelwarden/{school}/{role}"


def witness(school: str, role: str) -> str:
    """The name under which `role` cosigns the other side's log of a school."""
    return f"reelwarden/{school}/{role}/witness"


def judge(
    event: SignedCheckpoint, name: str, known: Known | None, pinned: VerifierKey | None = None
) -> tuple[VerifierKey, Checkpoint]:
    """The key and checkpoint of an event that may be countersigned.

    Args:
        event: What the other side says.
        name: The origin that its log must have.
        known: What is held of it; None at first sight, when its key is believed.
        pinned: A key from the settings, which then is the only one believed.

    Raises:
        BadCheckpoint: malformed, wrongly signed, or of another log.
        KeyChanged: signed with another key than the pinned one.
        LogForked: it shrank, or its past changed.
        CheckpointMissing: one before it is still on its way.
    """
    try:
        key = VerifierKey.parse(event.key)
        believed = known.key if known else pinned or key
        if key != believed:
            raise KeyChanged(
                f"{name}: checkpoint {event.size} is signed with key {key.id.hex()}, pinned is "
                f"{believed.id.hex()}. Not countersigned; if the key was changed on purpose, unpin it."
            )
        checkpoint = Checkpoint.parse(verify(event.note, key))
        proof = decoded(event.consistency)
    except (BadNote, BadProof) as error:
        raise BadCheckpoint(f"{name}: checkpoint {event.size}: {error}") from error
    if key.name != name or checkpoint.origin != name or checkpoint.size != event.size:
        raise BadCheckpoint(f"{name}: a checkpoint of {checkpoint.origin}, {checkpoint.size} entries came")
    if known:
        _must_continue(known, checkpoint, event.since, proof)
    return key, checkpoint


def _must_continue(known: Known, checkpoint: Checkpoint, since: int, proof: list[bytes]) -> None:
    here = f"{checkpoint.origin}: checkpoint {checkpoint.size}"
    if checkpoint.size < known.size:
        raise LogForked(f"{here}: the log had {known.size} entries before. Somebody cut it: look at once.")
    if checkpoint.size > known.size and since > known.size:
        raise CheckpointMissing(f"{here} continues {since}, but {known.size} is the newest that arrived")
    if checkpoint.size > known.size and since < known.size:
        raise LogForked(f"{here} continues {since}, although {known.size} entries were signed before")
    steps = proof if checkpoint.size > known.size else []
    if not merkle.continues(known.size, checkpoint.size, steps, known.root, checkpoint.root):
        raise LogForked(f"{here} does not continue the {known.size} entries signed before: its past changed.")


def judge_cosignature(
    event: CountersignedCheckpoint, ours: Checkpoint, cosigner: str, public: bytes | None
) -> None:
    """Check that the other side's cosignature is on our own checkpoint.

    Raises:
        BadCheckpoint: it is on something else, or no signature.
        KeyChanged: it is not the pinned key's.
    """
    try:
        key = VerifierKey.parse(event.key)
        signed = Checkpoint.parse(verify(event.note, key))
    except BadNote as error:
        raise BadCheckpoint(f"{ours.origin}: countersigned checkpoint {event.size}: {error}") from error
    if key.kind != COSIGNED or key.name != cosigner or (public is not None and key.public != public):
        raise KeyChanged(f"{ours.origin}: {key.name} {key.id.hex()} is not the pinned cosigner {cosigner}")
    if signed != ours:
        raise BadCheckpoint(f"{ours.origin}: the countersigned checkpoint {event.size} is not one of ours")
