"""What the routes work with, and who may see what."""

import json
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Annotated
from zoneinfo import ZoneInfo

import asyncpg
from fastapi import Depends, Request

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.district import DistrictConfig, PersonRole
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.messaging.units import Units
from reelwarden_common.role import Bus
from reelwarden_common.web import N_, Denied, Missing, Person, Text, Web, Wrong
from reelwarden_report.district.inspector import words
from reelwarden_report.district.inspector.answers import Answers
from reelwarden_report.district.inspector.domain import waits_at_the_desk
from reelwarden_report.district.inspector.event_stream import EventStream
from reelwarden_report.district.inspector.glance import Glances
from reelwarden_report.district.inspector.inspection import Inspections
from reelwarden_report.district.inspector.live import Live
from reelwarden_report.district.inspector.notices import Notices
from reelwarden_report.district.inspector.own_keys import OwnKeys
from reelwarden_report.district.inspector.settings import Settings
from reelwarden_report.district.inspector.shapes import FindingView
from reelwarden_report.district.inspector.store import InspectorStore
from reelwarden_report.district.inspector.tokens import Tokens
from reelwarden_report.district.inspector.views import Views
from reelwarden_report.district.inspector.webhooks import Webhooks

VIEWERS = (
    PersonRole.LEADER,
    PersonRole.SAFETY,
    PersonRole.AUDITOR,
    PersonRole.DISTRICT_OFFICER,
    PersonRole.DISTRICT_OPERATOR,
)
"""Who sees a school's state and reports (R5.1); applicants, reception and retrievers do not."""
INSPECTORS = (PersonRole.SAFETY, PersonRole.DISTRICT_OFFICER)
"""Who inspects and closes findings: the safety department (R5.1)."""
SETTLERS = (PersonRole.DISTRICT_OFFICER, PersonRole.DISTRICT_OPERATOR)
"""Who has dead letters handled again or dismissed: those who run the district."""
_NO_RIGHT = Text(N_("Your account has no right to this."))


@dataclass
class Room:
    """Everything behind the inspector's pages."""

    web: Web
    config: DistrictConfig
    settings: Settings
    units: Units[InspectorStore]
    views: Views
    inspections: Inspections
    live: Live
    glances: Glances
    answers: Answers
    bus: Bus
    tokens: Tokens
    events: EventStream
    webhooks: Webhooks
    notices: Notices
    keys: OwnKeys
    clock: Clock = system_clock

    @property
    def pool(self) -> asyncpg.Pool:
        """For reading alone."""
        return self.glances.pool

    @property
    def zone(self) -> ZoneInfo:
        """The district's."""
        return ZoneInfo(self.config.time_zone)

    def schools_of(self, person: Person, *roles: PersonRole) -> list[str]:
        """The schools where a person has one of the roles, in the order of `district.toml`."""
        return [s.id for s in self.config.schools if person.holds(s.id, *roles)]

    def seen_by(self, person: Person, school: str | None = None) -> list[str]:
        """Whose facts this person may see: all their schools, or the one asked for.

        Raises:
            Denied: none.
            Missing: not that one.
        """
        seen = self.schools_of(person, *VIEWERS)
        if not seen:
            raise Denied("no_right", _NO_RIGHT, "R3.3")
        if person.holds(DISTRICT_SCHOOL, *VIEWERS):
            seen = [*seen, DISTRICT_SCHOOL]
        if school is None:
            return seen
        if school not in seen:
            raise Missing
        return [school]

    def must_know(self, school: str) -> None:
        """The district's roles count everywhere, but only where there is a school.

        Raises:
            Missing: there is none of that id.
        """
        if school not in {one.id for one in self.config.schools}:
            raise Missing

    def closing(self, person: Person) -> list[str]:
        """Whose findings this person may close; the district's own are the district officer's."""
        own = self.schools_of(person, *INSPECTORS)
        return [*own, DISTRICT_SCHOOL] if person.holds(DISTRICT_SCHOOL, *INSPECTORS) else own

    def must_inspect(self, person: Person, school: str) -> None:
        """Only the safety department inspects, at its own school.

        Raises:
            Denied: not this person, not there.
        """
        if not person.holds(school, *INSPECTORS):
            raise Denied("no_right", _NO_RIGHT, "R5.1")

    def must_not_wait(self, kind: str, facts: str) -> None:
        """A stopped erasure is over by a deed at the desk only.

        Raises:
            Wrong: it waits there.
        """
        if waits_at_the_desk(kind, json.loads(facts)):
            waits = N_("It waits for a district officer, on the desk's page Alarms.")
            raise Wrong("waits_at_the_desk", Text(waits), "R3.1")

    def must_settle(self, person: Person) -> None:
        """Only those who run the district settle dead letters, of whatever school.

        Raises:
            Denied: not this person.
        """
        if not person.holds(DISTRICT_SCHOOL, *SETTLERS):
            raise Denied("no_right", _NO_RIGHT, "R4.1")

    def school_name(self, school: str) -> str:
        """A school's name, or the district's."""
        for one in self.config.schools:
            if one.id == school:
                return one.name
        return self.config.name

    def camera_name(self, school: str, camera: str | None) -> str:
        """A camera's name; ids that the register does not know stay ids."""
        return self._camera_names.get((school, camera or ""), camera or "")

    @cached_property
    def _camera_names(self) -> dict[tuple[str, str], str]:
        return {(one.id, each.id): each.name for one in self.config.schools for each in one.cameras}

    @cached_property
    def school_ids(self) -> frozenset[str]:
        """All schools."""
        return frozenset(school.id for school in self.config.schools)

    @cached_property
    def watched(self) -> list[str]:
        """All schools, and the district itself."""
        return [*(school.id for school in self.config.schools), DISTRICT_SCHOOL]

    def worded(self, finding: FindingView, language: str) -> FindingView:
        """A finding with its sentence in a language."""
        names = partial(self.camera_name, finding.school)
        text = self.web.say_in(language, words.sentence(finding.kind, finding.facts, self.zone, names))
        return finding.model_copy(update={"text": text})


def _room(request: Request) -> Room:
    room: Room = request.app.state.room
    return room


InRoom = Annotated[Room, Depends(_room)]
"""For routes: what they work with."""
