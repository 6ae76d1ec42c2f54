"""`make demo`: the whole story on real servers, in order, with a verdict."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
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
from reelwarden_local.demo.own import OwnFootage
from reelwarden_local.demo.people import People
from reelwarden_local.demo.sample import Past, SampleRecorders
from reelwarden_local.demo.scene import SCHOOL, Scene, Span, own_spans, sample_spans
from reelwarden_local.demo.story import StepFailedError, Story, StoryError
from reelwarden_local.demo.witness import Witness, until
from reelwarden_local.stack import DATABASE, Stack
from reelwarden_local.state_folder import StateFolder, hold_for_demo
from reelwarden_local.words import Words

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


async def play(state: Path, footage: Path | None) -> Story:
    """Play all of it on fresh state and return what was shown.

    Raises:
        ServerError, MigrationError, ConfigError, FootageError, StateFolderError: it could not start.
    """
    story = Story(Console(highlight=False))
    if footage is not None:
        await asyncio.to_thread(own.check, footage, state)
    with hold_for_demo(state) as folder:
        async with _stage(folder, _recordings(state, footage, story), story) as scene:
            await _tell(scene, story)
        story.finish(state / "story.json")
    return story


async def _tell(scene: Scene, story: Story) -> None:
    with contextlib.suppress(StepFailedError):
        for title, chapters in CHAPTERS:
            with story.step(title):
                for chapter in chapters:
                    await chapter(scene, story)


@dataclass(frozen=True)
class Recordings:
    """What is played on: the sample with its past, or somebody's own footage."""

    password: str
    sample: SampleRecorders | None = None
    past: Past | None = None
    own: OwnFootage | None = None


def _recordings(state: Path, footage: Path | None, story: Story) -> Recordings:
    if footage is None:
        story.note("录像机写出过去的录像 …", "recorders write past footage …")
        recorders = sample.prepare(state)
        return Recordings(recorders.password, sample=recorders, past=sample.write_past(recorders))
    found = own.prepare(state, footage)
    files, cameras = len(found.files), len(found.cameras)
    story.note(
        f"使用 {footage} 的副本（{files} 个文件，{cameras} 路摄像头，保留文件时间）；原件只读，不改动",
        f"playing on a copy of {footage} ({files} files, {cameras} cameras, file times kept); "
        "the original is only read, never changed",
    )
    return Recordings(found.password, own=found)


@asynccontextmanager
async def _stage(folder: StateFolder, recordings: Recordings, story: Story) -> AsyncIterator[Scene]:
    def progress(step: Words) -> None:
        story.note(f"启动：{step.zh} …", f"starting {step.en} …")

    state = folder.path
    async with AsyncExitStack() as open_things:
        stack = await open_things.enter_async_context(Stack(state, state / "district.toml", PACE, progress))
        if recordings.sample:
            open_things.push_async_callback(_end, asyncio.create_task(recordings.sample.record()))
        folder.tell(url=stack.desk_url)
        database = await stack.postgres.admin(DATABASE)
        open_things.push_async_callback(database.close)
        storages = {s: stack.config.storage(s) for s in stack.schools}
        witness = Witness(database, storages)
        people = await open_things.enter_async_context(
            People(stack.desk_url, stack.dashboard_url, recordings.password)
        )
        viewed, copied = await _spans(witness, recordings, story)
        story.note(
            f"调取台 {stack.desk_url} · 看板 {stack.dashboard_url}",
            f"desk {stack.desk_url} · dashboard {stack.dashboard_url}",
        )
        yield Scene(
            stack,
            witness,
            people,
            state,
            recordings.sample,
            recordings.past,
            recordings.own,
            viewed,
            copied,
        )


async def _spans(witness: Witness, recordings: Recordings, story: Story) -> tuple[Span, Span]:
    """What will be applied for; of somebody's own footage, once each file is indexed or rejected."""
    if recordings.past is not None:
        return sample_spans(recordings.past)
    files = recordings.own.recognised if recordings.own else frozenset()

    async def accounted() -> bool:
        left = len(await witness.unaccounted(SCHOOL, files))
        if left:
            done = len(files) - left
            story.note(f"已编目 {done}/{len(files)} 个文件 …", f"{done} of {len(files)} files indexed …")
        return not left

    with contextlib.suppress(StoryError):
        what = Words("您的录像编目完成", "your footage to be indexed")
        await until(what, accounted, seconds=60 + 0.2 * len(files), every=5)
    return own_spans(await witness.indexed(SCHOOL))


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
