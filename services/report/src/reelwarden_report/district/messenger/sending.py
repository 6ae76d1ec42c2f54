"""Messages leave: by HTTP to programs and bots, by SMTP to people; each is tried until somebody has it."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
from standardwebhooks import Webhook as Signer

from reelwarden_common.errors import ReelwardenError, Refused, Transient
from reelwarden_common.messaging.units import Units
from reelwarden_common.telemetry import VERSION, log
from reelwarden_report.district.messenger.domain import next_try
from reelwarden_report.district.messenger.mail import Mail
from reelwarden_report.district.messenger.measures import Measures
from reelwarden_report.district.messenger.store import MessengerStore, Taken
from reelwarden_report.telling import bots
from reelwarden_report.telling.addresses import Target, resolve
from reelwarden_report.telling.deliveries import Channel, Format

HTTP_SECONDS = 10.0
MOST_ANSWER = 64 * 1024
KEEP = timedelta(days=30)
DONE, LATER, GIVEN_UP = "done", "later", "given-up"


class NotTaken(Transient):
    """The receiver did not take it now."""


class Gone(Refused):
    """There is nobody to send it to any more."""


@dataclass(frozen=True)
class Receiver:
    """Where a message goes by HTTP, and how its sender proves who it is."""

    url: str
    format: Format
    secret: str


@dataclass(frozen=True)
class Patience:
    """How long a message is tried."""

    first: timedelta
    attempts: int


class Sending:
    """Sends what is due; replicas share the work."""

    def __init__(
        self,
        units: Units[MessengerStore],
        mail: Mail,
        patience: Patience,
        measures: Measures,
        *,
        private: bool,
    ) -> None:
        self._units = units
        self._mail = mail
        self._patience = patience
        self._measures = measures
        self._private = private

    async def turn(self) -> None:
        """To everybody at the same time, so that nobody waits for a receiver that does not answer."""
        async with self._units.begin() as store:
            targets = await store.targets_due()
            self._measures.waiting.set(await store.waiting())
        await asyncio.gather(*(self._to(target) for target in targets))

    async def forget(self) -> None:
        """What was settled long ago need not be seen any more."""
        async with self._units.begin() as store:
            await store.forget(KEEP)

    async def _to(self, target: str) -> None:
        async with self._units.begin() as store:
            messages = await store.take(target)
        for number, message in enumerate(messages, 1):
            if not await self._deliver(message):
                async with self._units.begin() as store:
                    await store.put_back([one.delivery for one in messages[number:]])
                return

    async def _deliver(self, message: Taken) -> bool:
        """Send one and write down what came of it; tells whether the next may go, too."""
        problem, wait = "", None
        try:
            await self._send(message)
        except Refused as error:
            problem = str(error)
        except (ReelwardenError, httpx.HTTPError, OSError) as error:
            problem = str(error) or type(error).__name__
            wait = next_try(message.attempts, self._patience.first, self._patience.attempts)
        if problem:
            log("messenger").warning("not_delivered", target=message.target, problem=problem, again=str(wait))
        outcome = LATER if wait is not None else GIVEN_UP if problem else DONE
        self._measures.attempts.labels(message.channel.value, outcome).inc()
        async with self._units.begin() as store:
            if wait is not None:
                await store.later(message, wait, problem)
            else:
                await store.settle(message.delivery, outcome, problem)
        return not problem

    async def _send(self, message: Taken) -> None:
        if message.channel is Channel.MAIL:
            async with self._units.begin() as store:
                found = await store.address_of(message.target)
            if found is None:
                raise Gone("this person wants no mail any more")
            await self._mail.send(message.delivery, *found, message.title, message.body)
            return
        async with self._units.begin() as store:
            receiver, now = await _receiver(store, message), store.clock()
        await self._post(receiver, message, now)

    async def _post(self, receiver: Receiver, message: Taken, now: datetime) -> None:
        """One request to the address that was looked up and judged just now; redirects are not followed.

        Raises:
            NotTaken: the receiver answered something else than yes.
            BadAddress: it leads inside.
        """
        url = bots.address(receiver.format, receiver.url, receiver.secret, now)
        target = Target.read(url, private=self._private)
        place = httpx.URL(url).copy_with(host=await resolve(target, private=self._private))
        headers = {"host": httpx.URL(url).netloc.decode(), "content-type": "application/json"}
        headers["user-agent"] = f"reelwarden/{VERSION}"
        if receiver.format is Format.CLOUDEVENTS:
            headers["content-type"] = "application/cloudevents+json"
            headers |= signed(receiver.secret, message, now)
        async with (
            httpx.AsyncClient(timeout=HTTP_SECONDS, trust_env=False) as client,
            asyncio.timeout(2 * HTTP_SECONDS),
            client.stream(
                "POST",
                place,
                content=message.body.encode(),
                headers=headers,
                extensions={"sni_hostname": target.host},
            ) as answer,
        ):
            if not answer.is_success:
                raise NotTaken(f"HTTP {answer.status_code}")
            if receiver.format is not Format.CLOUDEVENTS and (why := bots.refusal(await _beginning(answer))):
                raise NotTaken(why)


def signed(secret: str, message: Taken, now: datetime) -> dict[str, str]:
    """Headers by which the receiver knows sender, age and doubles (Standard Webhooks)."""
    return {
        "webhook-id": message.delivery,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(secret).sign(message.delivery, now, message.body),
    }


async def _receiver(store: MessengerStore, message: Taken) -> Receiver:
    """Where it goes now: the address may have changed since it was written.

    Raises:
        Gone: nowhere.
    """
    webhook = await store.webhook(message.target)
    if webhook is not None:
        return Receiver(webhook.url, webhook.format, webhook.secret)
    choice = await store.choice(message.target)
    if choice is None or not choice.bot_url or not choice.bot_format:
        raise Gone("it was removed")
    return Receiver(choice.bot_url, Format(choice.bot_format), choice.bot_secret)


async def _beginning(answer: httpx.Response) -> bytes:
    found = b""
    async for part in answer.aiter_bytes():
        found += part
        if len(found) > MOST_ANSWER:
            break
    return found
