"""The registrar's logs on a real database: grown by two at once, proven, countersigned."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reelwarden_common.db import drift
from reelwarden_common.envelope import Envelope, Message, decode
from reelwarden_common.events import access, report, retention
from reelwarden_common.events.base import CameraSpan, Event
from reelwarden_common.messaging.postgres import PgUnits
from reelwarden_common.messaging.sqlite import SqliteUnits, open_database
from reelwarden_report.custody import peers, proofs
from reelwarden_report.custody.merkle import wanted
from reelwarden_report.custody.notes import Signer, VerifierKey
from reelwarden_report.district.registrar import domain, handlers
from reelwarden_report.district.registrar.store import RegistrarStore
from reelwarden_report.site.notary import handlers as notary_handlers
from reelwarden_report.site.notary.schema import MIGRATIONS
from reelwarden_report.site.notary.store import NotaryStore

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
KEY = Ed25519PrivateKey.generate()


def envelope(number: int | str, event: Event, school: str = "s001") -> Envelope:
    return Envelope(f"{school}-e{number}", event.ce_type(), school, event.role(), AT)


def denied(number: int, application: str = "app1") -> access.AccessDenied:
    return access.AccessDenied(actor=f"a-{number}", act="approve", rule="R3.3", application=application)


def units_of(pool: asyncpg.Pool, key: Ed25519PrivateKey = KEY) -> PgUnits[RegistrarStore]:
    return PgUnits(pool, "registrar", lambda conn: RegistrarStore(conn, key))


async def drain(units: PgUnits[RegistrarStore] | SqliteUnits[NotaryStore]) -> list[tuple[Event, Envelope]]:
    sent: list[Message] = []

    async def send(messages: object) -> None:
        sent.extend(messages)  # type: ignore[arg-type]

    await units.relay(send, 1000)
    return [decode(m.subject, m.headers, m.body) for m in sent]


async def append(units: PgUnits[RegistrarStore], numbers: range, school: str = "s001") -> None:
    for number in numbers:
        event = denied(number)
        told = envelope(number, event, school)

        async def work(store: RegistrarStore, event: Event = event, told: Envelope = told) -> None:
            await handlers.on_fact(event, told, store)

        await units.once(told, work)


async def test_migrations_are_the_schema(postgres_admin_url: str) -> None:
    admin = await asyncpg.connect(postgres_admin_url)
    try:
        assert await drift(admin, "report") == []
    finally:
        await admin.close()


async def test_two_replicas_write_one_log(report_pool: asyncpg.Pool) -> None:
    units = units_of(report_pool)
    await asyncio.gather(
        append(units, range(30)), append(units, range(10, 40)), append(units, range(5), school="s002")
    )
    rows = await report_pool.fetch("SELECT position FROM custody_entry WHERE school = 's001' ORDER BY 1")
    assert [row["position"] for row in rows] == list(range(40))
    async with units.begin() as store:
        assert await store.grown() == ["s001", "s002"]
        checkpoint = await store.sign_if_grown("s001")
        assert checkpoint is not None
        assert checkpoint.size == 40
    async with units.begin() as store:
        assert await store.sign_if_grown("s001") is None
        assert await store.grown() == ["s002"]


async def test_an_application_and_its_holds_are_answered_with_proofs(report_pool: asyncpg.Pool) -> None:
    units = units_of(report_pool)
    await append(units, range(20))
    hold = retention.Hold(
        id="h1",
        source=retention.HoldSource.CASE,
        cause="case9",
        span=CameraSpan(camera="gate", start=AT, end=AT + timedelta(minutes=1)),
        purpose="loss",
        until=AT,
    )
    asked = retention.HoldAsked(hold=hold)
    async with units.begin() as store:
        await handlers.on_fact(asked, envelope("h", asked), store)
        covered = await store.covered(report.CustodyQuery(school="s001", application="app1", holds=("h1",)))
        nodes = await store.nodes("s001", wanted(covered.ranges))
    answer = domain.answer(covered, nodes)
    assert (answer.size, answer.key) == (21, str(Signer(peers.origin("s001", "registrar"), KEY).key()))
    assert [e.index for e in answer.entries] == list(range(21))
    key = Signer(peers.origin("s001", "registrar"), KEY).key()
    for one in answer.entries:
        assert proofs.check(one.entry, one.proof, key).size == 21
    with pytest.raises(proofs.BadProof):
        proofs.check(answer.entries[0].entry.replace("a-0", "a-1"), answer.entries[0].proof, key)
    async with units.begin() as store:
        assert (await store.covered(report.CustodyQuery(school="s003", application="app1"))).size == 0


async def test_both_sides_sign_and_a_rewritten_log_is_refused(
    report_pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """The notary and the registrar countersign each other; then the site's log is written anew."""
    district = units_of(report_pool)
    signer = Signer(peers.origin("s001", "notary"), Ed25519PrivateKey.generate())
    path = tmp_path / "notary.sqlite"
    conn = open_database(path, MIGRATIONS)
    site = SqliteUnits(conn, path, lambda c: NotaryStore(c, "s001", signer))

    async def at_district(heard: list[tuple[Event, Envelope]]) -> None:
        for event, told in heard:
            async with district.begin() as store:
                await handlers.HANDLERS[type(event)](event, told, store)

    async def at_site(heard: list[tuple[Event, Envelope]]) -> None:
        for event, told in heard:
            async with site.begin() as store:
                await notary_handlers.HANDLERS[type(event)](event, told, store)

    async def write(first: int, last: int) -> None:
        async with site.begin() as store:
            for number in range(first, last):
                event = denied(number)
                await notary_handlers.on_fact(event, envelope(number, event), store)
            store.sign_if_grown()

    for first in (0, 3, 7):
        await write(first, first + 3)
        await at_district(await drain(site))
        await append(district, range(first, first + 4))
        async with district.begin() as store:
            await store.sign_if_grown("s001")
        await at_site(await drain(district))
    await at_district(await drain(site))
    async with site.begin() as custody:
        note = custody.newest_cosigned()
        assert note is not None
        assert "\n9\n" in note
        known = custody.known()
        assert known is not None
        assert known.size == 11
    row = await report_pool.fetchrow("SELECT size, cosigned_at FROM custody_checkpoint ORDER BY size DESC")
    assert row is not None
    assert row["size"] == 11
    assert row["cosigned_at"] is not None

    conn.close()
    path.unlink()
    conn = open_database(path, MIGRATIONS)
    site = SqliteUnits(conn, path, lambda c: NotaryStore(c, "s001", signer))
    await write(100, 103)
    with pytest.raises(peers.LogForked):
        await at_district(await drain(site))
    await write(103, 120)
    with pytest.raises((peers.LogForked, peers.CheckpointMissing)):
        await at_district(await drain(site))
    conn.close()
    seen = await report_pool.fetchval("SELECT key FROM custody_peer WHERE school = 's001'")
    assert VerifierKey.parse(seen) == signer.key()


async def test_a_cosignature_on_something_else_is_refused(report_pool: asyncpg.Pool) -> None:
    units = units_of(report_pool)
    event = report.CheckpointCountersigned(size=5, note="x\n", key="x")
    with pytest.raises(peers.BadCheckpoint, match="was ever signed"):
        async with units.begin() as store:
            await handlers.on_our_checkpoint_cosigned(event, envelope(1, event), store)
    await append(units, range(2))
    async with units.begin() as store:
        checkpoint = await store.sign_if_grown("s001")
    assert checkpoint is not None
    stranger = Signer("somebody", Ed25519PrivateKey.generate())
    event = report.CheckpointCountersigned(
        size=2, note=stranger.cosign(stranger.sign(checkpoint.text), 1), key=str(stranger.key(4))
    )
    with pytest.raises(peers.KeyChanged, match="not the pinned"):
        async with units.begin() as store:
            await handlers.on_our_checkpoint_cosigned(event, envelope(2, event), store)
