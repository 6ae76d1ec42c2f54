"""Bad messages at the index: each goes to the DLQ alone, with its reason, and the stream moves on."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from reelwarden_common.envelope import MAX_BODY, Message
from reelwarden_common.events.ingest import Segment, SegmentsRecorded
from reelwarden_common.events.retention import SegmentsErased
from reelwarden_local.bus import EmbeddedBus
from tests.support.ingest import (
    DAY,
    index,
    message,
    migrated,
    recorded,
    say,
    segment,
    stored,
    until,
    write_district,
)

SUBJECT = "rw.s001.scanner.segment.recorded"


def bad_messages() -> dict[str, Message]:
    """Return what to send, and in what words it must be refused."""
    good = recorded("s001", 1)
    nul = SegmentsRecorded(segments=(segment("s001", "gate", DAY, locator="a\0b.mp4"),))
    odd_id = SegmentsRecorded(segments=(segment("s001", "gate", DAY, id="not-hexadecimal"),))

    def like(body: bytes, **headers: str) -> Message:
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        return Message(SUBJECT, {**good.headers, **changed, "Nats-Msg-Id": str(len(found))}, body)

    found: dict[str, Message] = {}
    found["is invalid at body: Invalid JSON"] = like(b"\x00\xff not json")
    found["unknown event type or version 'reelwarden.scanner.segment.recorded.v9'"] = like(
        good.body, ce_type=SegmentsRecorded.ce_type().replace(".v1", ".v9")
    )
    found["unknown event type or version '(none)'"] = Message(SUBJECT, {"Nats-Msg-Id": "bare"}, good.body)
    found["which does not belong there"] = like(b"{}", ce_type=SegmentsErased.ce_type())
    found[f"at most {MAX_BODY} are read"] = like(good.body + b" " * MAX_BODY)
    found["is missing or not readable"] = like(good.body, ce_time="yesterday")
    found["is invalid at segments.0.start"] = like(good.body.replace(b'"start":"2026', b'"start":"x2026'))
    found["recursion limit exceeded"] = like(b'{"segments":' + b"[" * 5000)
    found["U+0000"] = message("s001", nul)
    found["is no segment id"] = message("s001", odd_id)
    return found


async def test_bad_messages_are_dead_lettered_and_the_stream_moves_on(
    tmp_path: Path, fresh_database: str
) -> None:
    bad = bad_messages()
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(EmbeddedBus(tmp_path / "bus", ["s001"]))
        url = await migrated(fresh_database)
        speaker, topology = await bus.connect("intake"), await bus.connect("topology")
        admin = await asyncpg.connect(fresh_database)
        for close in (speaker.close, topology.close, admin.close):
            stack.push_async_callback(close)
        between = [m for n, one in enumerate(bad.values()) for m in (recorded("s001", 10 + n), one)]
        await say(speaker, [*between, recorded("s001", 99)])
        await stack.enter_async_context(index(bus, write_district(tmp_path, ["s001"]), url))

        async def letters() -> list[dict[str, str]]:
            found = [m.headers for m in await stored(topology, "DLQ", "dlq.index.FOOTAGE.*")]
            return found if len(found) >= len(bad) else []

        found = sorted(await until(letters), key=lambda h: int(h["rw-sequence"]))
        for headers, reason in zip(found, bad, strict=True):
            assert reason in headers["rw-detail"]
            assert headers["rw-subject"] == SUBJECT
        told = [m for m in await stored(topology, "OFFICE") if m.subject == "rw.s001.index.message.refused"]
        assert len(told) == len(bad)
        await until(lambda: admin.fetchval("SELECT count(*) = $1 FROM ingest.segments", len(bad) + 1))


async def test_wild_clocks_are_quarantined_and_their_neighbours_indexed(
    tmp_path: Path, fresh_database: str
) -> None:
    def gate(number: int, start: datetime, **changes: object) -> Segment:
        return segment("s001", "gate", start, digest=f"{number:064x}", **changes)

    wild = {
        "before-2000": gate(1, datetime(1970, 1, 1, tzinfo=UTC)),
        "in-the-future": gate(2, datetime(2099, 1, 1, tzinfo=UTC)),
        "ends-before-it-starts": gate(3, DAY, end=DAY - timedelta(seconds=1)),
        "longer-than-a-day": gate(4, DAY, end=DAY + timedelta(hours=25)),
        "numbers-out-of-range": gate(5, DAY, size=2**70),
    }
    good = segment("s001", "gate", DAY)
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(EmbeddedBus(tmp_path / "bus", ["s001"]))
        url = await migrated(fresh_database)
        speaker, admin = await bus.connect("intake"), await asyncpg.connect(fresh_database)
        for close in (speaker.close, admin.close):
            stack.push_async_callback(close)
        await stack.enter_async_context(index(bus, write_district(tmp_path, ["s001"]), url))
        await say(speaker, [message("s001", SegmentsRecorded(segments=(*wild.values(), good)))])
        await until(lambda: admin.fetchval("SELECT count(*) = 1 FROM ingest.segments"))
        rows = await admin.fetch("SELECT id, reason FROM ingest.quarantine")
        assert {r["reason"]: r["id"].hex() for r in rows} == {r: s.id for r, s in wild.items()}
