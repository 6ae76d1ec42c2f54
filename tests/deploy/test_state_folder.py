"""One stack at a time on a state folder, and nobody's own files cleared by a demo."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from reelwarden_local.state_folder import MARKER, StateFolder, StateFolderError, hold, hold_for_demo

HOLDER = """
import sys, time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from reelwarden_local.state_folder import hold_for_demo
with hold_for_demo(Path(sys.argv[1])) as folder:
    folder.tell(url="http://127.0.0.1:1234")
    (folder.path / "story.json").write_text("{}")
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RW_LANG", "en")


def other_process(folder: Path) -> subprocess.Popen[str]:
    """A process that holds the folder for a demo."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.usefixtures("english")
@pytest.mark.parametrize("way", [hold, hold_for_demo])
def test_a_second_stack_is_told_where_the_first_runs_and_clears_nothing(
    tmp_path: Path, way: Callable[[Path], AbstractContextManager[StateFolder]]
) -> None:
    with other_process(tmp_path) as first:
        try:
            told = rf"^already running at http://127\.0\.0\.1:1234 \(pid {first.pid}\)\.$"
            with pytest.raises(StateFolderError, match=told), way(tmp_path):
                pass
            assert (tmp_path / "story.json").exists()
        finally:
            first.kill()
    with way(tmp_path):  # a killed one's lock went with it
        assert (tmp_path / "story.json").exists() is (way is hold)


@pytest.mark.usefixtures("english")
def test_one_that_is_still_starting_is_told_by_its_process(tmp_path: Path) -> None:
    with (
        hold(tmp_path),
        pytest.raises(StateFolderError, match=r"already starting \(pid \d+\)"),
        hold(tmp_path),
    ):
        pass


@pytest.mark.usefixtures("english")
def test_a_demo_clears_only_a_demos_folder(tmp_path: Path) -> None:
    home, kept, new = tmp_path / "home", tmp_path / "kept", tmp_path / "new" / "demo"
    home.mkdir()
    (home / "diary.txt").write_text("mine")
    with pytest.raises(StateFolderError, match=r"will not be cleared"), hold_for_demo(home):
        pass
    assert [path.name for path in home.iterdir()] == ["diary.txt"]

    with hold(kept):
        (kept / "district.toml").write_text("kept between runs")
    with pytest.raises(StateFolderError, match="will not be cleared"), hold_for_demo(kept):
        pass
    assert (kept / "district.toml").exists()

    for _ in range(2):
        with hold_for_demo(new):
            assert [path.name for path in new.iterdir()] == [MARKER]
            (new / "sub").mkdir()
            (new / "sub" / "file").touch()
            (new / "home").symlink_to(home)
    with hold(new):  # `up` on what a demo left: somebody's district from now on
        assert (new / "sub" / "file").exists()
    with pytest.raises(StateFolderError, match="will not be cleared"), hold_for_demo(new):
        pass
    assert (new / "sub" / "file").exists()
    assert (home / "diary.txt").exists()


@pytest.mark.usefixtures("english")
def test_a_path_that_cannot_be_a_folder_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for way in (hold, hold_for_demo):
        for path in (tmp_path / "file", tmp_path / "file" / "below"):
            with pytest.raises(StateFolderError, match=r"cannot be used: .*--state"), way(path):
                pass
