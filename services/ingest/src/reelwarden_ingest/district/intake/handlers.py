"""What intake does with what a school said. It hears nothing on the hub's own streams."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reelwarden_common.envelope import Malformed, Message
from reelwarden_common.events.base import Event
from reelwarden_common.messaging.delivery import Handler
from reelwarden_common.messaging.units import Store
from reelwarden_common.telemetry import log
from reelwarden_ingest.district.intake.domain import Bucket, admitted
from reelwarden_ingest.district.intake.line import Pulled
from reelwarden_ingest.district.intake.store import ROLE, Hub

HANDLERS: Mapping[type[Event], Handler[Store]] = {}


@dataclass
class Pace:
    """How fast one school's stream may come in; the buckets change as it does."""

    messages: Bucket
    bytes: Bucket
    quota: Bucket
    """Bytes of a whole day."""
    refusals: Bucket

    async def keep(self, messages: int, size: int, refusals: int) -> None:
        """Count, and wait for as long as it was too fast."""
        now = time.monotonic()
        self.messages, first = self.messages.take(messages, now)
        self.bytes, second = self.bytes.take(size, now)
        self.quota, third = self.quota.take(size, now)
        self.refusals, fourth = self.refusals.take(refusals, now)
        if (wait := max(first, second, third, fourth)) > 0:
            await asyncio.sleep(wait)


@dataclass(frozen=True)
class Taken:
    """What became of a batch."""

    landed: int
    refused: int


async def on_pulled(
    batch: Sequence[Pulled], school: str, allowed: frozenset[str], hub: Hub, pace: Pace
) -> Taken:
    """Check each message, publish the good ones in order, dead-letter the others; then go on.

    Raises:
        Transient: the hub is away; the batch comes again.
    """
    outgoing: list[Message] = []
    letters: list[Message] = []
    refused = 0
    for pulled in batch:
        raw = pulled.raw
        try:
            headers = admitted(school, allowed, raw.subject, raw.headers, raw.data)
        except Malformed as error:
            letters += hub.dead_letter(pulled, error)
            refused += 1
            log(ROLE).error("dead_lettered", school=school, error=str(error)[:500])
        else:
            outgoing.append(hub.message(pulled, headers))
    await pace.keep(len(batch), sum(len(p.raw.data) for p in batch), refused)
    await hub.land(outgoing)
    await hub.land(letters)
    return Taken(len(outgoing), refused)
