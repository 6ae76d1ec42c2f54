"""One way to connect: a FastStream broker that never freezes, never strands and says why it was refused."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import nats.errors
from faststream.nats import NatsBroker
from faststream.nats.security import NatsNKey
from faststream.security import BaseSecurity
from nats.aio.client import Client
from nats.js import JetStreamContext

from reelwarden_common.errors import Refused
from reelwarden_common.messaging.login import Login, authority, public_key
from reelwarden_common.telemetry import log

FetchMessages = Callable[..., Awaitable[Any]]


PAUSE_SECONDS = 0.2
_NOT_LET_IN = "authorization violation"


class NotLetIn(Refused):
    """The bus refuses this role's key."""


def patient(fetch: FetchMessages) -> FetchMessages:
    """Give a fetch the one way to fail that FastStream's loop survives: its own timeout, after a moment.

    The builtin timeout that nats-py lets escape kills the loop with the messages it already holds, which
    come again only after `ack_wait`; a closed connection fails without a pause and freezes the event loop;
    an unavailable server has the loop drop what it holds.
    """

    async def fetch_patiently(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - passes nats-py's own through
        try:
            return await fetch(*args, **kwargs)
        except nats.errors.TimeoutError:
            raise
        except TimeoutError as error:
            raise nats.errors.TimeoutError from error
        except nats.errors.Error as error:
            await asyncio.sleep(PAUSE_SECONDS)
            raise nats.errors.TimeoutError from error

    return fetch_patiently


def _make_patient(js: JetStreamContext) -> None:
    subscribe = js.pull_subscribe

    async def pull_subscribe(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - passes nats-py's own through
        subscription = await subscribe(*args, **kwargs)
        setattr(subscription, "fetch", patient(subscription.fetch))  # noqa: B010 - replaces a method
        return subscription

    setattr(js, "pull_subscribe", pull_subscribe)  # noqa: B010 - replaces a method


def _distrust_status(client: Client) -> None:
    """Take the header `Status` from delivered messages: only the server's own words may end a fetch.

    A sender who writes it into a message would have every fetch that meets it fail, for ever.
    """
    build = client._build_message  # noqa: SLF001 - the one place before nats-py acts on the header

    def build_message(sid: int, subject: bytes, reply: bytes, data: bytes, headers: Any) -> Any:  # noqa: ANN401 - nats-py's own
        if headers and reply.startswith(b"$JS.ACK."):
            headers = {name: value for name, value in headers.items() if name != "Status"}
        return build(sid, subject, reply, data, headers)

    setattr(client, "_build_message", build_message)  # noqa: B010 - replaces a method


class BusBroker(NatsBroker):
    """A broker whose pull subscriptions are patient and distrustful from the start."""

    _guarded = False

    async def start(self) -> None:
        """Connect, then start the subscribers."""
        await self.connect()
        if not self._guarded:
            _make_patient(self.jetstream)
            _distrust_status(self.connection)
            self._guarded = True
        await super().start()

    @property
    def was_connected(self) -> bool:
        """Whether the server let us in once; since then the client connects again by itself."""
        return self._connection is not None

    def report_errors_to(self, on_error: Callable[[Exception], Awaitable[None]]) -> None:
        """Hand the client's errors to `on_error` alone.

        FastStream's own wrapper raises some of them, which ends nats-py's reconnecting without a word.
        """
        self._connection_kwargs["error_cb"] = on_error

    @property
    def jetstream(self) -> JetStreamContext:
        """The JetStream context of this connection."""
        return cast("JetStreamContext", self.config.connection_state.stream)


def make_broker(role: str, login: Login, on_closed: Callable[[], None]) -> BusBroker:
    """A broker for one role's user.

    `on_closed` is called when the client can do no more: the connection was closed for good, or the server
    no longer knows our key. The process must end then, to be started anew.

    Raises:
        BadSeed, BadAuthority: what `login` holds cannot be used.
    """
    logger = log(role)

    async def on_error(error: Exception) -> None:
        # A refused publish is told only here; the publisher itself sees a timeout.
        logger.warning("bus_error", error=str(error) or type(error).__name__)
        if _NOT_LET_IN in str(error).lower():
            if not broker.was_connected:
                raise error
            on_closed()

    async def on_disconnected() -> None:
        logger.info("bus_disconnected")

    async def on_reconnected() -> None:
        logger.info("bus_reconnected")

    async def on_connection_closed() -> None:
        on_closed()

    broker = BusBroker(
        login.servers,
        name=role,
        security=_security(login),
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
    broker.report_errors_to(on_error)
    return broker


def _security(login: Login) -> BaseSecurity:
    """The key, and TLS where an authority is named or the address asks for it."""
    context = authority(login.ca_file)
    if not login.seed:
        return BaseSecurity(ssl_context=context)
    public_key(login.seed)
    return NatsNKey.from_seed(login.seed, ssl_context=context)


async def wait_until_connected(broker: BusBroker) -> None:
    """Connect at start; waits for as long as the server is not there yet.

    Raises:
        NotLetIn: the server is there and refuses us.
    """
    while True:
        try:
            await broker.connect()
        except (OSError, nats.errors.NoServersError):
            await asyncio.sleep(1)
        except nats.errors.Error as error:
            message = f"the bus does not let this role in ({error}): check RW_NATS_URL and RW_NATS_SEED"
            raise NotLetIn(message) from error
        else:
            return
