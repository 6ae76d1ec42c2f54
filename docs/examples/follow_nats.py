"""Print what a school's events say, from the bus: python follow_nats.py tls://hub:4222 SEED s001.

The hub remembers where this program was: what it confirmed does not come again, what it missed does.
"""

import asyncio
import sys

import nats
from nats.errors import TimeoutError as NothingNew


async def follow(url: str, seed: str, school: str, stream: str = "OFFICE") -> None:
    """Streams: OFFICE and DISTRICT (the district), SITE and FOOTAGE (the schools)."""
    user = f"follow-{school}"
    client = await nats.connect(url, nkeys_seed_str=seed, inbox_prefix=f"_INBOX.{user}".encode())
    events = await client.jetstream().pull_subscribe_bind(user, stream=stream)
    while True:
        try:
            for message in await events.fetch(100, timeout=5):
                print(message.headers["ce-time"], message.headers["ce-type"], message.data.decode())
                await message.ack()
        except (NothingNew, TimeoutError):
            continue


if __name__ == "__main__":
    asyncio.run(follow(*sys.argv[1:]))
