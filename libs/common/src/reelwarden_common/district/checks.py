"""What only the whole file can know: ids that clash, periods below the floor, folders that overlap."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from reelwarden_common.district.choices import Layout, PersonRole
from reelwarden_common.district.models import DistrictFile, Person, School
from reelwarden_common.district.problems import Problem, closest
from reelwarden_common.district.toml_lines import KeyPath
from reelwarden_common.events.base import DISTRICT_SCHOOL


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


def problems(file: DistrictFile, folder: Path) -> Iterator[Problem]:
    """Find what is wrong between tables; `folder` is where the file lies."""
    yield from _same_ids(file.schools, ("schools",), "学校", "school")
    yield from _same_ids(file.people, ("people",), "人员", "person")
    for index, school in enumerate(file.schools):
        cameras: KeyPath = ("schools", index, "cameras")
        yield from _same_ids(school.cameras, cameras, "摄像机", "camera")
        yield from _same_recordings(school, cameras)
    yield from _below_floor(file)
    yield from _overlapping_storage(file.schools, folder)
    schools = [school.id for school in file.schools]
    for index, person in enumerate(file.people):
        yield from _unknown_roles(person, schools, ("people", index, "roles"))


def _same_ids(things: Iterable[_HasId], path: KeyPath, zh: str, en: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, thing in enumerate(things):
        if thing.id in seen:
            yield Problem(
                (*path, index, "id"),
                f"{zh}编号 {thing.id!r} 已经用过，请另取一个。",
                f"another {en} above has the id {thing.id!r} already: choose a different one.",
            )
        seen.add(thing.id)


def _same_recordings(school: School, path: KeyPath) -> Iterator[Problem]:
    """Two cameras that read the same files would each claim them."""
    seen: dict[tuple[str, ...], str] = {}
    for index, camera in enumerate(school.cameras):
        recorder = camera.recorder
        names = recorder.source
        if recorder.layout is Layout.TEMPLATE:
            names = recorder.template.replace("{source}", recorder.source)
        files = (recorder.layout, str(Path(recorder.folder)), names)
        if files in seen:
            yield Problem(
                (*path, index, "recorder"),
                f"与摄像机 {seen[files]!r} 读取同样的文件：每台摄像机要有自己的 folder、source 或 template。",
                f"reads the same files as camera {seen[files]!r}: give each its own folder, source or "
                "template.",
            )
        seen.setdefault(files, camera.id)


def _below_floor(file: DistrictFile) -> Iterator[Problem]:
    floor = file.retention.floor_days
    asked: list[tuple[KeyPath, int | None]] = [(("retention",), file.retention.keep_days)]
    for number, school in enumerate(file.schools):
        path: KeyPath = ("schools", number)
        asked.append((path, school.keep_days))
        asked += [((*path, "cameras", n), camera.keep_days) for n, camera in enumerate(school.cameras)]
    for path, days in asked:
        if days is not None and days < floor:
            yield Problem(
                (*path, "keep_days"),
                f"保存 {days} 天低于下限 {floor} 天（R3.1；《公共安全视频图像信息系统管理条例》第十七条："
                f"不少于 30 日）。请改为 {floor} 或更多。",
                f"keeping {days} days is below floor_days = {floor} (R3.1; 公共安全视频图像信息系统管理条例 "
                f"art. 17: 30 days at least): write {floor} or more.",
            )


def _overlapping_storage(schools: tuple[School, ...], folder: Path) -> Iterator[Problem]:
    """One school's roles must never walk through another's footage."""
    roots = [(folder / school.storage).resolve() for school in schools]
    for index, root in enumerate(roots):
        for other, school in zip(roots[:index], schools, strict=False):
            if root.is_relative_to(other) or other.is_relative_to(root):
                yield Problem(
                    ("schools", index, "storage"),
                    f"存储目录与学校 {school.id!r} 的 {school.storage!r} 重叠：每所学校要有自己的目录。",
                    f"overlaps {school.storage!r} of school {school.id!r}: give each school a folder of its "
                    "own, neither inside the other.",
                )


def _unknown_roles(person: Person, schools: list[str], path: KeyPath) -> Iterator[Problem]:
    for index, text in enumerate(person.roles):
        place, _, name = text.partition(":")
        at_district = place == DISTRICT_SCHOOL
        allowed = [role.value for role in PersonRole if role.of_district is at_district]
        where: KeyPath = (*path, index)
        if not at_district and place not in schools:
            hint = closest(place, schools)
            yield Problem(
                where,
                f"{text!r}：没有学校 {place!r}{hint.zh}。写法：学校编号:角色，或 district:角色。",
                f"{text!r}: there is no school {place!r}{hint.en}; write <school id>:<role> or "
                "district:<role>.",
            )
        elif name not in allowed:
            hint = closest(name, allowed)
            yield Problem(
                where,
                f"{text!r}：{place} 没有角色 {name!r}{hint.zh}。可选：{', '.join(allowed)}。",
                f"{text!r}: {place} has no role {name!r}{hint.en}; choose from {', '.join(allowed)}.",
            )
