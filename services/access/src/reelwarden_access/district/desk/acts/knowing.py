"""Who knows the rules in force, and who has not acknowledged them yet (R6, R7)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from reelwarden_access.district.desk.desk import Work
from reelwarden_access.district.desk.store import DeskStore
from reelwarden_common.district import DistrictConfig, PersonRole
from reelwarden_common.events.access import TrainingCounted
from reelwarden_common.web import Denied, Person, Text
from reelwarden_common.web.text import N_

MUST_KNOW = (
    PersonRole.APPLICANT,
    PersonRole.LEADER,
    PersonRole.SAFETY,
    PersonRole.RETRIEVER,
    PersonRole.RECEPTION,
    PersonRole.AUDITOR,
)
"""Whoever applies for footage, decides about it, handles it or looks after that is trained."""
MAY_LOOK = (PersonRole.LEADER, PersonRole.SAFETY, PersonRole.DISTRICT_OFFICER)


@dataclass(frozen=True)
class Pupil:
    """One person who must know the rules."""

    name: str
    unit: str
    roles: tuple[PersonRole, ...]
    version: int | None
    """The newest that they acknowledged; None: none ever."""
    at: datetime | None


@dataclass(frozen=True)
class SchoolTraining:
    """One school's people, those who have not acknowledged the version in force first."""

    school: str
    name: str
    version: int
    people: tuple[Pupil, ...]

    @property
    def missing(self) -> int:
        """How many have not."""
        return sum((one.version or 0) < self.version for one in self.people)


def staff_of(school: str, people: Collection[Person]) -> list[Person]:
    """Who has a role at the school itself."""
    return [one for one in people if any(g.school == school and g.role in MUST_KNOW for g in one.grants)]


async def of_own_schools(work: Work, people: Collection[Person]) -> list[SchoolTraining]:
    """Every school that whoever asks leads or looks after.

    Raises:
        Denied: none.
    """
    schools = [s for s in work.config.schools if work.who.holds(s.id, *MAY_LOOK)]
    if not schools:
        raise Denied("no_right", Text(N_("Your account has no right to this.")), "R7")
    version = await work.store.people.rules_version(work.now)
    found = []
    for school in schools:
        staff = staff_of(school.id, people)
        pupils = await _pupils(work.store, school.id, staff)
        pupils = sorted(pupils, key=lambda one: ((one.version or 0) >= version, one.unit, one.name))
        found.append(SchoolTraining(school.id, school.name, version, tuple(pupils)))
    return found


async def _pupils(store: DeskStore, school: str, staff: Sequence[Person]) -> list[Pupil]:
    known = await store.people.acknowledged([one.id for one in staff])
    return [
        Pupil(
            one.name,
            one.unit,
            tuple(
                role for role in MUST_KNOW if any((g.school, g.role) == (school, role) for g in one.grants)
            ),
            *known.get(one.id, (None, None)),
        )
        for one in staff
    ]


async def tell(store: DeskStore, config: DistrictConfig, people: Collection[Person]) -> None:
    """Say of each school how many know the rules in force, when that has changed; never who."""
    version = await store.people.rules_version(store.clock())
    for school in config.schools:
        staff = [one.id for one in staff_of(school.id, people)]
        known = await store.people.acknowledged(staff)
        knowing = sum(known.get(one, (0, None))[0] >= version for one in staff)
        counted = TrainingCounted(rules_version=version, people=len(staff), acknowledged=knowing)
        if await store.people.counted(school.id, counted):
            store.publish(school.id, counted)
