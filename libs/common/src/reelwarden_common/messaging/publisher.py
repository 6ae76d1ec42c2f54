"""Publishing with an answer: every message has an id, so sending it again after a doubt does no harm."""

import asyncio
from collections.abc import Sequence

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext

from reelwarden_common.envelope import Message
from reelwarden_common.errors import Transient

ACK_SECONDS = 5.0
ATTEMPTS = 3


class NotTaken(Transient):
    """The bus did not confirm a message: it is away, refuses the subject, or its stream is full."""


async def publish_all(js: JetStreamContext, messages: Sequence[Message]) -> None:
    """Publish in order and wait until the bus has confirmed each.

    nats-py's `publish_async` waits for ever and loses its permits when an answer never comes, so each
    round is bounded, its futures are cancelled, and it is repeated with the same ids.

    Raises:
        NotTaken: not confirmed after several rounds; nothing is known about what did arrive.
    """
    waiting = list(messages)
    reason: BaseException | None = None
    for _ in range(ATTEMPTS):
        futures = []
        try:
            for message in waiting:
                future = await js.publish_async(
                    message.subject, message.body, wait_stall=ACK_SECONDS, headers=dict(message.headers)
                )
                futures.append(future)
            done, late = await asyncio.wait(futures, timeout=ACK_SECONDS) if futures else (set(), set())
        except (nats.errors.Error, OSError) as error:
            reason, done, late = error, set(), set(futures)
        for future in late:
            future.cancel()
        left = []
        for position, message in enumerate(waiting):
            confirmed = position < len(futures) and futures[position] in done
            if confirmed and (failure := futures[position].exception()) is not None:
                reason, confirmed = failure, False
            if not confirmed:
                left.append(message)
        if not left:
            return
        waiting = left
    first = waiting[0]
    message_text = f"{len(waiting)} messages not confirmed, first {first.subject}: {reason or 'no answer'}"
    raise NotTaken(message_text)
