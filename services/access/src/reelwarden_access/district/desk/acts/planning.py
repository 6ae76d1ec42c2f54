"""A school's floor plan: put up, marked, looked at (R4.2)."""

from collections.abc import Collection, Sequence

from reelwarden_access.district.desk.desk import Work
from reelwarden_access.district.desk.plan import MAY_DRAW, Mark, Plan
from reelwarden_access.district.desk.reading import check_school
from reelwarden_common.web.refusals import Denied, Missing, Wrong
from reelwarden_common.web.text import N_, Text


async def put(work: Work, plan: Plan, picture: bytes) -> None:
    """Put up a plan, in place of the one before."""
    check_drawing(work, plan.school)
    actor = await work.actor(plan.school)
    await work.store.plans.put(plan, picture, actor.id, work.now)


async def place(work: Work, school: str, marks: Sequence[Mark], *, all_of_them: bool) -> None:
    """Put cameras on the plan; where these are all, the others are taken off it."""
    check_drawing(work, school)
    if not await work.store.plans.of([school]):
        text = Text(N_("This school has no floor plan yet: please put one up first."))
        raise Wrong("no_plan", text, "R4.2", status=409)
    actor = await work.actor(school)
    if all_of_them:
        await work.store.plans.keep_only(school, [mark.camera for mark in marks])
    for mark in marks:
        await work.store.plans.place(school, mark, actor.id, work.now)


def check_drawing(work: Work, school: str) -> None:
    """The safety department keeps the plan, as it keeps the register of cameras.

    Raises:
        Missing: there is no such school. Denied: it is not theirs.
    """
    if school not in {one.id for one in work.config.schools}:
        raise Missing
    if not work.who.holds(school, *MAY_DRAW):
        text = Text(N_("Only the safety department of this school changes its floor plan (R3.3)."))
        raise Denied("not_safety", text, "R3.3")


async def of(work: Work, schools: Collection[str]) -> tuple[dict[str, Plan], dict[str, list[Mark]]]:
    """Plans and marks of schools where the person has a role."""
    for school in schools:
        await check_school(work, school)
    return await work.store.plans.of(schools), await work.store.plans.marks(schools)


async def picture(work: Work, school: str) -> tuple[str, bytes]:
    """A plan's media type and bytes, for those who have a role at the school."""
    await check_school(work, school)
    found = await work.store.plans.picture(school)
    if found is None:
        raise Missing
    return found
