"""Every event that travels on the bus, by its class.

Readers decode with `by_type`; the topology derives streams, subscriptions and permissions from `ALL`.
"""

from reelwarden_common.events import access, backup, fsck, ingest, letters, report, retention
from reelwarden_common.events.base import Event


def _leaves(cls: type[Event]) -> list[type[Event]]:
    found = [cls] if cls.SUBJECT else []
    for child in cls.__subclasses__():
        found += _leaves(child)
    return found


MODULES = (ingest, retention, access, backup, report, letters, fsck)
ALL: tuple[type[Event], ...] = tuple(sorted(_leaves(Event), key=lambda event: event.SUBJECT))
_BY_TYPE = {event.ce_type(): event for event in ALL}
if len(_BY_TYPE) != len(ALL):
    raise RuntimeError("two events share one CloudEvents type: a reader could not tell them apart")


def by_type(ce_type: str) -> type[Event] | None:
    """The class of a CloudEvents type, or None for one that this release does not know."""
    return _BY_TYPE.get(ce_type)
