"""One way to connect: a FastStream broker that never freezes, never strands and says why it was refused."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import nats.errors
from faststream.nats import NatsBroker
from faststream.security import SASLPlaintext
from nats.js import JetStreamContext

from reelwarden_common.telemetry import log

FetchMessages = Callable[..., Awaitable[Any]]


def patient(fetch: FetchMessages) -> FetchMessages:
    """Turn the builtin timeout that nats-py lets escape from a fetch into the one FastStream expects.

    Without it FastStream's loop dies with the messages it already holds, which come again only after
    `ack_wait`.
    """

    async def fetch_patiently(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - passes nats-py's own through
        try:
            return await fetch(*args, **kwargs)
        except nats.errors.TimeoutError:
            raise
        except TimeoutError as error:
            raise nats.errors.TimeoutError from error

    return fetch_patiently


def _make_patient(js: JetStreamContext) -> None:
    subscribe = js.pull_subscribe

    async def pull_subscribe(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - passes nats-py's own through
        subscription = await subscribe(*args, **kwargs)
        setattr(subscription, "fetch", patient(subscription.fetch))  # noqa: B010 - replaces a method
        return subscription

    setattr(js, "pull_subscribe", pull_subscribe)  # noqa: B010 - replaces a method


class BusBroker(NatsBroker):
    """A broker whose pull subscriptions are patient from the start."""

    async def start(self) -> None:
        """Connect, then start the subscribers."""
        await self.connect()
        _make_patient(self.jetstream)
        await super().start()

    @property
    def jetstream(self) -> JetStreamContext:
        """The JetStream context of this connection."""
        return cast("JetStreamContext", self.config.connection_state.stream)


def make_broker(role: str, url: str, password: str, on_closed: Callable[[], None]) -> BusBroker:
    """A broker for one role's user.

    `on_closed` is called when the client gave up for good: the process must end then, because a closed
    connection would spin in fetch and freeze the event loop.
    """
    logger = log(role)

    async def on_error(error: Exception) -> None:
        # A refused publish is told only here; the publisher itself sees a timeout.
        if not isinstance(error, nats.errors.SlowConsumerError):
            logger.warning("bus_error", error=str(error) or type(error).__name__)

    async def on_disconnected() -> None:
        logger.info("bus_disconnected")

    async def on_reconnected() -> None:
        logger.info("bus_reconnected")

    async def on_connection_closed() -> None:
        on_closed()

    return BusBroker(
        url,
        name=role,
        security=SASLPlaintext(username=role, password=password),
        inbox_prefix=f"_INBOX.{role}",
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        ping_interval=20,
        max_outstanding_pings=3,
        connect_timeout=5,
        error_cb=on_error,
        disconnected_cb=on_disconnected,
        reconnected_cb=on_reconnected,
        closed_cb=on_connection_closed,
        apply_types=False,
        logger=None,
    )


async def wait_until_connected(broker: BusBroker, attempts: int = 60) -> None:
    """Connect at start, trying again while the server is not there yet.

    Raises:
        OSError: still no server after `attempts` seconds.
    """
    for attempt in range(attempts):
        try:
            await broker.connect()
        except (OSError, nats.errors.NoServersError):
            if attempt == attempts - 1:
                raise
            await asyncio.sleep(1)
        else:
            return
