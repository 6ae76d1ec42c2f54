"""Asking the registrar for a history, part by part, and checking every proof that it gives."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nats.aio.client import Client

from reelwarden_access.verify import COSIGNED, Note, check_continues, of_one_school, parse_log_key
from reelwarden_common.errors import Refused
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.events.report import CustodyAnswer, CustodyEntry, HistoryQuery
from reelwarden_common.messaging.questions import ask
from reelwarden_common.messaging.topology import REGISTRAR_HISTORY
from reelwarden_local.words import Words
from reelwarden_report.custody.notes import BadNote, VerifierKey
from reelwarden_report.custody.proofs import BadProof, check

SECONDS = 30.0


class NotProven(Refused):
    """What the registrar says does not follow from what is signed."""


@dataclass(frozen=True)
class History:
    """Entries in their order, each checked against a checkpoint, and the newest answer's signatures."""

    school: str
    entries: tuple[CustodyEntry, ...]
    newest: CustodyAnswer
    countersigned: tuple[int, str, int] | None
    """How many entries the school's notary countersigned, its name, and when (POSIX seconds)."""
    more: bool

    def told(self) -> list[dict[str, Any]]:
        """The entries as objects."""
        return [json.loads(one.entry) for one in self.entries]

    @property
    def checkpoint(self) -> str:
        """The newest checkpoint in short, as it is printed on forms."""
        return self.newest.checkpoint.split("\n\n")[0].replace("\n", " · ")


async def history(client: Client, query: HistoryQuery, most: int, trusted: Sequence[str] = ()) -> History:
    """Ask for at most so many entries, the newest.

    Args:
        client: As operator.
        query: What is asked.
        most: No more entries than this.
        trusted: C2SP verifier keys, one of which must be the log's; empty: the one in the answer is taken.

    Raises:
        NotProven: an entry or checkpoint is not what is signed. NoAnswer: the registrar is away.
    """
    entries: list[CustodyEntry] = []
    newest = None
    more = True
    while more and len(entries) < most:
        before = entries[0].index if entries else None
        asked = query.model_copy(update={"before": before})
        found = await ask(client, REGISTRAR_HISTORY, DISTRICT_SCHOOL, asked, CustodyAnswer, SECONDS)
        _check(found, trusted)
        newest = newest or found
        entries = [*found.entries, *entries]
        more = found.more
    assert newest is not None  # noqa: S101 - `most` is at least 1
    kept = tuple(entries[-most:])
    cosigned = _countersigned(newest, trusted)
    return History(query.school, kept, newest, cosigned, more or len(kept) < len(entries))


def _check(answer: CustodyAnswer, trusted: Sequence[str]) -> None:
    if not answer.entries:
        return
    for key in (answer.key, answer.witness_key):
        if trusted and key and key not in trusted:
            raise NotProven(Words(f"公钥不可信：{key}", f"this key is not trusted: {key}"))
    for one in answer.entries:
        try:
            check(one.entry, one.proof, VerifierKey.parse(answer.key))
        except (BadProof, BadNote) as error:
            told = Words(f"第 {one.index} 条的证明不成立：{error}", f"entry {one.index} not proven: {error}")
            raise NotProven(told) from error


def _countersigned(answer: CustodyAnswer, trusted: Sequence[str] = ()) -> tuple[int, str, int] | None:
    earlier = answer.countersigned
    if earlier is None:
        origin = answer.key.partition("+")[0]
        for name, kind, _ in map(parse_log_key, trusted):
            if kind == COSIGNED and of_one_school(name, origin):
                raise NotProven(Words(f"没有 {name} 的会签", f"{name} has not countersigned it"))
        return None
    try:
        older = Note(earlier.note)
        name, seconds = older.cosigned([answer.witness_key])
        proof = "".join(f"{line}\n" for line in (f"old {earlier.size}", *earlier.consistency))
        check_continues(older, proof, Note(answer.checkpoint))
    except (ValueError, IndexError) as error:
        told = Words(f"会签不成立：{error}", f"the countersignature does not hold: {error}")
        raise NotProven(told) from error
    return earlier.size, name, seconds
