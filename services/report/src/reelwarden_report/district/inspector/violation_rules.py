"""Violations (R5.2): how grave each kind is, what may be done about one, what counts as one. Pure rules."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import combinations
from typing import NamedTuple

from reelwarden_common.events.report import Severity
from reelwarden_common.web import N_, Text, Wrong

GRADES = ("minor", "serious", "grave")
GRADE_OF: Mapping[str, str] = {
    "access-denied": "minor",
    "record-overdue": "minor",
    "small-school": "minor",
    "reported": "minor",
    "unauthorised-signer": "serious",
    "use-overdue": "serious",
    "repeated-pair": "serious",
    "footage-altered": "grave",
}
"""The table of grades: where a violation begins; a person who looked at it may grade it anew."""
SEVERITY_OF: Mapping[str, Severity] = {
    "minor": Severity.WARNING,
    "serious": Severity.SERIOUS,
    "grave": Severity.SERIOUS,
}
OUTCOMES = ("unfounded", "instructed", "disciplined", "referred", "mended", "accepted")
"""What may be decided; the pages offer the first four."""
STEPS = ("graded", "handled", "referred", "closed")
SIGNING = frozenset({"approve", "grant", "sign", "review"})
"""What one signs at the desk."""
RECORD_WITHIN = timedelta(days=3)
"""After footage was shown or handed over, the record form is signed by all involved (R4.3)."""
SAME_PAIR = 5
PAIR_WITHIN = timedelta(days=90)
"""So often in so long may the same person decide on the same person's applications, unremarked."""
LONGEST_TEXT = 4000


def kind_of_denial(act: str, rule: str) -> str:
    """A refused attempt; one to sign what one may not sign weighs more (R4.2)."""
    return "unauthorised-signer" if act in SIGNING and rule in ("R4.2", "R3.1") else "access-denied"


def check_step(kind: str, text: str, state: str) -> None:
    """What may be done about a violation, in words that somebody answers for.

    Raises:
        Wrong: it is closed, there is no such step, or nothing was written.
    """
    if state == "closed":
        raise Wrong("is_over", Text(N_("This violation is closed already.")), "R5.2", status=409)
    if kind not in STEPS or text not in {"graded": GRADES, "closed": OUTCOMES}.get(kind, (text,)):
        raise Wrong("no_such_step", Text(N_("Please choose what was decided.")), "R5.2")
    if kind in ("handled", "referred") and not text.strip():
        raise Wrong("no_text", Text(N_("Please write what was done, or to whom it was referred.")), "R5.2")


class Decided(NamedTuple):
    """Who decided on whose application."""

    applicant: str
    approver: str
    at: datetime


def repeated_pairs(decided: Iterable[Decided], now: datetime) -> dict[tuple[str, str], int]:
    """Pairs of applicant and approver that come again and again."""
    counts: dict[tuple[str, str], int] = {}
    for one in decided:
        if now - one.at <= PAIR_WITHIN:
            pair = (one.applicant, one.approver)
            counts[pair] = counts.get(pair, 0) + 1
    return {pair: count for pair, count in counts.items() if count >= SAME_PAIR}


def in_two_roles(approvers: Sequence[str], *others: str | None) -> set[str]:
    """Who held two of the roles that the rules keep apart: a small school may, and is looked at (R4.3).

    Args:
        approvers: Whoever signed.
        others: Retriever and supervisor, as far as they are known.
    """
    roles = [set(approvers), *({one} for one in others if one)]
    return {person for one, other in combinations(roles, 2) for person in one & other}


def quarter_of(moment: datetime) -> str:
    """Its calendar quarter, such as 2026-Q1."""
    return f"{moment.year}-Q{(moment.month - 1) // 3 + 1}"
