"""The registrar: keeps the district's custody log of each school, and answers for it with proofs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from reelwarden_common import role
from reelwarden_common.events.report import CustodyAnswer, CustodyQuery, HistoryQuery
from reelwarden_common.messaging.postgres import PgUnits, open_pool
from reelwarden_common.messaging.questions import Answer
from reelwarden_common.messaging.topology import REGISTRAR_CUSTODY, REGISTRAR_HISTORY
from reelwarden_common.role import Bus, Loop, Role
from reelwarden_common.s3 import S3
from reelwarden_common.settings import S3Settings
from reelwarden_common.telemetry import make_telemetry
from reelwarden_report.custody.merkle import wanted
from reelwarden_report.custody.notes import VerifierKey
from reelwarden_report.district.registrar import domain
from reelwarden_report.district.registrar.deposit import Deposits
from reelwarden_report.district.registrar.handlers import BATCHES, HANDLERS
from reelwarden_report.district.registrar.measures import Measures
from reelwarden_report.district.registrar.settings import Settings
from reelwarden_report.district.registrar.stamping import Authority, Stamps
from reelwarden_report.district.registrar.store import RegistrarStore
from reelwarden_report.keys import load_or_create

MEASURE_SECONDS = 300.0


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Role[RegistrarStore]]:
    """The role as its settings say."""
    key = load_or_create(settings.registrar_key)
    pinned = {s: VerifierKey.parse(text) for s, text in settings.notary_public_keys.items()}
    pool = await open_pool(settings.database_url.get_secret_value(), "report")
    units = PgUnits(pool, "registrar", lambda conn: RegistrarStore(conn, key, pinned))

    quiet = timedelta(minutes=settings.ingest_quiet_minutes)

    async def close_hours() -> None:
        async with units.begin() as store:
            waiting, now = await store.hours.waiting(), store.clock()
        for one in waiting:
            if one.is_closed(now, quiet):
                async with units.begin() as store:
                    await store.close_hour(one)

    async def checkpoints() -> None:
        await close_hours()
        async with units.begin() as store:
            grown = await store.grown()
        for school in grown:
            async with units.begin() as store:
                await store.sign_if_grown(school)

    async def custody(query: CustodyQuery | HistoryQuery) -> CustodyAnswer:
        async with units.begin() as store:
            covered = await store.covered(query)
            nodes = await store.nodes(query.school, wanted(covered.ranges))
        return domain.answer(covered, nodes)

    loops = [Loop("checkpoints", settings.checkpoint_seconds, checkpoints)]
    store = S3Settings.read()
    s3 = S3(store, threads=2) if store.access_key else None
    if s3:
        every, locked = timedelta(minutes=settings.deposit_minutes), timedelta(days=settings.deposit_days)
        deposits = Deposits(units, s3, every, locked)
        loops.append(Loop("deposited", settings.checkpoint_seconds, deposits.turn))
    if settings.timestamp_url:
        authority = Authority.of(settings.timestamp_url, settings.timestamp_roots)
        stamps = Stamps(units, authority, timedelta(hours=settings.timestamp_hours))
        loops.append(Loop("stamped", settings.checkpoint_seconds, stamps.turn))
    telemetry = make_telemetry("registrar")
    expected = [loop.name for loop in loops if loop.name in ("deposited", "stamped")]
    measures = Measures(pool, telemetry.registry, ["countersigned", *expected])
    loops.append(Loop("measures", MEASURE_SECONDS, measures.turn))
    try:
        yield Role(
            "registrar",
            settings,
            Bus("registrar", settings),
            units,
            HANDLERS,
            BATCHES,
            loops=loops,
            telemetry=telemetry,
            answers=(
                Answer(REGISTRAR_CUSTODY, CustodyQuery, custody),
                Answer(REGISTRAR_HISTORY, HistoryQuery, custody),
            ),
        )
    finally:
        if s3:
            s3.close()
        await pool.close()


def main() -> None:
    """Run it."""
    role.main(Settings, build)


if __name__ == "__main__":
    main()
