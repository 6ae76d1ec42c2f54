"""Step 7: a school's line is cut while its cameras write; afterwards nothing is missing, nothing double."""

import asyncio
from datetime import UTC, datetime

from reelwarden_local.demo.scene import OTHER, SCHOOL, Scene
from reelwarden_local.demo.story import Story
from reelwarden_local.demo.witness import until
from reelwarden_local.words import Words

CUT_SECONDS = 12
"""At least one whole segment of every camera is closed meanwhile."""


async def cut(scene: Scene, story: Story) -> None:
    """Cut, shown as cut off, mended, complete."""
    school = OTHER if scene.sample else SCHOOL
    officer = await scene.person("he.qu")

    async def state() -> str:
        shown = await officer.get(f"/api/schools/{school}", at="dashboard")
        return str(shown["state"])

    before = await state()
    began = datetime.now(UTC)
    await scene.stack.bus.links[school].cut()

    async def unknown() -> bool:
        return await state() == "unknown"

    story.prove(
        "R4.1 R5.1",
        "断网后，区里看到该校“断联，状态未知”，而不是正常",
        "with its line cut the district shows the school as cut off, state unknown, never green",
        holds=await until(Words("该校显示为断联", "the school to be shown as cut off"), unknown),
        before=before,
    )
    await asyncio.sleep(max(0.0, CUT_SECONDS - (datetime.now(UTC) - began).total_seconds()))
    await scene.stack.bus.links[school].restore()
    mended = datetime.now(UTC)

    async def known() -> bool:
        return await state() != "unknown"

    await until(Words("该校重新联通", "the school to be heard again"), known, seconds=60)
    if scene.sample is None:
        story.not_shown(
            "R3.2", "断网期间录下的录像补齐", "footage recorded while cut off, complete afterwards"
        )
        return
    manifest = scene.sample.manifests[school]
    during = sum(1 for w in manifest if began <= w.closed_at <= mended)
    files, missing, double = await scene.witness.nothing_missing(school, manifest, mended)
    story.prove(
        "R3.2 R4.1",
        "恢复后与录像机清单逐一核对：不缺一段，不重一段",
        "back again, checked against the recorder's manifest: nothing missing, nothing double",
        holds=during > 0 and missing == 0 and double == 0,
        written_while_cut=during,
        files=files,
        missing=missing,
        double=double,
    )
