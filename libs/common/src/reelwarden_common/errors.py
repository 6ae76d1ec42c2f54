"""The two roots of everything that can go wrong while a message is handled.

`Transient` is tried again, `Refused` is dead-lettered and told to a person. The message of a `Refused`
is written for that person: what was wrong, where, what to do.
"""


class ReelwardenError(Exception):
    """Something that the code foresaw."""


class Transient(ReelwardenError):
    """It failed now and may work later: a server is away, a disk is busy."""


class Early(Transient):
    """It came before what it builds on; waited for, for a bounded time."""


class Refused(ReelwardenError):
    """It will never work as it is. The message says what was wrong and what to do."""


class StorageFull(Transient):
    """No space left where this role keeps its state; free some, it goes on by itself."""
