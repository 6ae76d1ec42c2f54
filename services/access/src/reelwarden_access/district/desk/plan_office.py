"""What can be done with floor plans, each act in its transaction, with refusals recorded."""

import hashlib
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.datastructures import UploadFile

from reelwarden_access.district.desk.acts import planning
from reelwarden_access.district.desk.desk import About, Desk, Work
from reelwarden_access.district.desk.paper_looker import redrawn
from reelwarden_access.district.desk.plan import LIMITS, Mark, Plan
from reelwarden_access.district.desk.uploads import looked_at
from reelwarden_common.web import Person


class Plans:
    """Floor plans of schools.

    Args:
        desk: Lets people act.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.config = desk.config

    async def put(self, who: Person, school: str, files: Sequence[UploadFile]) -> None:
        """Put up a plan: drawn anew, so that nothing that was hidden in the file is kept."""

        async def allowed(work: Work) -> None:
            planning.check_drawing(work, school)

        await self._desk.perform(who, About("plan", school=school), allowed)
        async with looked_at(files, LIMITS) as papers:
            with TemporaryDirectory(prefix="reelwarden-") as folder:
                target = Path(folder) / "drawn"
                for paper in papers:
                    width, height, kind = await redrawn(paper.name, paper.path, target)
                    picture = target.read_bytes()
                    plan = Plan(school, kind, width, height, hashlib.sha256(picture).hexdigest())
                    act = partial(planning.put, plan=plan, picture=picture)
                    await self._desk.perform(who, About("plan", school=school), act)

    async def place(self, who: Person, school: str, marks: Sequence[Mark], *, all_of_them: bool) -> None:
        """Put cameras on the plan."""
        act = partial(planning.place, school=school, marks=marks, all_of_them=all_of_them)
        await self._desk.perform(who, About("plan", school=school), act)

    async def of(
        self, who: Person, schools: Collection[str]
    ) -> tuple[dict[str, Plan], dict[str, list[Mark]]]:
        """Plans and marks of some schools."""
        about = About("read_plan", school=next(iter(schools), None))
        return await self._desk.perform(who, about, partial(planning.of, schools=schools))

    async def picture(self, who: Person, school: str) -> tuple[str, bytes]:
        """A plan's media type and bytes."""
        about = About("read_plan", school=school)
        return await self._desk.perform(who, about, partial(planning.picture, school=school))
