"""After the district's database was restored: hear again what was said since the backup was taken.

    RW_NATS_URL=… RW_NATS_SEED=… python -m reelwarden_common.messaging.replay --since 2026-03-02T02:00:00Z

The consumers at the hub are further than the restored database: what they had acknowledged is nowhere any
more. Each is set back to the first message after `--since`; what the database knows, its inbox ignores.
The seed is that of the hub's user `topology`.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import nats
import nats.errors
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from reelwarden_common.errors import Transient
from reelwarden_common.messaging.declare import role_consumers
from reelwarden_common.messaging.nats_config import TOPOLOGY_USER
from reelwarden_common.messaging.topology import Place, Stream
from reelwarden_common.settings import RoleSettings

MARGIN = timedelta(hours=1)
"""Before `since`: clocks differ, and what was on its way when the backup was taken is heard again too."""
_LOOK_SECONDS = 5.0


@dataclass(frozen=True)
class Replayed:
    """A consumer that was set back, and how much it will hear again."""

    stream: Stream
    role: str
    messages: int


class NotReplayed(Transient):
    """The hub did not answer, or refused: some consumers may have been set back; do it again."""


async def replay(js: JetStreamContext, since: datetime) -> list[Replayed]:
    """Set every consumer of the district back to `since`; roles may run, it may be repeated.

    Args:
        js: of the hub's user `topology`.
        since: when the backup that was restored had been begun.

    Raises:
        NotReplayed: and what did not work.
    """
    starts: dict[Stream, int] = {}
    done = []
    for stream, consumer in role_consumers(Place.DISTRICT):
        role = str(consumer.durable_name)
        try:
            if stream not in starts:
                starts[stream] = await _first_since(js, stream, since - MARGIN)
            acknowledged = (await js.consumer_info(stream, role)).ack_floor
            if acknowledged is None or starts[stream] > acknowledged.stream_seq:
                continue  # it has not come so far: nothing to go back to
            done.append(Replayed(stream, role, await _set_back(js, stream, role, starts[stream])))
        except (nats.errors.Error, OSError) as error:
            raise NotReplayed(f"{role} on {stream}: {error or type(error).__name__}") from error
    return done


async def _first_since(js: JetStreamContext, stream: Stream, since: datetime) -> int:
    """The sequence of the first message at or after a moment, or the next one to come."""
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_TIME,
        opt_start_time=since.isoformat(),  # type: ignore[arg-type]  # sent as it is, whatever nats-py's hint says
        ack_policy=AckPolicy.NONE,
        inactive_threshold=_LOOK_SECONDS,
        mem_storage=True,
    )
    info = await js.add_consumer(stream, config=config)
    await js.delete_consumer(stream, info.name)
    return int(info.delivered.stream_seq) + 1 if info.delivered else 1


async def _set_back(js: JetStreamContext, stream: Stream, role: str, sequence: int) -> int:
    subject = f"$JS.API.CONSUMER.RESET.{stream}.{role}"
    answer = await js._nc.request(subject, json.dumps({"seq": sequence}).encode(), timeout=10)  # noqa: SLF001
    told = json.loads(answer.data)
    if "error" in told:
        raise NotReplayed(f"{role} on {stream}: {told['error'].get('description')}")
    return int(told["num_pending"])


async def rewind(settings: RoleSettings, since: datetime) -> list[Replayed]:
    """Connect as the topology user and replay.

    Raises:
        NotReplayed: the hub is away, lets nobody in, or refuses.
    """
    try:
        client = await nats.connect(
            **settings.login.options(),
            inbox_prefix=f"_INBOX.{TOPOLOGY_USER}".encode(),
            max_reconnect_attempts=1,
            connect_timeout=10,
        )
    except (nats.errors.Error, OSError) as error:
        raise NotReplayed(f"{settings.nats_url}: {error or type(error).__name__}") from error
    try:
        return await replay(client.jetstream(timeout=10), since)
    finally:
        await client.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; exit code 1 where the hub did not do all of it."""
    parser = argparse.ArgumentParser(prog="replay", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--since", required=True, type=datetime.fromisoformat, help="when the backup was begun"
    )
    parser.add_argument("--json", action="store_true", help="for scripts")
    asked = parser.parse_args(arguments)
    if asked.since.tzinfo is None:
        parser.error(f"--since {asked.since}: say the offset too, like 2026-03-02T08:00:00+08:00")
    try:
        done = asyncio.run(rewind(RoleSettings.read(), asked.since))
    except NotReplayed as error:
        sys.stderr.write(f"not replayed: {error}\n")
        return 1
    if asked.json:
        sys.stdout.write(json.dumps([vars(one) for one in done]) + "\n")
    else:
        sys.stdout.writelines(f"{one.role} on {one.stream}: {one.messages} messages again\n" for one in done)
    return 0


if __name__ == "__main__":
    sys.exit(main())
