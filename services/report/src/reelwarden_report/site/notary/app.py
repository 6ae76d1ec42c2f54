"""The notary of one school: keeps the custody log, signs checkpoints, sends the pulse."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from reelwarden_common import role
from reelwarden_common.clock import system_clock
from reelwarden_common.messaging.sqlite import SqliteUnits, open_database
from reelwarden_common.role import Bus, Loop, Role
from reelwarden_common.telemetry import VERSION
from reelwarden_report.custody.notes import Signer, VerifierKey
from reelwarden_report.custody.peers import origin
from reelwarden_report.keys import load_or_create
from reelwarden_report.site.notary import domain
from reelwarden_report.site.notary.handlers import BATCHES, HANDLERS
from reelwarden_report.site.notary.schema import MIGRATIONS
from reelwarden_report.site.notary.settings import Settings
from reelwarden_report.site.notary.store import NotaryStore


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Role[NotaryStore]]:
    """The role as its settings say."""
    school = settings.school
    signer = Signer(origin(school, "notary"), load_or_create(settings.key_path))
    pinned = VerifierKey.parse(settings.registrar_public_key) if settings.registrar_public_key else None
    conn = open_database(settings.database, MIGRATIONS)
    units = SqliteUnits(conn, settings.database, lambda c: NotaryStore(c, school, signer, pinned))

    quiet = timedelta(minutes=settings.ingest_quiet_minutes)

    async def checkpoint() -> None:
        async with units.begin() as store:
            store.close_hours(quiet)
            store.sign_if_grown()

    async def alive() -> None:
        async with units.begin() as store:
            store.publish(school, domain.pulse(store.measured(), VERSION, system_clock()))

    try:
        yield Role(
            "notary",
            settings,
            Bus("notary", settings),
            units,
            HANDLERS,
            BATCHES,
            loops=(
                Loop("alive", settings.alive_seconds, alive),
                Loop("checkpoint", settings.checkpoint_seconds, checkpoint),
            ),
        )
    finally:
        conn.close()


def main() -> None:
    """Run it."""
    role.main(Settings, build)


if __name__ == "__main__":
    main()
