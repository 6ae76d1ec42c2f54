"""What the messenger does with each event: queue it for every program and person who wants it."""

from collections.abc import Mapping

from reelwarden_common.envelope import Envelope
from reelwarden_common.events.base import Event
from reelwarden_common.messaging.delivery import Handler
from reelwarden_common.messaging.topology import role
from reelwarden_report.district.messenger.domain import said_of
from reelwarden_report.district.messenger.store import MessengerStore


async def on_event(event: Event, envelope: Envelope, store: MessengerStore) -> None:
    """Nobody is told of what was said before they asked to be told."""
    said = said_of(event)
    for webhook in await store.webhooks_for(envelope):
        if webhook.for_programs:
            await store.pass_on(webhook, event, envelope)
        elif said is not None:
            await store.note_for_chat(webhook, said, envelope)
    if said is not None:
        await store.note_for_people(said, envelope)


HANDLERS: Mapping[type[Event], Handler[MessengerStore]] = dict.fromkeys(role("messenger").hears, on_event)
