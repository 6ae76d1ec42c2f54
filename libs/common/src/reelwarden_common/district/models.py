"""The shape of `district.toml`, one model per table; what one table can know is checked here."""

import re
from datetime import date, time
from functools import cache
from pathlib import PurePosixPath
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
)

from reelwarden_common.district.choices import (
    FORBIDDEN_PLACES,
    BackupPolicy,
    Erasure,
    Grant,
    Layout,
    PersonRole,
    PlaceKind,
)
from reelwarden_common.district.problems import closest, wrong
from reelwarden_common.events.base import DISTRICT_SCHOOL

OIDC_ACCOUNT = "oidc-"
"""How the accounts of people begin whom the district's sign-in service vouches for."""
OUR_FOLDER = ".reelwarden"
"""What lies below it on a school's storage is ours: vault, trash, storage id; never footage."""


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _known_zone(name: str) -> str:
    if name in _zones():
        return name
    hint = closest(name, _zones())
    raise wrong(
        f"{name!r} 不是 IANA 时区名{hint.zh}，例如 Asia/Shanghai。",
        f"{name!r} is no IANA time zone{hint.en}; write one like Asia/Shanghai.",
    )


def _allowed_place(kind: object) -> object:
    if isinstance(kind, str) and kind in FORBIDDEN_PLACES:
        raise wrong(
            f"{FORBIDDEN_PLACES[kind]}（{kind}）内禁止安装摄像机"
            "（《公共安全视频图像信息系统管理条例》第八条）。请拆除该摄像机，并从本文件中删去。",
            f"no camera may stand in a place of kind {kind} (公共安全视频图像信息系统管理条例, State Council "
            "Order 799, art. 8): take it down and remove it from this file.",
        )
    return kind


def _below_storage(folder: str) -> str:
    path = PurePosixPath(folder)
    if path.is_absolute() or ".." in path.parts or OUR_FOLDER in path.parts or "\0" in folder:
        raise wrong(
            f"{folder!r} 必须是存储目录之下的相对路径，不含 ..，也不在 {OUR_FOLDER} 之内。",
            f"{folder!r} must be a relative path below the school's storage, without .. and outside "
            f"{OUR_FOLDER}, which is Reelwarden's own.",
        )
    return folder


def _hash(value: object) -> object:
    """What stands there may be a password: it is never shown."""
    if isinstance(value, str) and re.match(r"\$argon2id\$.", value):
        return value
    raise wrong(
        "不是密码的 Argon2id 摘要：请运行 `reelwarden hash-password`，把它打印的一行写在这里。",
        "is no Argon2id hash of a password: run `reelwarden hash-password` and write here what it prints.",
    )


def _clock_time(value: object) -> object:
    if isinstance(value, time):
        return value
    if isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        return time.fromisoformat(value)
    raise wrong(
        f'{value!r} 不是一天中的时刻：写成 "07:00" 这样，00:00 到 23:59。',
        f'{value!r} is no time of the day: write it like "07:00", from 00:00 to 23:59.',
    )


def is_school_id(text: str) -> bool:
    """Whether a school may be called so."""
    return text != DISTRICT_SCHOOL and re.fullmatch(_SCHOOL_ID, text) is not None


def _not_reserved(school: str) -> str:
    if school == DISTRICT_SCHOOL:
        raise wrong(
            f"学校编号不能用 {school!r}：它代表学区本身。",
            f"a school cannot be called {school!r}: that is the district itself. Choose another id.",
        )
    return school


_SCHOOL_ID = r"^[a-z][a-z0-9-]{1,30}$"
Name = Annotated[str, Field(min_length=1, max_length=100)]
ZoneName = Annotated[str, AfterValidator(_known_zone)]
Days = Annotated[StrictInt, Field(ge=1, le=3650)]
Hours = Annotated[StrictInt, Field(ge=0, le=24 * 90)]
Folder = Annotated[str, AfterValidator(_below_storage)]
SchoolToken = Annotated[str, Field(pattern=_SCHOOL_ID), AfterValidator(_not_reserved)]
ClockTime = Annotated[time, BeforeValidator(_clock_time)]
CameraToken = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class Table(BaseModel):
    """A frozen table that knows all its keys: an unknown one is a slip of the pen."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DistrictTable(Table):
    """`[district]`."""

    name: Name
    time_zone: ZoneName = "Asia/Shanghai"
    release_delay_hours: Hours = 72
    """How long a release or a shortening stays visible before it takes effect."""


class Retention(Table):
    """`[retention]`: R3.1."""

    keep_days: Days = 30
    grace_hours: Hours = 12
    floor_days: Days = 30
    """No keep-days and no plan can go below it (条例 art. 17)."""


class Backup(Table):
    """`[backup]`: R3.2, R4.1."""

    policy: BackupPolicy = BackupPolicy.EVERYTHING
    """Of every school and camera that has no `backup` of its own."""


class BackupWindow(Table):
    """`[[schools.backup_windows]]`: when backups may not take all of the school's line."""

    begin: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")
    """Local time; at or before `from` it is of the next day."""
    mbit: Annotated[StrictInt, Field(ge=1, le=100_000)]
    """Megabits a second, uploads and downloads together."""


class RecorderSettings(Table):
    """`[schools.cameras.recorder]`: where the recorder puts this camera's files, and how it names them."""

    layout: Layout
    folder: Folder = ""
    """Below the school's storage."""
    source: str = Field(default="", max_length=200)
    """The recorder's own name of the camera."""
    template: Folder = ""
    """A strftime template below `folder`, for `layout = "template"` only.

    It may hold `{source}`, and `{any}` for text that says nothing: an event's number, a suffix.
    """
    time_zone: ZoneName | None = None
    """Of names in local time; the district's where not given."""
    segment_seconds: Annotated[StrictInt, Field(ge=1, le=24 * 3600)] = 10


class Camera(Table):
    """`[[schools.cameras]]`."""

    id: CameraToken
    name: Name
    place: Name
    place_kind: Annotated[PlaceKind, BeforeValidator(_allowed_place)]
    priority: StrictBool = False
    backup: BackupPolicy | None = None
    """Which of its footage is backed up; the school's policy where not given."""
    key_target: StrictBool = False
    """It watches a designated key target: 90 days (反恐怖主义法 art. 32)."""
    keep_days: Days | None = None
    recorder: RecorderSettings


class School(Table):
    """`[[schools]]`."""

    id: SchoolToken
    name: Name
    storage: Annotated[str, Field(min_length=1)]
    """The storage's root, relative to the file; recorders write below it."""
    write_once: StrictBool = False
    """Its recorders never rewrite a closed file, so that the vault may hold it by a hard link."""
    erasure: Erasure = Erasure.MANAGED
    key_target: StrictBool = False
    """All of the school is a designated key target."""
    keep_days: Days | None = None
    backup: BackupPolicy | None = None
    """Which of its footage is backed up; the district's policy where not given."""
    backup_windows: tuple[BackupWindow, ...] = ()
    opinion_first: StrictBool = False
    """A leader signs an application only after the department has given its opinion (R4.2)."""
    few_people: StrictBool = False
    """Too few people for four different ones: one may approve and then supervise or retrieve. Flagged, and
    reviewed by the district (R4.3)."""
    cameras: tuple[Camera, ...] = ()


class Person(Table):
    """`[[people]]`: the local directory of the embedded mode."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
    name: Name
    unit: Annotated[str, Field(max_length=100)] = ""
    password_hash: Annotated[str, BeforeValidator(_hash)]
    roles: tuple[str, ...] = ()
    """`<school>:<role>` or `district:<role>`."""
    until: date | None = None
    """The last day of their access, in the district's time; None: until somebody ends it at the desk."""

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The roles, taken apart."""
        return _taken_apart(self.roles)


class OidcGrant(Table):
    """`[[oidc.grants]]`: whoever has this value in this claim has these roles."""

    claim: Name
    value: Name
    """The claim's text, or one of its list."""
    roles: tuple[str, ...]
    """As those of `[[people]]`."""

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The roles, taken apart."""
        return _taken_apart(self.roles)


class Oidc(Table):
    """`[oidc]`: what is read from the ID tokens of the district's sign-in service (OpenID Connect)."""

    name_claim: Name = "name"
    unit_claim: Annotated[str, Field(max_length=100)] = ""
    """Empty: no unit is shown."""
    grants: tuple[OidcGrant, ...] = ()


def _taken_apart(roles: tuple[str, ...]) -> tuple[Grant, ...]:
    pairs = (role.partition(":") for role in roles)
    return tuple(Grant(school, PersonRole(role)) for school, _, role in pairs)


class DistrictFile(Table):
    """The whole file."""

    district: DistrictTable
    retention: Retention = Retention()
    backup: Backup = Backup()
    schools: tuple[School, ...]
    people: tuple[Person, ...] = ()
    oidc: Oidc = Oidc()
