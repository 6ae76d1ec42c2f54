"""Publishing with an answer: every message has an id, so sending it again after a doubt does no harm."""

import asyncio
from collections.abc import Sequence

import nats.errors
from nats.js import JetStreamContext

from reelwarden_common.envelope import Message
from reelwarden_common.errors import Transient

ACK_SECONDS = 5.0
ATTEMPTS = 3
PAUSE_SECONDS = 0.2
LANES = 64
"""How many schools' messages are under way at once."""


class NotTaken(Transient):
    """The bus did not confirm a message: it is away, refuses the subject, or its stream is full."""


async def publish_all(js: JetStreamContext, messages: Sequence[Message]) -> None:
    """Publish and wait until the bus has confirmed each; in order within one school.

    The next message of a school goes out only when the one before it is confirmed. Sending ahead would be
    faster, but a connection that breaks loses what was on its way and keeps what was not, and the retry
    would then arrive behind its successors. Schools do not wait for each other.

    Raises:
        NotTaken: not confirmed after several tries, each bounded; nothing is known about that message, and
            none behind it in its school's order was sent.
    """
    lanes: dict[str, list[Message]] = {}
    for message in messages:
        lanes.setdefault(message.subject.split(".", 2)[1], []).append(message)
    free = asyncio.Semaphore(LANES)

    async def drive(lane: Sequence[Message]) -> None:
        async with free:
            for message in lane:
                await _publish(js, message)

    results = await asyncio.gather(*(drive(lane) for lane in lanes.values()), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _publish(js: JetStreamContext, message: Message) -> None:
    reason: Exception | None = None
    for attempt in range(ATTEMPTS):
        try:
            await js.publish(
                message.subject, message.body, timeout=ACK_SECONDS, headers=dict(message.headers)
            )
        except (nats.errors.Error, OSError, TimeoutError) as error:
            reason = error
            if attempt < ATTEMPTS - 1:
                await asyncio.sleep(PAUSE_SECONDS)
        else:
            return
    text = f"{message.subject} ({message.headers['Nats-Msg-Id']}) was not confirmed: {reason or 'no answer'}"
    raise NotTaken(text) from reason
