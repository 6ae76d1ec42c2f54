"""The inspector: watches all schools, opens findings, inspects, reports; the live dashboard and its API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

import asyncpg
from fastapi import FastAPI

from reelwarden_common import role
from reelwarden_common.district import load
from reelwarden_common.messaging.postgres import PgUnits, open_pool
from reelwarden_common.role import Bus, Loop, Role
from reelwarden_common.telemetry import VERSION, make_telemetry
from reelwarden_common.web import N_, Section, Web
from reelwarden_common.web.sign_ins import InDatabase, SignInStore
from reelwarden_common.web.signing import key_pages
from reelwarden_report.district.inspector import (
    answer_pages,
    api,
    finding_pages,
    held,
    live_pages,
    morning_pages,
    notice_pages,
    pages,
    program_api,
    program_pages,
    register_pages,
    report_pages,
    rule_pages,
    rules,
    suggestions,
    violation_pages,
)
from reelwarden_report.district.inspector.answers import Answers
from reelwarden_report.district.inspector.cards import LARGEST_UPLOAD
from reelwarden_report.district.inspector.coverage import Coverage
from reelwarden_report.district.inspector.event_stream import EventStream
from reelwarden_report.district.inspector.glance import Glances
from reelwarden_report.district.inspector.handlers import BATCHES, HANDLERS
from reelwarden_report.district.inspector.inspection import Inspections
from reelwarden_report.district.inspector.live import Live
from reelwarden_report.district.inspector.look import look
from reelwarden_report.district.inspector.maintenance import mark_planned
from reelwarden_report.district.inspector.measures import Measures
from reelwarden_report.district.inspector.mornings import Mornings, look_for_signatures
from reelwarden_report.district.inspector.notices import Notices
from reelwarden_report.district.inspector.own_keys import OwnKeys
from reelwarden_report.district.inspector.programs import KEEPERS
from reelwarden_report.district.inspector.register import Register
from reelwarden_report.district.inspector.room import VIEWERS, Room
from reelwarden_report.district.inspector.schedule import keep
from reelwarden_report.district.inspector.settings import Settings
from reelwarden_report.district.inspector.signing import SIGNERS
from reelwarden_report.district.inspector.store import InspectorStore
from reelwarden_report.district.inspector.token_task import TokenTasks
from reelwarden_report.district.inspector.tokens import Tokens
from reelwarden_report.district.inspector.views import Views
from reelwarden_report.district.inspector.webhooks import Webhooks

PACKAGE = "reelwarden_report.district.inspector"
SECTIONS = (
    Section("/", N_("Dashboard"), VIEWERS),
    Section("/morning", N_("Morning pages"), VIEWERS),
    Section("/register", N_("Camera register"), VIEWERS),
    Section("/footage", N_("Footage"), VIEWERS),
    Section("/findings", N_("Findings"), VIEWERS),
    Section("/reports", N_("Reports"), VIEWERS),
    Section("/letters", N_("Dead letters"), VIEWERS),
    Section("/violations", N_("Violations"), VIEWERS),
    Section("/notices", N_("My notifications"), VIEWERS),
    Section("/programs", N_("Programs"), KEEPERS),
    Section("/rules", N_("Rules")),
    Section("/feedback", N_("Suggestions")),
    Section("/keys", N_("My keys"), SIGNERS),
)
_PAGES = (
    program_pages,
    notice_pages,
    live_pages,
    morning_pages,
    register_pages,
    pages,
    answer_pages,
    finding_pages,
    report_pages,
    violation_pages,
    suggestions,
    rule_pages,
)
SCHEDULE_SECONDS = 60


def make_http(room: Room, pool: asyncpg.Pool) -> FastAPI:
    """Pages and API on one application."""
    longer = {r"/register/[^/]+/[^/]+/still": LARGEST_UPLOAD + 1_000_000}
    about = "State of all schools, findings, inspections and reports."
    app = room.web.make_app(VERSION, about, longer_bodies=longer)
    app.state.room, app.state.keys = room, room.keys
    app.state.mornings = Mornings(room, pool)
    app.include_router(api.router, dependencies=[program_api.ByToken])
    app.include_router(program_api.router, dependencies=[program_api.ByToken])
    app.include_router(register_pages.api, dependencies=[program_api.ByToken])
    app.include_router(key_pages.router)
    for each in _PAGES:
        app.include_router(each.router)
    return app


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Role[InspectorStore]]:
    """The role as its settings say."""
    config = load(settings.district_toml)
    zone = ZoneInfo(config.time_zone)
    schools = [school.id for school in config.schools]
    bus = Bus("inspector", settings)
    pool = await open_pool(settings.database_url.get_secret_value(), "report")
    units = PgUnits(pool, "inspector", lambda conn: InspectorStore(conn, zone))
    no_link_to_itself = settings.model_copy(update={"dashboard_url": ""})
    sign_ins = InDatabase(PgUnits(pool, "inspector", lambda conn: SignInStore("inspector", conn)))
    web = Web(no_link_to_itself, config, PACKAGE, SECTIONS, N_("Footage dashboard"), sign_ins)
    views = Views(pool, config, settings.cut_off_seconds)
    coverage = Coverage(bus, units, views, config, settings.gap_seconds)
    inspections = Inspections(pool, units, views, coverage, web, config, settings)
    live = Live()
    glances = Glances(pool, views, config, settings.gap_seconds)
    answers = Answers(pool, views, config)
    events = EventStream(bus)
    tokens = Tokens(pool)
    outward = (tokens, events, Webhooks(pool), Notices(pool), OwnKeys(units, web.people))
    room = Room(web, config, settings, units, views, inspections, live, glances, answers, bus, *outward)

    telemetry = make_telemetry("inspector")
    measures = Measures(pool, telemetry.registry, settings.cut_off_seconds)

    registered = Register(units, views, config)

    async def prepare() -> None:
        async with units.begin() as store:
            await rules.publish(store, schools, store.clock())
        await registered.turn()

    async def count_days() -> None:
        changed = await registered.turn()
        async with units.begin() as store:
            waiting = schools if changed else await held.uncounted(store, schools)
        for school in waiting:
            async with units.begin() as store:
                await held.recount(store, school)

    async def watch() -> None:
        await look(units, schools, settings)
        async with units.begin() as store:
            for school in schools:
                await mark_planned(store, school)
            await look_for_signatures(store, schools, settings)

    async def inspect() -> None:
        await keep(units, schools, settings, inspections)

    try:
        await prepare()
        yield Role(
            "inspector",
            settings,
            bus,
            units,
            HANDLERS,
            BATCHES,
            loops=(
                Loop("look", settings.look_seconds, watch),
                Loop("coverage", settings.coverage_seconds, coverage.refresh_stale),
                Loop("schedule", SCHEDULE_SECONDS, inspect),
                Loop("held", SCHEDULE_SECONDS, count_days),
                Loop("live", settings.live_seconds, live.turn),
                Loop("streams", 0, live.until_stopped),
                Loop("events", settings.live_seconds / 4, events.turn),
                Loop("event-streams", 0, events.until_stopped),
                Loop("measures", settings.look_seconds, measures.turn),
            ),
            http=make_http(room, pool),
            telemetry=telemetry,
            answers=(*answers.on_the_bus(), TokenTasks(tokens, schools).on_the_bus()),
        )
    finally:
        await pool.close()


def main() -> None:
    """Run it."""
    role.main(Settings, build)


if __name__ == "__main__":
    main()
