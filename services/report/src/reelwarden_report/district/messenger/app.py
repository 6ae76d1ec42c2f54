"""The messenger: tells programs by webhook, people by mail and chat, what they want to hear of the bus."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from zoneinfo import ZoneInfo

from reelwarden_common import role
from reelwarden_common.district import load
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.messaging.postgres import PgUnits, open_pool
from reelwarden_common.role import Bus, Loop, Role
from reelwarden_common.telemetry import make_telemetry
from reelwarden_common.web import People
from reelwarden_common.web.sessions import mark_of
from reelwarden_report.district.messenger.compose import compose
from reelwarden_report.district.messenger.handlers import HANDLERS
from reelwarden_report.district.messenger.mail import Mail
from reelwarden_report.district.messenger.measures import Measures
from reelwarden_report.district.messenger.sending import Patience, Sending
from reelwarden_report.district.messenger.settings import Settings
from reelwarden_report.district.messenger.store import MessengerStore
from reelwarden_report.district.messenger.words import Places, Words

FORGET_SECONDS = 3600


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Role[MessengerStore]]:
    """The role as its settings say."""
    config = load(settings.district_toml)
    zone = ZoneInfo(config.time_zone)
    people = People(config.people)
    mark = partial(mark_of, settings.session_key.get_secret_value())
    gather, pause = (timedelta(seconds=s) for s in (settings.gather_seconds, settings.pause_seconds))
    mail = Mail(settings)
    pool = await open_pool(settings.database_url.get_secret_value(), "report")
    units = PgUnits(pool, "messenger", lambda conn: MessengerStore(conn, people, mark, zone, gather))
    names = {school.id: school.name for school in config.schools} | {DISTRICT_SCHOOL: config.name}
    words = Words(names, zone, Places(settings.desk_url, settings.dashboard_url))
    patience = Patience(timedelta(seconds=settings.retry_seconds), settings.attempts)
    telemetry = make_telemetry("messenger")
    measures = Measures(telemetry.registry)
    sending = Sending(units, mail, patience, measures, private=settings.webhook_private)

    async def write() -> None:
        await compose(units, words, pause)

    try:
        yield Role(
            "messenger",
            settings,
            Bus("messenger", settings),
            units,
            HANDLERS,
            telemetry=telemetry,
            loops=(
                Loop("compose", settings.send_seconds, write),
                Loop("send", settings.send_seconds, sending.turn),
                Loop("forget", FORGET_SECONDS, sending.forget),
            ),
        )
    finally:
        await pool.close()


def main() -> None:
    """Run it."""
    role.main(Settings, build)


if __name__ == "__main__":
    main()
