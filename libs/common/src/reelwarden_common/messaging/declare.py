"""Streams and consumers, declared by the topology user at set-up and on change; services may not.

Ages and bytes: both ends keep longer than the longest outage foreseen, within bounds.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    ExternalStream,
    RetentionPolicy,
    StreamConfig,
    StreamConsumerSource,
    StreamSource,
    SubjectTransform,
)
from nats.js.errors import NotFoundError

from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.messaging.nats_config import UP
from reelwarden_common.messaging.topology import (
    FOLLOWED,
    Place,
    Stream,
    follower,
    roles_at,
    stream_subjects,
    subscriptions,
)

KEEP = timedelta(days=45)
"""Longer than the longest outage that a school survives without losing what it has to say."""
DUPLICATE_WINDOW = timedelta(minutes=10)
ACK_WAIT = timedelta(seconds=30)
MAX_ACK_PENDING = 2000
MAX_MESSAGE = 256 * 1024
MAX_LETTERS = 200_000
"""Each takes memory of the server for its subject."""


def _stream(name: Stream, subjects: list[str], max_bytes: int, replicas: int = 1) -> StreamConfig:
    return StreamConfig(
        num_replicas=replicas,
        name=name,
        subjects=subjects,
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.OLD,
        max_age=KEEP.total_seconds(),
        max_bytes=max_bytes,
        max_msg_size=MAX_MESSAGE,
        duplicate_window=DUPLICATE_WINDOW.total_seconds(),
        allow_direct=True,
    )


def _letters(max_bytes: int, replicas: int = 1) -> StreamConfig:
    """One message a subject, each of which may end by itself: how a settled letter is taken away."""
    stream = _stream(Stream.DLQ, ["dlq.>"], max_bytes, replicas)
    return replace(stream, max_msgs=MAX_LETTERS, max_msgs_per_subject=1, allow_msg_ttl=True)


def hub_streams(max_bytes: int, replicas: int = 1) -> list[StreamConfig]:
    """The hub's streams, each within `max_bytes`, kept by so many of its servers."""
    intake = StreamConfig(
        name=Stream.INTAKE,
        subjects=["intake.pos.>"],
        max_msgs_per_subject=1,
        allow_direct=True,
        num_replicas=replicas,
    )
    owned = (Stream.FOOTAGE, Stream.SITE, Stream.DISTRICT, Stream.OFFICE)
    return [
        *(_stream(name, list(stream_subjects(name)), max_bytes, replicas) for name in owned),
        _letters(max_bytes, replicas),
        intake,
    ]


def leaf_streams(school: str, max_bytes: int) -> list[StreamConfig]:
    """A school's streams: its facts, the dead letters, and its share of the district's decisions."""
    decisions = StreamConfig(
        name=Stream.DISTRICT,
        max_age=KEEP.total_seconds(),
        max_bytes=max_bytes,
        sources=[
            StreamSource(
                name=Stream.DISTRICT,
                external=ExternalStream(api="JS.hub.API"),
                consumer=StreamConsumerSource(name=school, deliver_subject=f"deliver.{school}.DISTRICT"),
                subject_transforms=[SubjectTransform(src=f"rw.{school}.>", dest=f"rw.{school}.>")],
            )
        ],
    )
    return [
        *(_stream(name, list(stream_subjects(name, school)), max_bytes) for name in UP),
        _letters(max_bytes),
        decisions,
    ]


def role_consumers(place: Place, school: str = "*") -> list[tuple[Stream, ConsumerConfig]]:
    """One durable pull consumer per role and stream, filtered to what the role hears."""
    return [
        (
            stream,
            ConsumerConfig(
                durable_name=listener.name,
                ack_policy=AckPolicy.EXPLICIT,
                deliver_policy=DeliverPolicy.ALL,
                ack_wait=ACK_WAIT.total_seconds(),
                max_ack_pending=MAX_ACK_PENDING,
                max_deliver=-1,
                filter_subjects=list(subjects),
            ),
        )
        for listener in roles_at(place)
        for stream, subjects in subscriptions(listener, school).items()
    ]


def school_durable(school: str) -> ConsumerConfig:
    """The hub's durable on DISTRICT from which one school sources its decisions."""
    return ConsumerConfig(
        durable_name=school,
        deliver_subject=f"deliver.{school}.DISTRICT",
        filter_subject=f"rw.{school}.>",
        ack_policy=AckPolicy.FLOW_CONTROL,
        max_ack_pending=5000,
    )


def follower_consumer(school: str) -> ConsumerConfig:
    """The durable from which a program takes what concerns a school, or everything; one on each stream.

    It begins with all that the stream still keeps, and remembers where its program was.
    """
    return ConsumerConfig(
        durable_name=follower(school),
        filter_subject=None if school == DISTRICT_SCHOOL else f"rw.{school}.>",
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.ALL,
        ack_wait=ACK_WAIT.total_seconds(),
        max_ack_pending=MAX_ACK_PENDING,
        max_deliver=-1,
    )


async def _ensure_stream(js: JetStreamContext, config: StreamConfig) -> None:
    try:
        await js.stream_info(str(config.name))
    except NotFoundError:
        await js.add_stream(config)
    else:
        await js.update_stream(config)


async def _ensure_consumer(js: JetStreamContext, stream: Stream, config: ConsumerConfig) -> None:
    await js.add_consumer(stream, config=config)


async def declare_hub(
    js: JetStreamContext,
    schools: list[str],
    max_bytes: int = 1024**3,
    followed: Sequence[str] = (),
    replicas: int = 1,
) -> None:
    """Bring the hub's streams and consumers to what the table says.

    Args:
        js: of the hub's user `topology`.
        schools: each has a durable from which it sources its decisions.
        max_bytes: of each stream.
        followed: what programs follow.
        replicas: how many servers of the hub keep each stream.
    """
    for config in hub_streams(max_bytes, replicas):
        await _ensure_stream(js, config)
    for stream, consumer in role_consumers(Place.DISTRICT):
        await _ensure_consumer(js, stream, consumer)
    for school in schools:
        await _ensure_consumer(js, Stream.DISTRICT, school_durable(school))
    for school in followed:
        for stream in FOLLOWED:
            await _ensure_consumer(js, stream, follower_consumer(school))


async def declare_leaf(js: JetStreamContext, school: str, max_bytes: int = 1024**3) -> None:
    """Bring a school's streams and consumers to what the table says."""
    for config in leaf_streams(school, max_bytes):
        await _ensure_stream(js, config)
    for stream, consumer in role_consumers(Place.SCHOOL, school):
        await _ensure_consumer(js, stream, consumer)
