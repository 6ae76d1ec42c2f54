"""The user's own recordings as a district of one school: a copy, its cameras, its district.toml."""

from pathlib import Path

from reelwarden_local.demo.discover import FoundCamera, cameras_in, copy_of
from reelwarden_local.demo.sample import sample_toml
from reelwarden_local.servers.state import kept_secrets

SCHOOL = "s001"
SEGMENT_SECONDS = 60


def prepare(state: Path, footage: Path) -> tuple[str, int, list[FoundCamera]]:
    """Copy the footage and describe it; returns the people's password, files copied, and cameras.

    Raises:
        FootageError: nothing in it can be played.
    """
    state.mkdir(parents=True, exist_ok=True)
    storage = state / "recordings" / SCHOOL
    copied = copy_of(footage, storage)
    cameras = cameras_in(storage)
    password = kept_secrets(state / "password.json", ["people"])["people"][:12]
    (state / "district.toml").write_text(_toml(cameras, password), encoding="utf-8")
    return password, copied, cameras


def _toml(cameras: list[FoundCamera], password: str) -> str:
    people = "[[people]]" + sample_toml(password).partition("[[people]]")[2].replace("s002:", f"{SCHOOL}:")
    return "\n".join([_HEAD, *(_camera(number, c) for number, c in enumerate(cameras, 1)), people])


def _camera(number: int, camera: FoundCamera) -> str:
    fields = {"layout": camera.layout, "folder": camera.folder, "source": camera.source}
    if camera.template:
        fields["template"] = camera.template
    recorder = ", ".join(f"{key} = {_quoted(value)}" for key, value in fields.items())
    return f"""
[[schools.cameras]]
id = "camera{number}"
name = {_quoted(camera.source)}
place = {_quoted(camera.source)}
place_kind = "other"
recorder = {{ {recorder}, segment_seconds = {SEGMENT_SECONDS} }}
"""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


_HEAD = f"""# Made by `make demo FOOTAGE=…` from the file names that it found.
[district]
name = "示范区教育局"
time_zone = "Asia/Shanghai"

[[schools]]
id = "{SCHOOL}"
name = "我的录像"
storage = "recordings/{SCHOOL}"
write_once = true
"""
