"""Reading `district.toml`, and the questions that roles ask of it."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from reelwarden_common.district import checks
from reelwarden_common.district.choices import KEY_TARGET_DAYS, BackupPolicy
from reelwarden_common.district.models import Backup, Camera, DistrictFile, Oidc, Person, Retention, School
from reelwarden_common.district.problems import ConfigError, Located, Problem, from_pydantic
from reelwarden_common.district.toml_lines import KeyPath, key_lines, line_of
from reelwarden_common.errors import Refused
from reelwarden_common.period import KeepPeriod


@dataclass(frozen=True)
class DistrictConfig:
    """A valid file and where it lies; inherited values are worked out here."""

    path: Path
    file: DistrictFile

    @property
    def name(self) -> str:
        """The district's name."""
        return self.file.district.name

    @property
    def time_zone(self) -> str:
        """The district's IANA zone, by whose midnights days are counted."""
        return self.file.district.time_zone

    @property
    def release_delay(self) -> timedelta:
        """How long a release or a shortening stays visible before it takes effect."""
        return timedelta(hours=self.file.district.release_delay_hours)

    @property
    def retention(self) -> Retention:
        """`[retention]`."""
        return self.file.retention

    @property
    def backup(self) -> Backup:
        """`[backup]`."""
        return self.file.backup

    @property
    def schools(self) -> tuple[School, ...]:
        """All schools, as ordered in the file."""
        return self.file.schools

    @property
    def people(self) -> tuple[Person, ...]:
        """All people of the local directory."""
        return self.file.people

    @property
    def oidc(self) -> Oidc:
        """`[oidc]`: what the claims of the district's sign-in service mean."""
        return self.file.oidc

    def school(self, school: str) -> School:
        """Return a school.

        Raises:
            Refused: The file has none of this id.
        """
        for one in self.file.schools:
            if one.id == school:
                return one
        raise Refused(f"没有学校 {school!r} · {self.path.name} has no school {school!r}")

    def camera(self, school: str, camera: str) -> Camera:
        """Return a school's camera.

        Raises:
            Refused: The file has no such school or camera.
        """
        for one in self.school(school).cameras:
            if one.id == camera:
                return one
        raise Refused(f"{school} 没有摄像机 {camera!r} · {school} has no camera {camera!r}")

    def keep_days(self, school: str, camera: str, general: int | None = None) -> int:
        """Return a camera's keep-days: its own, else its school's, else the district's (R3.1).

        Args:
            school: Whose.
            camera: Which.
            general: What the rule set in force says for all (R6), in place of the file's; never below
                the floor.
        """
        nearest = self.camera(school, camera).keep_days or self.school(school).keep_days
        if nearest or general is None:
            return nearest or self.file.retention.keep_days
        return max(general, self.floor_days(school, camera))

    def backup_policy(self, school: str, camera: str) -> BackupPolicy:
        """Return which of a camera's footage is backed up: as with keep-days, the nearest says (R3.2)."""
        return self.camera(school, camera).backup or self.school(school).backup or self.file.backup.policy

    def floor_days(self, school: str, camera: str) -> int:
        """Return what a camera keeps at least, whoever signs less (条例 art. 17, 反恐怖主义法 art. 32)."""
        target = self.school(school).key_target or self.camera(school, camera).key_target
        return max(self.file.retention.floor_days, KEY_TARGET_DAYS if target else 0)

    def keep_period(self, school: str, camera: str) -> KeepPeriod:
        """Return a camera's keep-days with the grace, counted in the district's zone."""
        grace = timedelta(hours=self.file.retention.grace_hours)
        return KeepPeriod(self.keep_days(school, camera), grace, self.time_zone)

    def storage(self, school: str) -> Path:
        """Return the absolute root of a school's storage."""
        return (self.path.parent / self.school(school).storage).resolve()

    def recorder_zone(self, school: str, camera: str) -> str:
        """Return the IANA zone in which a camera's recorder writes local times."""
        return self.camera(school, camera).recorder.time_zone or self.time_zone


def load(path: Path) -> DistrictConfig:
    """Read and check the file.

    Raises:
        ConfigError: All that is wrong, each with its line.
    """
    path = path.absolute()
    text = _read(path)
    raw = _parse(path, text)
    found = list(checks.problems(raw, path.parent))
    _schools_first(raw)
    try:
        file = DistrictFile.model_validate(raw)
    except ValidationError as error:
        slips = error.errors(include_url=False)
        found += [from_pydantic(one, _keys_around(one["loc"])) for one in slips]
    if found:
        raise ConfigError(path, _locate(found, text, _parse(path, text)))
    return DistrictConfig(path, file)


def _schools_first(raw: dict[str, Any]) -> None:
    """Put models in place of the tables of schools, one by one; what is wrong stays one, and is told.

    A district's file has twenty thousand cameras: not all of them are in memory in both forms at once, and
    those that say the same keys share one set of them. It is 40 MB less in every process.
    """
    found = raw.get("schools")
    schools: list[Any] = found if isinstance(found, list) else []
    known: dict[frozenset[str], set[str]] = {}
    for n, table in enumerate(schools):
        try:
            school = School.model_validate(table)
        except ValidationError:
            continue
        for one in (part for camera in school.cameras for part in (camera, camera.recorder)):
            said = known.setdefault(frozenset(one.model_fields_set), one.model_fields_set)
            object.__setattr__(one, "__pydantic_fields_set__", said)
        schools[n] = school


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")  # editors on Windows begin files with a mark
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        problem = Problem(
            (),
            f"无法读取：{'没有这个文件' if missing else error.strerror}。",
            f"cannot be read: {error.strerror}.",
        )
        raise ConfigError(path, [Located(1, path.name, problem)]) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problem = Problem((), "不是 UTF-8 编码，请另存为 UTF-8。", "is not UTF-8: save it as UTF-8.")
        raise ConfigError(path, [Located(line, path.name, problem)]) from None


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line = int(at[1]) if at else text.count("\n") + 1
        problem = Problem(
            (),
            f"TOML 语法错误：{error}。请检查这一行或上一行。",
            f"this is not TOML: {error}. Mend the line or the one before it.",
        )
        raise ConfigError(path, [Located(line, path.name, problem)]) from None


def _locate(found: Iterable[Problem], text: str, raw: dict[str, Any]) -> list[Located]:
    lines = key_lines(text)
    return [Located(line_of(lines, one.path), _name(one.path, raw), one) for one in found]


def _name(path: KeyPath, raw: object) -> str:
    """Write a path for people: `schools[s001].cameras[gate].place_kind`, elements by id or place."""
    name = ""
    for part in path:
        if isinstance(part, int):
            raw = raw[part] if isinstance(raw, list) and part < len(raw) else None
            shown = raw.get("id", part + 1) if isinstance(raw, dict) else part + 1
            name += f"[{shown}]"
        else:
            raw = raw.get(part) if isinstance(raw, dict) else None
            name += f".{part}" if name else part
    return name


def _keys_around(loc: KeyPath) -> list[str]:
    """Return the keys that the table of a path may have."""
    model: Any = DistrictFile
    for part in loc[:-1]:
        model = model.model_fields[part].annotation if isinstance(part, str) else get_args(model)[0]
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    return [field.alias or name for name, field in model.model_fields.items()]
