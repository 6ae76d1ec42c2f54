"""Reading a whole log anew: an entry changed, removed or slipped in is found, offline (invariant 9)."""

from collections.abc import Iterable

from reelwarden_report.custody.merkle import Frontier, leaf_hash
from reelwarden_report.custody.notes import BadNote, Checkpoint, VerifierKey, verify


def audit(entries: Iterable[str], notes: Iterable[str], key: VerifierKey) -> list[str]:
    """What is wrong with a log; empty when every signed checkpoint fits the entries.

    Args:
        entries: All entries, in order.
        notes: Its signed checkpoints, in any order; those that other parties kept count most.
        key: The log's own verifier key.
    """
    problems, signed = [], []
    for note in notes:
        try:
            checkpoint = Checkpoint.parse(verify(note, key))
        except BadNote as error:
            problems.append(f"a checkpoint is not believed: {error}")
            continue
        if checkpoint.origin != key.name:
            problems.append(f"a checkpoint of {checkpoint.origin} is no checkpoint of {key.name}")
        else:
            signed.append(checkpoint)
    frontier = Frontier()
    waiting = sorted(signed, key=lambda one: one.size)
    good = 0
    for entry in [*entries, None]:
        while waiting and waiting[0].size == frontier.size:
            checkpoint = waiting.pop(0)
            if checkpoint.root == frontier.root:
                good = checkpoint.size
            else:
                problems.append(
                    f"entries {good} to {checkpoint.size - 1} are not those that were signed: one was"
                    " changed, removed or slipped in"
                )
        if entry is not None:
            frontier, _ = frontier.append(leaf_hash(entry.encode()))
    problems += [f"{one.size} entries were signed, {frontier.size} are there" for one in waiting]
    return problems
