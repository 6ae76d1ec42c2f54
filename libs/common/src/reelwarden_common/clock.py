"""Time as a dependency: rules get it as a parameter, wiring passes one of these."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present as an aware UTC datetime."""


def system_clock() -> datetime:
    """The present by this machine's clock, UTC."""
    return datetime.now(UTC)
