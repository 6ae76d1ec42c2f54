"""`make demo`: the whole story on real servers, in order, with a verdict."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from rich.console import Console

from reelwarden_local.demo import (
    chapter_backup,
    chapter_cutoff,
    chapter_footage,
    chapter_inspection,
    chapter_retention,
    chapter_retrieval,
    own,
    sample,
)
from reelwarden_local.demo.people import People
from reelwarden_local.demo.sample import Past, SampleRecorders
from reelwarden_local.demo.scene import SCHOOL, Scene, Span, own_spans, sample_spans
from reelwarden_local.demo.story import StepFailedError, Story, Words
from reelwarden_local.demo.witness import Indexed, Witness, until
from reelwarden_local.stack import DATABASE, Stack

PACE = {
    "RW_ALIVE_SECONDS": "2",
    "RW_BACKLOG_SECONDS": "2",
    "RW_CHECKPOINT_SECONDS": "5",
    "RW_COUNT_SECONDS": "5",
    "RW_COVERAGE_SECONDS": "3",
    "RW_CUT_OFF_SECONDS": "8",
    "RW_LOOK_SECONDS": "2",
    "RW_LOST_AFTER_SECONDS": "3",
    "RW_MEASURE_SECONDS": "5",
    "RW_RUN_SECONDS": "5",
    "RW_SAMPLE_OBJECTS": "100",
    "RW_SAMPLE_SECONDS": "5",
    "RW_SCAN_SECONDS": "5",
    "RW_SWEEP_SECONDS": "2",
    "RW_VAULT_SECONDS": "1",
    "RW_VERIFY_SECONDS": "2",
}
"""A school's day in three minutes: loops turn faster; no rule is changed."""

Chapter = Callable[[Scene, Story], Awaitable[None]]
CHAPTERS: tuple[tuple[Words, tuple[Chapter, ...]], ...] = (
    (Words("录像机写下录像", "Recorders write"), (chapter_footage.recorded,)),
    (Words("编目、坏文件、缺口", "Indexed, bad files, gap"), (chapter_footage.indexed,)),
    (Words("申请、保全、拒绝", "Applied for, held, refused"), (chapter_retrieval.applied,)),
    (
        Words("审核、导出、监督查看、拷贝、签字", "Approved, exported, viewed, copied, signed"),
        (chapter_retention.attacked, chapter_retrieval.retrieved),
    ),
    (Words("到期销毁", "Erased on the day"), (chapter_retention.erased,)),
    (
        Words("备份、回读、恢复", "Backed up, read back, restored"),
        (chapter_backup.recorded, chapter_backup.damaged, chapter_backup.lost),
    ),
    (Words("断网与恢复", "Cut off and back"), (chapter_cutoff.cut,)),
    (Words("巡检与书面报告", "Inspection and written report"), (chapter_inspection.inspected,)),
)


def language() -> str:
    """`RW_LANG`, else Chinese."""
    return "en" if os.environ.get("RW_LANG", "zh").startswith("en") else "zh"


async def play(state: Path, footage: Path | None) -> Story:
    """Play all of it on fresh state and return what was shown.

    Raises:
        ServerError, MigrationError, ConfigError, FootageError: it could not start.
    """
    story = Story(language(), Console(highlight=False))
    await asyncio.to_thread(shutil.rmtree, state, ignore_errors=True)
    recorders, past, password = _recordings(state, footage, story)
    async with _stage(state, recorders, past, password, story) as scene:
        await _tell(scene, story)
    story.finish(state / "story.json")
    return story


async def _tell(scene: Scene, story: Story) -> None:
    with contextlib.suppress(StepFailedError):
        for title, chapters in CHAPTERS:
            with story.step(title):
                for chapter in chapters:
                    await chapter(scene, story)


def _recordings(
    state: Path, footage: Path | None, story: Story
) -> tuple[SampleRecorders | None, Past | None, str]:
    if footage is None:
        story.note("录像机写出过去的录像 …", "recorders write past footage …")
        recorders = sample.prepare(state)
        return recorders, sample.write_past(recorders), recorders.password
    password, copied, cameras = own.prepare(state, footage)
    story.note(
        f"使用 {footage} 的副本（{copied} 个文件，{len(cameras)} 路摄像头，保留文件时间）；原件只读，不改动",
        f"playing on a copy of {footage} ({copied} files, {len(cameras)} cameras, file times kept); "
        "the original is only read, never changed",
    )
    return None, None, password


@asynccontextmanager
async def _stage(
    state: Path, recorders: SampleRecorders | None, past: Past | None, password: str, story: Story
) -> AsyncIterator[Scene]:
    def progress(step: str) -> None:
        story.note(f"启动：{step} …", f"starting {step} …")

    async with AsyncExitStack() as open_things:
        stack = await open_things.enter_async_context(Stack(state, state / "district.toml", PACE, progress))
        if recorders:
            open_things.push_async_callback(_end, asyncio.create_task(recorders.record()))
        database = await stack.postgres.admin(DATABASE)
        open_things.push_async_callback(database.close)
        storages = {s: stack.config.storage(s) for s in stack.schools}
        witness = Witness(database, storages)
        people = await open_things.enter_async_context(People(stack.desk_url, stack.dashboard_url, password))
        viewed, copied = sample_spans(past) if past else await _own_spans(witness)
        story.note(
            f"调取台 {stack.desk_url} · 看板 {stack.dashboard_url}",
            f"desk {stack.desk_url} · dashboard {stack.dashboard_url}",
        )
        yield Scene(stack, witness, people, state, recorders, past, viewed, copied)


async def _own_spans(witness: Witness) -> tuple[Span, Span]:
    """Once nothing new was indexed for some seconds."""
    seen: list[int] = []

    async def settled() -> list[Indexed] | None:
        rows = await witness.indexed(SCHOOL)
        seen.append(len(rows))
        same = len(seen) > 3 and len(set(seen[-3:])) == 1  # noqa: PLR2004 - three looks
        return rows if rows and same else None

    return own_spans(await until("your footage to be indexed", settled, seconds=120, every=2))


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
