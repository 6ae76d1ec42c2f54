"""Builds the desk."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from reelwarden_access.district.desk import (
    api,
    apply_pages,
    attachment_pages,
    departure_pages,
    deputy_pages,
    draft_pages,
    extension_pages,
    list_pages,
    pages,
    paper_form_pages,
    plan_pages,
    second_factor_pages,
    supervision_pages,
    timeline_pages,
    training_pages,
)
from reelwarden_access.district.desk.acts.releasing import Builder
from reelwarden_access.district.desk.attachment_office import Attachments
from reelwarden_access.district.desk.departure_office import Departures
from reelwarden_access.district.desk.deputy_office import Deputies
from reelwarden_access.district.desk.desk import Desk
from reelwarden_access.district.desk.drafts import Drafts
from reelwarden_access.district.desk.extension_office import ExtensionOffice
from reelwarden_access.district.desk.handlers import HANDLERS
from reelwarden_access.district.desk.office import Office
from reelwarden_access.district.desk.paper_form_office import PaperForms
from reelwarden_access.district.desk.plan_office import Plans
from reelwarden_access.district.desk.second_factor_office import SecondFactors
from reelwarden_access.district.desk.settings import Settings
from reelwarden_access.district.desk.sheets import Sheets
from reelwarden_access.district.desk.store import DeskStore
from reelwarden_access.district.desk.supervision_office import SupervisionOffice
from reelwarden_access.district.desk.uploads import TAKES_FILES, heard_out
from reelwarden_common import district, role
from reelwarden_common.messaging.postgres import PgUnits, open_pool
from reelwarden_common.role import Bus, Loop, Role
from reelwarden_common.s3 import S3
from reelwarden_common.settings import S3Settings
from reelwarden_common.telemetry import VERSION
from reelwarden_common.web import Web
from reelwarden_common.web.sign_ins import InDatabase, SignInStore
from reelwarden_common.web.signing import key_pages
from reelwarden_common.web.text import N_

PACKAGE = "reelwarden_access.district.desk"
TITLE = N_("Footage retrieval desk")
ABOUT = (
    "Applications for footage, approvals, supervised viewing, copies, records (R4.2, R4.3, R4.4)."
    " Sign in with POST /api/session; every refusal names its rule and is recorded."
)


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Role[DeskStore]]:
    """The desk with its pages, its API and its deadlines."""
    config = district.load(settings.district_toml)
    bus = Bus("desk", settings)
    pool = await open_pool(settings.database_url.get_secret_value(), "access")
    s3 = S3(S3Settings.read(), threads=8)
    units = PgUnits(pool, "desk", DeskStore)
    no_link_to_itself = settings.model_copy(update={"desk_url": ""})
    sign_ins = InDatabase(PgUnits(pool, "desk", lambda conn: SignInStore("desk", conn)))
    web = Web(no_link_to_itself, config, PACKAGE, pages.SECTIONS, TITLE, sign_ins)
    desk = Desk(units, config, settings.rules(), web.people)
    web.people.tell = desk.guessed_at
    factor_key = (settings.second_factor_key or settings.session_key).get_secret_value()
    factors = SecondFactors(desk, sign_ins, factor_key, demand=settings.second_factor == "demand")
    web.second = factors
    deputies = Deputies(desk)
    web.as_now = deputies.as_now
    sheets = Sheets(web.say_in, config.time_zone)
    builder = Builder(s3, bus, settings.packages_dir, settings.desk_key)
    office = Office(desk, bus, builder, sheets, timedelta(days=settings.attachment_days))
    limits = settings.attachment_limits()
    http = web.make_app(VERSION, ABOUT, longer_bodies={TAKES_FILES: heard_out(limits)})
    http.state.office, http.state.s3 = office, s3
    http.state.keys = office
    http.state.drafts = Drafts(desk)
    http.state.attachments = Attachments(desk, limits)
    http.state.paper_forms = PaperForms(desk, builder.checkpoint)
    http.state.second_factors = factors
    http.state.departures = Departures(desk, web.sessions.mark)
    http.state.deputies = deputies
    http.state.plans = Plans(desk)
    http.state.extensions = ExtensionOffice(desk, sheets, builder.checkpoint)
    http.state.supervisions = SupervisionOffice(desk, s3)
    for part in (
        api,
        apply_pages,
        timeline_pages,
        draft_pages,
        attachment_pages,
        second_factor_pages,
        departure_pages,
        deputy_pages,
        plan_pages,
        paper_form_pages,
        list_pages,
        extension_pages,
        supervision_pages,
        training_pages,
        key_pages,
        pages,
    ):
        http.include_router(part.router)
    try:
        loops = (Loop("lapse", settings.lapse_seconds, office.lapse),)
        yield Role("desk", settings, bus, units, HANDLERS, loops=loops, http=http)
    finally:
        s3.close()
        await pool.close()


def main() -> None:
    """The entry point."""
    role.main(Settings, build)


if __name__ == "__main__":
    main()
