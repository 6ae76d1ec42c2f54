"""Inspections that make themselves, to be read before 09:00 (R5.1)."""

from datetime import datetime

from reelwarden_common.messaging.units import Units
from reelwarden_common.telemetry import log
from reelwarden_report.district.inspector.domain import kind_of_day
from reelwarden_report.district.inspector.inspection import Inspections, Order
from reelwarden_report.district.inspector.settings import Settings
from reelwarden_report.district.inspector.store import InspectorStore


async def due(units: Units[InspectorStore], schools: list[str], settings: Settings) -> list[Order]:
    """What the schedule still lacks today; a school that was new this morning begins tomorrow."""
    async with units.begin() as store:
        now: datetime = store.clock().astimezone(store.zone)
        start = datetime.combine(now.date(), settings.inspection_time, store.zone)
        if now < start:
            return []
        slots = {school: f"{school}:{now.date()}" for school in schools}
        known = await store.conn.fetch("SELECT school FROM school_state WHERE first_heard < $1", start)
        made = await store.conn.fetch(
            "SELECT slot FROM inspection WHERE slot = ANY($1)", list(slots.values())
        )
    old, filled = {row["school"] for row in known}, {row["slot"] for row in made}
    kind = kind_of_day(now.date())
    return [
        Order(school, kind, slot=slot)
        for school, slot in slots.items()
        if school in old and slot not in filled
    ]


async def keep(
    units: Units[InspectorStore], schools: list[str], settings: Settings, inspections: Inspections
) -> None:
    """Make what is due; one school's failure does not keep the others waiting."""
    for order in await due(units, schools, settings):
        try:
            await inspections.make(order)
        except Exception:  # noqa: BLE001 - tried again at the next turn
            log("inspector").exception("inspection_failed", school=order.school)
