"""What people wrote into a question, as the answers take it; slips are told to them."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from reelwarden_common.errors import Transient
from reelwarden_common.events.backup import CopiesAnswer, CopiesQuery
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.events.report import ErasedQuery
from reelwarden_common.messaging.topology import LEDGER_COPIES
from reelwarden_common.web import N_, Missing, Text, Wrong
from reelwarden_report.district.inspector.room import Room

SECONDS = 5


def erased_query(school: str, camera: str | None, first: date | None, last: date | None) -> ErasedQuery:
    """A question about what was erased.

    Raises:
        Missing: there is no such camera.
    """
    try:
        return ErasedQuery(
            school=school,
            camera=camera or None,
            first_day=str(first) if first else None,
            last_day=str(last) if last else None,
        )
    except ValidationError as error:
        raise Missing from error


async def copies_of(room: Room, school: str, camera: str, start: datetime, end: datetime) -> CopiesAnswer:
    """What the ledger says of the copies of a span; times without a zone are the district's.

    Raises:
        Missing: there is no such camera.
        Wrong: the span ends before it begins, or the ledger does not answer.
    """
    zone: ZoneInfo = room.zone
    first, last = (moment if moment.tzinfo else moment.replace(tzinfo=zone) for moment in (start, end))
    if last <= first:
        raise Wrong("span_backwards", Text(N_("The span must end after it begins.")))
    try:
        query = CopiesQuery(school=school, camera=camera, start=first, end=last)
    except ValidationError as error:
        raise Missing from error
    try:
        return await room.bus.ask(LEDGER_COPIES, DISTRICT_SCHOOL, query, CopiesAnswer, SECONDS)
    except Transient as error:
        text = Text(N_("The backup's ledger does not answer right now. Try again in a moment."))
        raise Wrong("no_answer", text, status=503) from error
