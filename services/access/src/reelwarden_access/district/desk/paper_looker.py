"""Has files looked at by a process of its own, so that a hostile one harms nothing (R4.2)."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reelwarden_access.district.desk import paper_looks
from reelwarden_common.web.refusals import Wrong
from reelwarden_common.web.text import N_, Text

_WHY = {
    "empty": N_("%(name)s is empty: nothing was attached."),
    "type": N_("%(name)s is no PDF, JPEG or PNG: please scan it, or save it as one of these."),
    "damaged": N_("%(name)s cannot be read, it is damaged: please save or scan it anew."),
    "pixels": N_("%(name)s has more than 50 million pixels: please scan it with fewer dots."),
    "locked": N_("%(name)s is locked with a password: please save it without one."),
    "hides": N_("%(name)s holds another file or a program inside: please scan it anew."),
}
_TURN = asyncio.Semaphore(2)
WALL_SECONDS = 120


class NotTakenFile(Wrong):
    """A file from outside that is none that may be attached."""

    def __init__(self, why: str, name: str) -> None:
        super().__init__(f"file_{why}", Text(_WHY[why], name=name), "R4.2")


async def kinds_of(files: Sequence[tuple[str, Path]]) -> list[str]:
    """The media types of files, given with the names that people see.

    Raises:
        NotTakenFile: the first that may not be taken.
    """
    if not files:
        return []
    said = await _look([str(path) for _, path in files])
    for number, (name, _) in enumerate(files):
        # a process that died of a file has said nothing of it
        why = said[number].get("why") if number < len(said) else "damaged"
        if why:
            raise NotTakenFile(why, name)
    return [str(one["kind"]) for one in said]


async def redrawn(name: str, path: Path, target: Path) -> tuple[int, int, str]:
    """Draw a picture anew; returns its width and height in pixels, and its media type.

    Raises:
        NotTakenFile: it is no picture that may be taken.
    """
    said = await _look(["--redraw", str(path), str(target)])
    if not said or "why" in said[0]:
        raise NotTakenFile(said[0]["why"] if said else "damaged", name)
    width, height, kind = said[0]["drawn"]
    return width, height, kind


async def _look(arguments: Sequence[str]) -> list[dict[str, Any]]:
    command = (sys.executable, "-I", "-m", paper_looks.__name__, *arguments)
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    async with _TURN:
        process = await asyncio.create_subprocess_exec(*command, stdin=nothing, stdout=pipe, stderr=nothing)
        try:
            out, _ = await asyncio.wait_for(process.communicate(), WALL_SECONDS)
        except BaseException:
            process.kill()
            await process.wait()
            raise
    return [json.loads(line) for line in out.splitlines()]
