"""What decodes footage for an export is a process of its own: when it dies, one file is unreadable."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reelwarden_access.site.exporter import beside as module
from reelwarden_access.site.exporter.beside import Beside
from reelwarden_access.site.exporter.files import Located
from reelwarden_access.site.exporter.media import Unplayable
from tests.support.video import clip

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture
def beside() -> Iterator[Beside]:
    made = Beside()
    yield made
    made.close()


@pytest.fixture
def video(tmp_path: Path) -> Located:
    (tmp_path / "a.mp4").write_bytes(clip(4))
    return Located(tmp_path, "a.mp4")


def test_it_does_what_is_asked(beside: Beside, video: Located, tmp_path: Path) -> None:
    assert beside.inspect(video).codec == "h264"
    times = (START + timedelta(seconds=1), START + timedelta(seconds=3))
    shown = beside.view([(video, START, timedelta())], times, tmp_path / "view.mp4", anew=False)
    assert shown.start <= times[0]
    assert shown.parts[0].strip == 0
    beside.still(tmp_path / "view.mp4", tmp_path / "still.jpg")
    assert (tmp_path / "still.jpg").read_bytes()[:2] == b"\xff\xd8"
    with pytest.raises(FileNotFoundError):
        beside.inspect(Located(tmp_path, "none.mp4"))
    (tmp_path / "bad.mp4").write_bytes(b"x" * 1000)
    with pytest.raises(Unplayable):
        beside.inspect(Located(tmp_path, "bad.mp4"))


def test_a_file_that_ends_it_ends_nothing_else(beside: Beside, video: Located) -> None:
    beside.inspect(video)
    process = beside._process
    assert process
    process.send_signal(signal.SIGSEGV)
    process.wait()
    with pytest.raises(Unplayable, match="did not survive it"):
        beside.inspect(video)
    assert beside.inspect(video).width > 0


def test_what_takes_too_long_ends(beside: Beside, video: Located, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)
    with pytest.raises(Unplayable, match="too long"):
        beside.inspect(video)


def test_it_knows_no_secret_of_ours(beside: Beside, video: Located, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RW_NATS_SEED", "SUSECRET")
    beside.inspect(video)
    assert beside._process
    assert b"SECRET" not in Path(f"/proc/{beside._process.pid}/environ").read_bytes()
