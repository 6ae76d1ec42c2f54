"""Notary, intake and registrar on the real bus: both logs grow, each side countersigns the other's."""

import asyncio
import json
import sqlite3
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import asyncpg
from nats.aio.client import Client

from reelwarden_common import role
from reelwarden_common.envelope import encode
from reelwarden_common.events import access, ingest, retention
from reelwarden_common.events.base import CameraSpan, Event
from reelwarden_common.events.report import CustodyAnswer, CustodyQuery
from reelwarden_common.messaging import questions, topology
from reelwarden_ingest.district.intake.app import build as build_intake
from reelwarden_ingest.district.intake.settings import Settings as IntakeSettings
from reelwarden_local.bus import EmbeddedBus
from reelwarden_report.custody import peers, proofs
from reelwarden_report.custody.notes import COSIGNED, VerifierKey, verify
from reelwarden_report.district.registrar.app import build as build_registrar
from reelwarden_report.district.registrar.settings import Settings as RegistrarSettings
from reelwarden_report.keys import load_or_create
from reelwarden_report.site.notary.app import build as build_notary
from reelwarden_report.site.notary.settings import Settings as NotarySettings
from tests.report.district import Index, Voices, district_toml, inspector, segment, signed_in

SCHOOL = "s001"
QUIET_MINUTES = 0.05
"""Ten messages about one hour of footage become one entry."""
AT = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)


async def say(client: Client, speaker: str, event: Event, number: int) -> None:
    message = encode(
        event, school=SCHOOL, role=speaker, event_id=f"bus-{speaker}-{number}", time=datetime.now(UTC)
    )
    await client.jetstream(timeout=10).publish(message.subject, message.body, headers=message.headers)


class District:
    """Intake, registrar and one school's notary, running."""

    def __init__(self, bus: EmbeddedBus, url: str, folder: Path) -> None:
        self.bus, self.url, self.folder = bus, url, folder
        self.stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._run(
            build_intake,
            IntakeSettings(
                nats_url=self.bus.url(),
                nats_seed=self.bus.seed("intake"),
                district_toml=district_toml(self.folder),
                intake_seeds=self.bus.intake_seeds(),
            ),
        )
        await self._run(build_registrar, self._registrar())
        await self._run(build_registrar, self._registrar())
        await self._run(
            build_notary,
            NotarySettings(
                nats_url=self.bus.url(SCHOOL),
                nats_seed=self.bus.seed("notary", SCHOOL),
                school=SCHOOL,
                state_dir=self.folder / "site",
                checkpoint_seconds=0.3,
                ingest_quiet_minutes=QUIET_MINUTES,
                alive_seconds=0.5,
            ),
        )
        return self

    def _registrar(self) -> RegistrarSettings:
        return RegistrarSettings(
            nats_url=self.bus.url(),
            nats_seed=self.bus.seed("registrar"),
            database_url=self.url,
            registrar_key=self.folder / "registrar.pem",
            checkpoint_seconds=0.3,
            ingest_quiet_minutes=QUIET_MINUTES,
        )

    async def _run(self, build: object, settings: object) -> None:
        built = await self.stack.enter_async_context(build(settings))  # type: ignore[operator]
        await self.stack.enter_async_context(role.running(built))

    async def __aexit__(self, *_: object) -> None:
        await self.stack.aclose()

    def site(self, query: str) -> object:
        """One value of the notary's file."""
        conn = sqlite3.connect(f"file:{self.folder / 'site' / 'notary.sqlite'}?mode=ro", uri=True)
        try:
            return conn.execute(query).fetchone()[0]
        finally:
            conn.close()


async def test_both_sides_log_and_countersign_and_answer_with_proofs(
    district_bus: EmbeddedBus, report_url: str, report_pool: asyncpg.Pool, tmp_path: Path, voices: Voices
) -> None:
    """Two registrars share the work; what they answer is checked offline with the pinned keys."""
    filed = access.ApplicationFiled(
        application="app7",
        version=1,
        number="s001-2026-0007",
        manner=access.Manner.VIEW,
        spans=(CameraSpan(camera="gate", start=AT, end=AT + timedelta(minutes=1)),),
        purpose="loss",
        applicant="a-7",
        hold_until=AT + timedelta(days=30),
    )
    in_force = retention.HoldInForce(
        hold="h7", cause="app7", complete=True, segments=6, bytes=1, digest="ab" * 32
    )
    async with District(district_bus, report_url, tmp_path) as running:
        scanner = await district_bus.connect("scanner", SCHOOL)
        reaper = await district_bus.connect("reaper", SCHOOL)
        for number in range(10):
            recorded = ingest.SegmentsRecorded(
                segments=(segment("gate", AT + timedelta(seconds=10 * number)),)
            )
            await say(scanner, "scanner", recorded, number)
        await voices.say(SCHOOL, filed, *[access.AccessDenied(actor="a-1", act="x", rule="R3.3")] * 5)
        await say(reaper, "reaper", in_force, 1)

        async def settled() -> bool:
            row = await report_pool.fetchrow(
                "SELECT max(size) FILTER (WHERE cosigned_at IS NOT NULL) AS cosigned,"
                " (SELECT size FROM custody_log WHERE school = $1) AS size,"
                " (SELECT size FROM custody_peer WHERE school = $1) AS site"
                " FROM custody_checkpoint WHERE school = $1",
                SCHOOL,
            )
            assert row is not None
            ours = running.site("SELECT max(size) FROM checkpoint WHERE cosigned = 1")
            return (row["size"], row["cosigned"], row["site"], ours) == (8, 8, 2, 2)

        for _ in range(600):
            if await settled():
                break
            await asyncio.sleep(0.1)
        assert await settled()

        desk = await district_bus.connect("desk")
        question = CustodyQuery(school=SCHOOL, application="app7", holds=("h7",))
        answer = await questions.ask(desk, topology.REGISTRAR_CUSTODY, "district", question, CustodyAnswer, 5)
        for client in (scanner, reaper, desk):
            await client.close()
    public = load_or_create(tmp_path / "registrar.pem").public_key().public_bytes_raw()
    key = VerifierKey(peers.origin(SCHOOL, "registrar"), public)
    facts = [json.loads(one.entry) for one in answer.entries]
    assert {fact["type"] for fact in facts} == {filed.ce_type(), in_force.ce_type()}
    for one in answer.entries:
        assert proofs.check(one.entry, one.proof, key).size == answer.size == 8
    notary = load_or_create(tmp_path / "site" / "notary.pem").public_key().public_bytes_raw()
    verify(answer.checkpoint, VerifierKey(peers.witness(SCHOOL, "notary"), notary, COSIGNED))


async def test_a_pulse_from_the_school_reaches_the_dashboard(
    district_bus: EmbeddedBus, report_url: str, tmp_path: Path, voices: Voices, index: Index
) -> None:
    """A line that is cut makes the school unknown; when it is back, so is the school."""
    del voices, index
    async with (
        District(district_bus, report_url, tmp_path),
        inspector(district_bus, report_url, tmp_path / "district.toml", cut_off_seconds=2) as address,
    ):
        client = await signed_in(address, "officer")

        async def becomes(*states: str) -> str:
            seen = ""
            for _ in range(600):
                seen = (await client.get(f"/api/schools/{SCHOOL}")).json()["state"]
                if seen in states:
                    break
                await asyncio.sleep(0.1)
            return seen

        assert await becomes("good", "warning") in ("good", "warning")
        await district_bus.links[SCHOOL].cut()
        assert await becomes("unknown") == "unknown"
        await district_bus.links[SCHOOL].restore()
        assert await becomes("good", "warning") in ("good", "warning")
        await client.aclose()


async def test_two_inspectors_share_the_work(
    district_bus: EmbeddedBus, report_url: str, report_pool: asyncpg.Pool, tmp_path: Path, voices: Voices
) -> None:
    """Every fact counts once, every finding is opened once, whichever replica hears it."""
    toml = district_toml(tmp_path)
    async with (
        inspector(district_bus, report_url, toml) as first,
        inspector(district_bus, report_url, toml) as second,
    ):
        bad = [
            ingest.SegmentsRejected(
                files=(
                    ingest.RejectedFile(
                        id=f"f{n}",
                        camera="gate",
                        locator=f"{n}.mp4",
                        size=0,
                        file_time=AT,
                        reason="empty",
                        detail="",
                    ),
                )
            )
            for n in range(20)
        ]
        denied = [access.AccessDenied(actor=f"a-{n}", act="file", rule="R3.3") for n in range(10)]
        await voices.say(SCHOOL, *bad, *denied)
        client, other = await signed_in(first, "officer"), await signed_in(second, "officer")
        for _ in range(600):
            found = (await other.get("/api/findings", params={"school": SCHOOL})).json()
            times = {f["kind"]: f["times"] for f in found if f["kind"] == "rejected-file"}
            if times == {"rejected-file": 20} and len(found) >= 11:
                break
            await asyncio.sleep(0.1)
        assert times == {"rejected-file": 20}
        kinds = [f["kind"] for f in (await client.get("/api/findings", params={"school": SCHOOL})).json()]
        assert kinds.count("access-denied") == 10
        violations = (await client.get("/api/violations")).json()
        assert len(violations) == 10
        assert await report_pool.fetchval("SELECT count(*) FROM rules") == 1
        await client.aclose()
        await other.aclose()
