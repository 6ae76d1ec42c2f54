"""What a closed connection does to FastStream alone: `python -m tests.support.frozen <url>`.

Says `alive` ten times a second, for as long as the event loop turns.
"""

import asyncio
import sys

from faststream.nats import JStream, NatsBroker, PullSub


async def main(url: str) -> None:
    broker = NatsBroker(url, logger=None, max_reconnect_attempts=1, reconnect_time_wait=0)
    pull = PullSub(batch_size=10, timeout=0.05, batch=True)
    broker.subscriber("frozen", durable="frozen", stream=JStream("frozen", declare=False), pull_sub=pull)(
        asyncio.sleep
    )
    await broker.start()
    while True:
        sys.stdout.write("alive\n")
        sys.stdout.flush()
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
