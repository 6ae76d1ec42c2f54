"""How often a failing message is tried again, and when."""

from collections import OrderedDict

from reelwarden_common.errors import Early, Refused, Transient

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
EARLY_ATTEMPTS = 40
"""About 15 minutes of waiting for what should have come before."""
UNFORESEEN_ATTEMPTS = 5
REMEMBERED = 10_000


def retry_delay(attempt: int) -> float:
    """Seconds until the next try: doubling, bounded."""
    return float(min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(attempt - 1, 10)))


def attempts_allowed(error: Exception) -> int | None:
    """How often a failing message is tried; None: for ever, since the fault is not the message's."""
    if isinstance(error, Refused):
        return 1
    if isinstance(error, Early):
        return EARLY_ATTEMPTS
    if isinstance(error, Transient):
        return None
    return UNFORESEEN_ATTEMPTS


class Attempts:
    """Counts the failures that are the message's own.

    The bus counts deliveries, and so counts every time that a database was away: after a long outage the
    first real failure would already look like the last.
    """

    def __init__(self) -> None:
        self._failed: OrderedDict[int, int] = OrderedDict()

    def exhausted(self, sequence: int, error: Exception) -> bool:
        """Record one failure of the message with this stream sequence; True when it was the last allowed."""
        allowed = attempts_allowed(error)
        if allowed is None:
            return False
        failures = self._failed.get(sequence, 0) + 1
        self._failed[sequence] = failures
        while len(self._failed) > REMEMBERED:
            self._failed.popitem(last=False)
        return failures >= allowed

    def forget(self, sequence: int) -> None:
        """The message was handled, or given up."""
        self._failed.pop(sequence, None)
