"""Which refusals are attempts against the rules, and which are slips (R3.3, R5.2)."""

from datetime import timedelta

FORGIVEN = 2
"""Slips of one kind that a person may make within `WITHIN`; the next one is an attempt."""
WITHIN = timedelta(minutes=15)
_SLIPS = frozenset(
    {
        "wrong_password",  # mistyped
        "no_password",  # they sign in elsewhere, and took the password field or came too late
        "wrong_key",  # the page was older than its nonce, or the wrong device
        "other_recipient",  # mistyped
        "same_signer",  # clicked twice
        "released",  # clicked twice
        "no_supervision",  # the page is older than the end of the supervision
        "not_trained",  # the page is older than the rules
        "expired",  # the page is older than the approval's last moment
        "not_declared",  # a step too early
    }
)
"""The person has the right, but not now, or mistyped. Whoever has no right makes no slip."""
_NEVER = frozenset({"viewing_over", "conflict", "no_opinion"})
"""Never a violation, however often: back in the browser, and a player that asks on by itself; somebody who
said that they have an interest of their own; a leader who signs a step too early."""


def is_slip(code: str, before: int) -> bool:
    """Whether a refusal is a slip: recorded, but no violation.

    Args:
        code: why it was refused.
        before: how often the same person was refused for it `WITHIN` before.
    """
    return code in _NEVER or (code in _SLIPS and before < FORGIVEN)
