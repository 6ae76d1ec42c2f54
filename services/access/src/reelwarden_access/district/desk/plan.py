"""A school's floor plan, and where its cameras are on it (R4.2: chosen by their places). Pure rules."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from reelwarden_access.district.desk.attachment import MB, Limits
from reelwarden_common.district import Camera, PersonRole
from reelwarden_common.web.refusals import Wrong
from reelwarden_common.web.text import N_, Text

MAY_DRAW = (PersonRole.SAFETY,)
"""Whoever keeps the camera register."""
LIMITS = Limits(each=8 * MB, in_all=8 * MB, most=1)
SHOWN_WIDTH = 900
"""CSS pixels of the plan on which one clicks: without a script, only a known width tells where."""
_WHOLE = 100.0
_UNITS = 1000
"""Of a drawing's width, so that no letter in it is smaller than browsers for Chinese allow."""


@dataclass(frozen=True)
class Plan:
    """A picture, without its bytes."""

    school: str
    media_type: str
    width: int
    height: int
    digest: str

    @property
    def wide(self) -> int:
        """Its width in the drawing's own units."""
        return _UNITS

    @property
    def tall(self) -> float:
        """Its height in the same."""
        return round(self.height / self.width * _UNITS, 2)


@dataclass(frozen=True)
class Mark:
    """A camera on the plan; x and y are hundredths of its width and height."""

    camera: str
    x: float
    y: float


@dataclass(frozen=True)
class Drawn:
    """A camera as it is shown: by its number in the school's list."""

    number: int
    camera: Camera
    mark: Mark | None


def drawn(cameras: Sequence[Camera], marks: Collection[Mark]) -> list[Drawn]:
    """All cameras with their numbers; marks of cameras that are gone are not shown."""
    by_camera = {mark.camera: mark for mark in marks}
    return [Drawn(number, c, by_camera.get(c.id)) for number, c in enumerate(cameras, start=1)]


def clicked(camera: str, at: tuple[float, float], plan: Plan) -> Mark:
    """Where somebody clicked on the plan as it is shown, in CSS pixels from its upper left."""
    height = SHOWN_WIDTH * plan.height / plan.width
    return mark(camera, at[0] / SHOWN_WIDTH * _WHOLE, at[1] / height * _WHOLE)


def mark(camera: str, x: float, y: float) -> Mark:
    """A mark that lies on the plan.

    Raises:
        Wrong: it lies beside it.
    """
    if not (math.isfinite(x) and math.isfinite(y) and 0 <= x <= _WHOLE and 0 <= y <= _WHOLE):
        text = Text(N_("A place on the plan is two numbers from 0 to 100: from the left, and from the top."))
        raise Wrong("not_on_plan", text, "R4.2")
    return Mark(camera, round(x, 2), round(y, 2))


def written_marks(cameras: Sequence[Camera], form: Mapping[str, str]) -> list[Mark]:
    """The marks as the fields say; a camera whose fields are empty is not on the plan.

    Raises:
        Wrong: something is no number, or lies beside the plan.
    """
    found = []
    for camera in cameras:
        x, y = (form.get(f"{axis}.{camera.id}", "").strip() for axis in "xy")
        if x or y:
            found.append(mark(camera.id, number(x), number(y)))
    return found


def number(text: str) -> float:
    """What somebody wrote, as a number; beside the plan where it is none."""
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return math.nan
