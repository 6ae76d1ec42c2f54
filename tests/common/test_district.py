"""`district.toml`: what a good one says, and how a bad one is refused (R3.1, art. 8, art. 17)."""

import re
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwarden_common.district import ConfigError, DistrictConfig, Grant, Layout, PersonRole, load
from reelwarden_common.district.choices import FORBIDDEN_PLACES
from reelwarden_common.district.template import DIRECTIVES, undetermined
from reelwarden_common.errors import Refused

GOOD = """\
[district]
name = "示范区教育局"
time_zone = "Asia/Shanghai"
release_delay_hours = 72

[retention]
keep_days = 30
grace_hours = 12
floor_days = 30

[backup]
policy = "priority"

[[schools]]
id = "s001"
name = "第一小学"
storage = "recordings/s001"
write_once = true
keep_days = 60

[[schools.cameras]]
id = "gate"
name = "校门"
place = "校门口"
place_kind = "entrance"
priority = true
keep_days = 90
[schools.cameras.recorder]
layout = "frigate"
folder = "frigate"
source = "gate_cam"

[[schools.cameras]]
id = "yard"
name = "操场"
place = "操场"
place_kind = "playground"
[schools.cameras.recorder]
layout = "template"
folder = "yard"
template = "%Y-%m-%d/%H-%M-%S.mp4"
time_zone = "Asia/Urumqi"

[[schools]]
id = "s002"
name = "实验中学"
storage = "recordings/s002"
erasure = "recorder-managed"

[[schools.cameras]]
id = "gate"
name = "校门"
place = "校门口"
place_kind = "entrance"
[schools.cameras.recorder]
layout = "mediamtx"
source = "campus/gate"

[[people]]
id = "wang.fang"
name = "王芳"
unit = "三年级组"
password_hash = "$argon2id$v=19$m=65536$abc"
roles = ["s001:applicant", "s002:safety", "district:district_officer"]

[[oidc.grants]]
claim = "groups"
value = "heads"
roles = ["s001:leader"]
"""


def read(folder: Path, text: str | bytes) -> DistrictConfig:
    path = folder / "district.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load(path)


def test_backup_policies_are_inherited_and_windows_are_local_times(tmp_path: Path) -> None:
    windows = 'backup_windows = [{ from = "07:00", to = 18:30:00, mbit = 20 }]'
    text = GOOD.replace("write_once = true", f'write_once = true\nbackup = "held"\n{windows}')
    config = read(tmp_path, text.replace("priority = true", 'priority = true\nbackup = "everything"'))
    assert config.backup_policy("s001", "gate") == "everything"
    assert config.backup_policy("s001", "yard") == "held"
    assert config.backup_policy("s002", "gate") == "priority"
    (window,) = config.school("s001").backup_windows
    assert (window.begin, window.end, window.mbit) == (time(7), time(18, 30), 20)


@pytest.mark.parametrize(
    ("window", "told"),
    [
        ('{ from = "7:00", to = "18:00", mbit = 20 }', 'write it like "07:00"'),
        ('{ from = "07:00", to = "24:00", mbit = 20 }', "no time of the day"),
        ('{ from = "07:00", to = "18:00", mbit = 0 }', "must be 1 or more"),
        ('{ from = "07:00", until = "18:00", mbit = 1 }', "known here: from, mbit, to"),
    ],
)
def test_a_wrong_window_is_told_with_its_line(tmp_path: Path, window: str, told: str) -> None:
    error = refusal(tmp_path, "write_once = true", f"write_once = true\nbackup_windows = [{window}]")
    assert told in str(error)
    assert "district.toml:19" in str(error)


def refusal(folder: Path, old: str, new: str, *, count: int = 1) -> ConfigError:
    """Break the good file and return what is said about it."""
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        read(folder, GOOD.replace(old, new, count))
    return caught.value


def line(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_a_good_file_answers_what_roles_ask(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD)
    assert (config.name, config.time_zone) == ("示范区教育局", "Asia/Shanghai")
    assert config.release_delay == timedelta(hours=72)
    assert [school.id for school in config.schools] == ["s001", "s002"]
    assert config.school("s002").erasure == "recorder-managed"
    assert config.camera("s001", "gate").recorder.source == "gate_cam"
    assert config.storage("s001") == (tmp_path / "recordings/s001").resolve()
    assert config.recorder_zone("s001", "yard") == "Asia/Urumqi"
    assert config.recorder_zone("s001", "gate") == "Asia/Shanghai"
    assert config.people[0].grants == (
        Grant("s001", PersonRole.APPLICANT),
        Grant("s002", PersonRole.SAFETY),
        Grant("district", PersonRole.DISTRICT_OFFICER),
    )


def test_keep_days_come_from_camera_then_school_then_district(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD)
    assert config.keep_days("s001", "gate") == 90
    assert config.keep_days("s001", "yard") == 60
    assert config.keep_days("s002", "gate") == 30
    recorded = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    assert config.keep_period("s002", "gate").due(recorded) == datetime(2026, 4, 2, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ('storage = "recordings/s001"', "schools[s001].keep_days"),
        ('id = "yard"', "schools[s001].cameras[yard].key_target"),
    ],
)
def test_a_key_target_keeps_ninety_days(tmp_path: Path, where: str, said: str) -> None:
    error = str(refusal(tmp_path, where, f"{where}\nkey_target = true"))
    assert said in error
    assert "反恐怖主义法" in error
    assert "write keep_days = 90 or more" in error


def test_a_key_targets_floor_is_ninety_days(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD.replace('id = "gate"', 'id = "gate"\nkey_target = true', 1))
    assert config.keep_days("s001", "gate") == 90
    assert config.floor_days("s001", "gate") == 90
    assert config.floor_days("s001", "yard") == 30


def test_motion_keeps_a_folder_for_each_camera_and_needs_no_name_of_it(tmp_path: Path) -> None:
    changed = GOOD.replace('layout = "mediamtx"\nsource = "campus/gate"', 'layout = "motion"')
    assert read(tmp_path, changed).camera("s002", "gate").recorder.layout is Layout.MOTION


def test_unknown_schools_and_cameras_are_refused_by_name(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD)
    with pytest.raises(Refused, match="s009"):
        config.school("s009")
    with pytest.raises(Refused, match="roof"):
        config.camera("s001", "roof")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "示范区教育局"\n', "", ["district.name", "required"]),
        ('zone = "Asia/Shanghai"', 'zone = "Asia/Shanghia"', ["did you mean Asia/Shanghai?"]),
        ('zone = "Asia/Shanghai"', 'zone = "Asia"', ["no IANA time zone"]),
        ("keep_days = 30", "keep_day = 30", ["unknown key keep_day", "did you mean keep_days?"]),
        ("[backup]", "[bakup]", ["unknown key bakup", "did you mean backup?"]),
        ('policy = "priority"', 'policy = "prioritty"', ["did you mean priority?"]),
        ("keep_days = 30", 'keep_days = "30"', ["whole number"]),
        ("keep_days = 30", "keep_days = true", ["whole number"]),
        ("write_once = true", 'write_once = "yes"', ["true or false"]),
        ("keep_days = 30", "keep_days = 29", ["R3.1", "art. 17", "第十七条", "30 or more"]),
        ("keep_days = 90", "keep_days = 7", ["schools[s001].cameras[gate].keep_days", "art. 17"]),
        ("keep_days = 60", "keep_days = 7", ["schools[s001].keep_days", "art. 17"]),
        ("grace_hours = 12", "grace_hours = -1", ["0 or more"]),
        ('id = "s002"', 'id = "district"', ["the district itself"]),
        ('id = "s002"', 'id = "S2"', ["does not have the form"]),
        ('id = "yard"', 'id = "gate"', ["another camera above"]),
        ('place_kind = "playground"', 'place_kind = "playgrond"', ["did you mean playground?"]),
        ('source = "gate_cam"\n', "", ["source is missing"]),
        ('template = "%Y-%m-%d/%H-%M-%S.mp4"\n', "", ["does not determine"]),
        ('source = "gate_cam"', 'source = "gate_cam"\ntemplate = "%s.mp4"', ["names of its own"]),
        ("%Y-%m-%d/%H-%M-%S", "%H-%M-%S", ["year (%Y)", "month and day"]),
        ("%Y-%m-%d/%H-%M-%S", "%Y-%m-%d/%I-%M-%S", ["hour (%H)"]),
        ("%Y-%m-%d/%H-%M-%S", "%Y-%B-%d/%H-%M-%S", ["%B, which is not supported"]),
        ("%Y-%m-%d/%H-%M-%S", "{source}/%s", ["source is not given"]),
        ('folder = "yard"', 'folder = "../yard"', ["relative path below"]),
        ('folder = "yard"', 'folder = "/yard"', ["relative path below"]),
        ('folder = "yard"', 'folder = ".reelwarden/vault"', ["Reelwarden's own"]),
        ('storage = "recordings/s002"', 'storage = "recordings/s001"', ["overlaps"]),
        ('storage = "recordings/s002"', 'storage = "recordings/x/../s001/b"', ["overlaps"]),
        ('storage = "recordings/s002"', 'storage = "recordings"', ["overlaps"]),
        ("s001:applicant", "s01:applicant", ["no school 's01'", "did you mean s001?"]),
        ("s001:applicant", "s001:aplicant", ["did you mean applicant?"]),
        ("s001:applicant", "s001:district_officer", ["no role 'district_officer'"]),
        ("district:district_officer", "district:applicant", ["no role 'applicant'"]),
        ("s001:applicant", "s001", ["no role ''"]),
        ("s001:leader", "s001:leadr", ["oidc.grants[1].roles[1]", "did you mean leader?"]),
        ('claim = "groups"', 'klaim = "groups"\nclaim = "groups"', ["did you mean claim?"]),
        ("$argon2id$v=19$m=65536$abc", "hunter2", ["reelwarden hash-password"]),
        ("keep_days = 30", "keep_days = 0", ["must be 1 or more"]),
        ("keep_days = 30", "keep_days = -30", ["must be 1 or more"]),
        ("release_delay_hours = 72", "release_delay_hours = -1", ["must be 0 or more"]),
        ('id = "wang.fang"', 'id = "oidc-1"', ["belong to the sign-in service"]),
        ('id = "wang.fang"', 'id = "Wang Fang"', ["lower-case letters"]),
    ],
)
def test_a_slip_is_told_with_its_line_and_remedy(tmp_path: Path, old: str, new: str, said: list[str]) -> None:
    error = refusal(tmp_path, old, new)
    assert len(error.located) == 1
    for part in said:
        assert part in str(error)
    assert re.match(rf"{re.escape(str(tmp_path))}/district\.toml:\d+: \S", str(error))
    assert re.search("[一-鿿]", error.located[0].problem.zh)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("grace_hours = 12", "grace_hours = -12"),
        ('place_kind = "playground"', 'place_kind = "moon"'),
        ('storage = "recordings/s002"', 'storage = "recordings"'),
        ("%Y-%m-%d/%H-%M-%S.mp4", "%M.mp4"),
        ("s002:safety", "s002:safty"),
        ("s001:leader", "s01:leader"),
        ('id = "s002"', 'id = "s001"'),
        ('name = "校门"', 'nmae = "x"\nname = "校门"'),
    ],
)
def test_the_line_is_the_one_that_was_broken(tmp_path: Path, old: str, new: str) -> None:
    error = refusal(tmp_path, old, new)
    assert error.located[0].line == line(GOOD, old)


@pytest.mark.parametrize("kind", FORBIDDEN_PLACES)
def test_a_camera_where_people_undress_or_sleep_is_refused_by_law(tmp_path: Path, kind: str) -> None:
    error = refusal(tmp_path, '"playground"', f'"{kind}"')
    assert "公共安全视频图像信息系统管理条例" in error.located[0].problem.zh
    assert "第八条" in error.located[0].problem.zh
    assert "art. 8" in error.located[0].problem.en
    assert error.located[0].key == "schools[s001].cameras[yard].place_kind"


def test_all_slips_are_told_at_once_in_order(tmp_path: Path) -> None:
    text = GOOD.replace("grace_hours = 12", "grace_hours = 'x'").replace("unit =", "unti =")
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text.replace('"playground"', '"toilet"'))
    assert [one.key for one in caught.value.located] == [
        "retention.grace_hours",
        "schools[s001].cameras[yard].place_kind",
        "people[wang.fang].unti",
    ]


def test_clashes_between_tables_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("keep_days = 30", "keep_days = 3").replace('"s002"', '"s001"')
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert [one.line for one in caught.value.located] == [
        line(text, "keep_days = 3"),
        text[: text.rindex('id = "s001"')].count("\n") + 1,
        line(text, "roles ="),
    ]


def test_slips_of_every_kind_are_told_at_once(tmp_path: Path) -> None:
    """What one key, one table and the whole file can know; one in the only school hides no other."""
    slips = {
        'time_zone = "Asia/Shanghai"': 'time_zone = "Mars"',
        "keep_days = 60": "keep_days = 7",
        'source = "gate_cam"': 'source = "gate_cam"\nnmae = 1\ntemplate = "%H.mp4"',
        'storage = "recordings/s002"': 'storage = "recordings/s001/x"',
        '"s002:safety"': '"s003:safety", 5',
    }
    text = GOOD
    for old, new in slips.items():
        text = text.replace(old, new)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert [one.key for one in caught.value.located] == [
        "district.time_zone",
        "schools[s001].keep_days",
        "schools[s001].cameras[gate].recorder.nmae",
        "schools[s001].cameras[gate].recorder.template",
        "schools[s002].storage",
        "people[wang.fang].roles[2]",
        "people[wang.fang].roles[3]",
    ]


def test_the_only_school_with_a_slip_is_still_a_school(tmp_path: Path) -> None:
    only = GOOD[: GOOD.index('[[schools]]\nid = "s002"')].replace('"playground"', '"moon"')
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, only)
    assert [one.key for one in caught.value.located] == ["schools[s001].cameras[yard].place_kind"]


@pytest.mark.parametrize(
    "written", ['"hunter2"', "['hunter2']", '"$2b$12$hunter2"', "{ hunter2 = 1 }", '"$argon2i$hunter2"']
)
def test_what_stands_in_place_of_a_hash_is_never_shown(tmp_path: Path, written: str) -> None:
    error = refusal(tmp_path, '"$argon2id$v=19$m=65536$abc"', written)
    assert "hunter2" not in str(error)
    assert "reelwarden hash-password" in error.located[0].problem.zh


def test_cameras_that_read_the_same_files_are_refused(tmp_path: Path) -> None:
    text = GOOD.replace('source = "campus/gate"', 'source = "campus/gate"' + TWIN)
    with pytest.raises(ConfigError, match="same files as camera 'gate'"):
        read(tmp_path, text)


TWIN = """
[[schools.cameras]]
id = "other"
name = "另一台"
place = "校门口"
place_kind = "entrance"
recorder = { layout = "mediamtx", source = "campus/gate" }
"""


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("[district\nname = 1", 1, "this is not TOML"),
        ("[district]\nname = ", 2, "this is not TOML"),
        ("[district]\nname = 'a'\n[district]\n", 3, "this is not TOML"),
        (b"[district]\nname = '\xd6\xd0'\n", 2, "not UTF-8"),
        ("", 1, "required"),
        ("schools = 3\n[district]\nname = 'a'", 1, "must be a list"),
        ("schools = []\n[district]\nname = 'a'", 1, "at least 1"),
        ("district = 3\nschools = [3]\n", 1, "must be a table"),
    ],
)
def test_what_is_no_district_at_all(tmp_path: Path, text: str | bytes, where: int, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert caught.value.located[0].line == where
    assert said in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "nowhere.toml")


def test_a_mark_at_the_start_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()).name == "示范区教育局"


MOMENTS = st.datetimes(datetime.fromisoformat("2000-01-01"), datetime.fromisoformat("2068-12-31"))
PARTS = st.lists(st.sampled_from([f"%{letter}" for letter in sorted(DIRECTIVES - set("szfp"))]), max_size=8)


@given(PARTS, MOMENTS, MOMENTS)
def test_a_template_that_passes_names_different_seconds_differently(
    parts: list[str], one: datetime, other: datetime
) -> None:
    template = "_".join(parts)
    if undetermined(template, 10) is None and one.replace(microsecond=0) != other.replace(microsecond=0):
        assert one.strftime(template) != other.strftime(template)


@pytest.mark.parametrize(
    ("template", "seconds", "good"),
    [
        ("%s.mp4", 10, True),
        ("%F_%T.mp4", 10, True),
        ("%Y%j/%H%M%S", 10, True),
        ("%y%m%d%I%p%M%S", 10, True),
        ("%Y-%m-%d/%H/%M", 60, True),
        ("%Y-%m-%d/%H/%M", 10, False),
        ("%Y-%m-%d/%H", 3600, True),
        ("%Y-%m-%d/%H", 90, False),
        ("%%Y-%%m.mp4", 10, False),
        ("%Y-%m-%d_%H-%M-%S-%", 10, False),
        ("clip.mp4", 10, False),
    ],
)
def test_what_a_template_must_say(template: str, seconds: int, good: bool) -> None:
    assert (undetermined(template, seconds) is None) is good
