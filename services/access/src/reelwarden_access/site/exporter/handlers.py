"""What the exporter hears."""

import re
from collections.abc import Mapping
from datetime import timedelta

from reelwarden_access.site.exporter.store import ExporterStore
from reelwarden_common.envelope import Envelope
from reelwarden_common.events.access import RetrievalAuthorised
from reelwarden_common.events.base import Event
from reelwarden_common.messaging.delivery import Handler

LONGEST = timedelta(hours=24)
"""Of all spans of one application together; the desk allows 8 h (R4.4), this is the site's own limit."""
_NUMBER = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")


async def on_retrieval_authorised(event: RetrievalAuthorised, _: Envelope, store: ExporterStore) -> None:
    """The footage part of an approved application is to be made: the work follows in a loop (R4.3)."""
    if problem := nonsense(event):
        store.refuse(event, problem)
    else:
        store.ask(event)


def nonsense(request: RetrievalAuthorised) -> str | None:
    """What is wrong with a request; None if it can be worked on."""
    if not _NUMBER.match(request.number) or ".." in request.number:
        return f"the number {request.number[:64]!r} cannot be a folder's name"
    if not request.spans or any(span.start >= span.end for span in request.spans):
        return "there is no span, or one that ends before it begins"
    if sum((span.duration for span in request.spans), timedelta()) > LONGEST:
        return f"more than {LONGEST // timedelta(hours=1)} hours of footage in one application"
    return None


HANDLERS: Mapping[type[Event], Handler[ExporterStore]] = {RetrievalAuthorised: on_retrieval_authorised}
