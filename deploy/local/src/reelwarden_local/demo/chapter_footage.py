"""Steps 1 and 2: recorders write, the readable is indexed, the rest reported, the gap found."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from reelwarden_local.demo.own import OwnFootage
from reelwarden_local.demo.sample import Past, SampleRecorders
from reelwarden_local.demo.scene import OTHER, SCHOOL, Scene
from reelwarden_local.demo.story import Story
from reelwarden_local.demo.witness import until
from reelwarden_local.recorders.manifest import FileKind
from reelwarden_local.words import Words

_REASONS = {
    FileKind.TRUNCATED: "truncated",
    FileKind.EMPTY: "empty",
    FileKind.UNREADABLE_TIME: "unreadable-time",
}


async def recorded(scene: Scene, story: Story) -> None:
    """What the recorders wrote, and that they go on."""
    if scene.sample is None or scene.past is None:
        for school in scene.stack.config.schools:
            for camera in school.cameras:
                story.note(
                    f"{camera.name}：{camera.recorder.layout} {camera.recorder.folder}",
                    f"{camera.name}: {camera.recorder.layout} {camera.recorder.folder}",
                )
        story.not_shown("R2", "两校录像机实时录像", "recorders of two schools writing live")
        return
    for school in scene.stack.config.schools:
        written = list(scene.sample.manifests[school.id])
        kinds = Counter(w.kind for w in written)
        layouts = {c.recorder.layout.value for c in school.cameras}
        story.prove(
            "R2",
            f"{school.name}：{len(school.cameras)} 路摄像头写出 H.264 录像，清单在案",
            f"{school.name}: {len(school.cameras)} cameras write H.264; the manifest lists every file",
            holds=kinds[FileKind.GOOD] > 0 and len(layouts) == len(school.cameras),
            good=kinds[FileKind.GOOD],
            bad=sum(kinds.values()) - kinds[FileKind.GOOD],
            layouts=",".join(sorted(layouts)),
        )


async def indexed(scene: Scene, story: Story) -> None:
    """What the district knows of it."""
    if scene.own is not None:
        await _indexed_own(scene, scene.own, story)
    if scene.sample is None or scene.past is None:
        return
    for school in (SCHOOL, OTHER):
        now = datetime.now(UTC)
        files, missing, double = await scene.witness.nothing_missing(
            school, scene.sample.manifests[school], now
        )
        story.prove(
            "R3.2 R4.1",
            f"{school}：清单中每一段可读录像都已编目，有起止、编码、大小、SHA-256",
            f"{school}: every readable file is indexed with start, duration, codec, size, SHA-256",
            holds=files > 0 and missing == 0 and double == 0,
            files=files,
            missing=missing,
            double=double,
        )
    await _bad_files(scene, scene.sample, story)
    await _gap(scene, scene.past, story)


async def _indexed_own(scene: Scene, own: OwnFootage, story: Story) -> None:
    rows = await scene.witness.indexed(SCHOOL)
    rejected = await scene.witness.value("SELECT count(*) FROM ingest.rejected WHERE school = $1", SCHOOL)
    missing = await scene.witness.unaccounted(SCHOOL, own.recognised)
    for path in missing[:5]:
        story.note(f"没有下落：{path}", f"unaccounted for: {path}")
    story.prove(
        "R3.2 R4.1",
        "副本中每个文件都有下落：已编目，或不能用并给出原因",
        "every file of the copy is accounted for: indexed, or rejected with a reason",
        holds=bool(rows) and not missing,
        files=len(own.recognised),
        segments=len(rows),
        rejected=rejected,
        missing=len(missing),
    )
    if unread := len(own.files) - len(own.recognised):
        story.not_shown("R4.1", f"{unread} 个文件名看不出时间", f"{unread} files whose names tell no time")


async def _bad_files(scene: Scene, sample: SampleRecorders, story: Story) -> None:
    expected = {
        (school, w.path): _REASONS[w.kind]
        for school, manifest in sample.manifests.items()
        for w in manifest
        if w.kind in _REASONS
    }

    async def look() -> dict[tuple[str, str], str] | None:
        rows = await scene.witness.rows("SELECT school, locator, reason FROM ingest.rejected")
        found = {(r["school"], r["locator"]): r["reason"] for r in rows}
        return found if found.keys() >= expected.keys() else None

    found = await until(Words("坏文件进入编目", "the bad files in the index"), look)
    for key, kind in sorted(expected.items()):
        story.prove(
            "R4.1",
            f"坏文件已报告：{key[1]}",
            f"bad file reported: {key[1]}",
            holds=key in found,
            kind=kind,
            reason=found.get(key),
        )


async def _gap(scene: Scene, past: Past, story: Story) -> None:
    officer = await scene.person("chen.an")
    query = (
        f"/api/coverage?school={SCHOOL}&camera=gate"
        f"&start={_z(past.recent_from)}&end={_z(past.now - timedelta(seconds=20))}"
    )
    answer = await officer.get(query)
    gaps = [gap for camera in answer["cameras"] for gap in camera["gaps"]]
    slack = timedelta(seconds=1)
    found = [
        g
        for g in gaps
        if abs(datetime.fromisoformat(g["start"]) - past.gap_from) <= slack
        and abs(datetime.fromisoformat(g["end"]) - past.gap_to) <= slack
    ]
    story.prove(
        "R4.1 R5.1",
        "校门摄像头 40 秒的缺口被找到，起止精确到秒",
        "the gate camera's gap of 40 s is found, to the second",
        holds=len(found) == 1,
        gaps=len(gaps),
    )


def _z(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
