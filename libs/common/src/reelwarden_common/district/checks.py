"""What more than one key must be right for: ids that clash, periods below the floor, folders that overlap.

These look at the file as it was written and pass over what has the wrong shape, which the models tell: so a
slip in one place hides none in another.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from reelwarden_common.district.choices import KEY_TARGET_DAYS, Layout, PersonRole
from reelwarden_common.district.models import OIDC_ACCOUNT, RecorderSettings, Retention, is_school_id
from reelwarden_common.district.problems import Problem, closest
from reelwarden_common.district.template import undetermined
from reelwarden_common.district.toml_lines import KeyPath
from reelwarden_common.events.base import DISTRICT_SCHOOL


class _Table(NamedTuple):
    """A table as it was written, and where."""

    path: KeyPath
    values: dict[str, Any]

    def tables(self, key: str) -> list["_Table"]:
        """The tables of a list."""
        found = self.values.get(key)
        items = enumerate(found) if isinstance(found, list) else ()
        return [_Table((*self.path, key, n), item) for n, item in items if isinstance(item, dict)]

    def table(self, key: str) -> "_Table":
        """One table, empty where there is none."""
        found = self.values.get(key)
        return _Table((*self.path, key), found if isinstance(found, dict) else {})

    def text(self, key: str) -> str:
        """A text, empty where there is none."""
        found = self.values.get(key)
        return found if isinstance(found, str) else ""

    def number(self, key: str, default: int | None = None) -> int | None:
        """A whole number above nought."""
        found = self.values.get(key, default)
        return found if type(found) is int and found > 0 else None

    def wrong(self, key: str, zh: str, en: str) -> Problem:
        return Problem((*self.path, key), zh, en)


def problems(raw: dict[str, Any], folder: Path) -> Iterator[Problem]:
    """Find what does not fit together; `folder` is where the file lies."""
    file = _Table((), raw)
    schools, people = file.tables("schools"), file.tables("people")
    if raw.get("schools") == []:
        yield file.wrong("schools", "至少要有 1 所学校。", "needs at least 1 entry: describe a school.")
    yield from _same_ids(schools, "学校", "school")
    yield from _same_ids(people, "人员", "person")
    for school in schools:
        cameras = school.tables("cameras")
        yield from _same_ids(cameras, "摄像机", "camera")
        for camera in cameras:
            yield from _names_no_time(camera.table("recorder"))
        yield from _same_recordings(cameras)
    yield from _below_floor(file)
    yield from _key_targets(file)
    yield from _overlapping_storage(schools, folder)
    for person in people:
        yield from _vouched_for(person)
    for whom in (*people, *file.table("oidc").tables("grants")):
        yield from _unknown_roles(whom, [school.text("id") for school in schools])


def _same_ids(things: list[_Table], zh: str, en: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for thing in things:
        name = thing.text("id")
        if name in seen:
            yield thing.wrong(
                "id",
                f"{zh}编号 {name!r} 已经用过，请另取一个。",
                f"another {en} above has the id {name!r} already: choose a different one.",
            )
        seen |= {name} - {""}


def _names_no_time(recorder: _Table) -> Iterator[Problem]:
    layout, template = recorder.text("layout"), recorder.text("template")
    if layout not in list(Layout):
        return
    if layout != Layout.TEMPLATE:
        if template:
            yield recorder.wrong(
                "template",
                f'布局 {layout} 的文件名是固定的：请删去 template，或改用 layout = "template"。',
                f'layout {layout} has names of its own: remove template, or set layout = "template".',
            )
        if layout != Layout.MOTION and not recorder.values.get("source"):
            yield recorder.wrong(
                "source",
                "缺少 source：录像机给这台摄像机起的名字。",
                "source is missing: the recorder's own name of this camera.",
            )
        return
    if "{source}" in template and not recorder.values.get("source"):
        yield recorder.wrong(
            "source",
            "template 用到 {source}，但没有写 source。",
            "template holds {source}, but source is not given.",
        )
    if not isinstance(recorder.values.get("template", ""), str):
        return
    seconds = recorder.number("segment_seconds") or RecorderSettings.model_fields["segment_seconds"].default
    if reason := undetermined(template, seconds):
        yield recorder.wrong("template", *reason)


def _same_recordings(cameras: list[_Table]) -> Iterator[Problem]:
    """Two cameras that read the same files would each claim them."""
    seen: dict[tuple[str, ...], str] = {}
    for camera in cameras:
        recorder = camera.table("recorder")
        names = recorder.text("source")
        if recorder.text("layout") == Layout.TEMPLATE:
            names = recorder.text("template").replace("{source}", names)
        elif recorder.text("layout") == Layout.MOTION:
            names = "*"
        if not names:
            continue
        files = (recorder.text("layout"), str(Path(recorder.text("folder"))), names)
        if files in seen:
            yield camera.wrong(
                "recorder",
                f"与摄像机 {seen[files]!r} 读取同样的文件：每台摄像机要有自己的 folder、source 或 template。",
                f"reads the same files as camera {seen[files]!r}: give each its own folder, source or "
                "template.",
            )
        seen.setdefault(files, camera.text("id"))


def _below_floor(file: _Table) -> Iterator[Problem]:
    floor = file.table("retention").number("floor_days", Retention().floor_days)
    schools = file.tables("schools")
    cameras = [camera for school in schools for camera in school.tables("cameras")]
    for table in (file.table("retention"), *schools, *cameras):
        days = table.number("keep_days")
        if floor and days and days < floor:
            yield table.wrong(
                "keep_days",
                f"保存 {days} 天低于下限 {floor} 天（R3.1；《公共安全视频图像信息系统管理条例》第十七条："
                f"不少于 30 日）。请改为 {floor} 或更多。",
                f"keeping {days} days is below floor_days = {floor} (R3.1; 公共安全视频图像信息系统管理条例 "
                f"art. 17: 30 days at least): write {floor} or more.",
            )


def _key_targets(file: _Table) -> Iterator[Problem]:
    """What is a designated key target keeps 90 days; told where that is said."""
    general = file.table("retention").number("keep_days", Retention().keep_days)
    for school in file.tables("schools"):
        here = school.number("keep_days") or general
        if school.values.get("key_target") is True:
            yield from _too_short_for_a_target(school, here)
        for camera in school.tables("cameras"):
            days = camera.number("keep_days")
            if camera.values.get("key_target") is True:
                yield from _too_short_for_a_target(camera, days or here)
            elif school.values.get("key_target") is True:
                yield from _too_short_for_a_target(camera, days)


def _too_short_for_a_target(table: _Table, days: int | None) -> Iterator[Problem]:
    if days and days < KEY_TARGET_DAYS:
        yield table.wrong(
            "keep_days" if "keep_days" in table.values else "key_target",
            f"防范恐怖袭击重点目标的录像保存不少于 {KEY_TARGET_DAYS} 日（《反恐怖主义法》第三十二条），"
            f"这里是 {days} 天：请写 keep_days = {KEY_TARGET_DAYS} 或更多。",
            f"a key target keeps {KEY_TARGET_DAYS} days at least (反恐怖主义法 art. 32), here it is {days}: "
            f"write keep_days = {KEY_TARGET_DAYS} or more.",
        )


def _overlapping_storage(schools: list[_Table], folder: Path) -> Iterator[Problem]:
    """One school's roles must never walk through another's footage."""
    above: list[tuple[Path, _Table]] = []
    for school in schools:
        storage = school.text("storage")
        if not storage or "\0" in storage:
            continue
        root = (folder / storage).resolve()
        for other, theirs in above:
            if root.is_relative_to(other) or other.is_relative_to(root):
                name, place = theirs.text("id"), theirs.text("storage")
                yield school.wrong(
                    "storage",
                    f"存储目录与学校 {name!r} 的 {place!r} 重叠：每所学校要有自己的目录。",
                    f"overlaps {place!r} of school {name!r}: give each school a folder of its "
                    "own, neither inside the other.",
                )
        above.append((root, school))


def _vouched_for(person: _Table) -> Iterator[Problem]:
    if person.text("id").startswith(OIDC_ACCOUNT):
        yield person.wrong(
            "id",
            f"以 {OIDC_ACCOUNT} 开头的账号留给统一身份认证（OIDC）的人员，请另取一个。",
            f"accounts that begin with {OIDC_ACCOUNT} belong to the sign-in service (OIDC): choose another.",
        )


def _unknown_roles(person: _Table, schools: list[str]) -> Iterator[Problem]:
    roles = person.table("roles")
    written = person.values.get("roles")
    all_known = all(is_school_id(school) for school in schools)
    for index, text in enumerate(written if isinstance(written, list) else ()):
        if not isinstance(text, str):
            continue
        place, _, name = text.partition(":")
        at_district = place == DISTRICT_SCHOOL
        allowed = [role.value for role in PersonRole if role.of_district is at_district]
        where: KeyPath = (*roles.path, index)
        if not at_district and place not in schools:
            if not all_known:
                continue  # it may be the school whose id is to be mended first
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
