"""`reelwarden check-config`: what is wrong in a file, all at once, for people and for scripts."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reelwarden_local.cli import app
from reelwarden_local.demo.sample import sample_toml


def check(path: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["check-config", str(path), *options])
    return result.exit_code, result.output


def test_the_sample_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "district.toml"
    path.write_text(sample_toml("secret"), encoding="utf-8")
    monkeypatch.setenv("RW_LANG", "en")
    assert check(path) == (0, f"{path}: 2 schools, 6 cameras, 12 people: all right\n")
    assert json.loads(check(path, "--json")[1]) == {"right": True, "problems": []}


def test_five_mistakes_are_told_at_once_with_place_and_remedy(tmp_path: Path) -> None:
    path = tmp_path / "district.toml"
    slips = {
        "keep_days = 30": "keep_days = 0",
        'place_kind = "canteen"': 'place_kind = "cantine"',
        'id = "liu.an"': 'id = "chen.an"',
        'roles = ["s002:leader"]': 'roles = ["s009:leader"]',
        'folder = "frigate", source = "gate"': 'folder = "/frigate", source = "gate"',
    }
    text = sample_toml("secret")
    for old, new in slips.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    lines = text.split("\n")

    code, printed = check(path, "--json")
    told = json.loads(printed)
    assert (code, told["right"]) == (1, False)
    assert [one["key"] for one in told["problems"]] == [
        "retention.keep_days",
        "schools[s001].cameras[gate].recorder.folder",
        "schools[s002].cameras[canteen].place_kind",
        "people[chen.an].id",
        "people[gao.yuan].roles[1]",
    ]
    for one, slip in zip(told["problems"], ("= 0", "/frigate", "cantine", "chen.an", "s009"), strict=True):
        assert slip in lines[one["line"] - 1]
    code, printed = check(path)
    assert code == 1
    for one in told["problems"]:
        assert f"{path}:{one['line']}: {one['key']}\n    {one['zh']}\n    {one['en']}\n" in printed


@pytest.mark.parametrize("written", ["[district\n", "x = 1\nx = 2\n", "name = 'open\n"])
def test_what_is_no_toml_is_told_by_line(tmp_path: Path, written: str) -> None:
    path = tmp_path / "district.toml"
    path.write_text(written)
    code, printed = check(path)
    assert code == 1
    assert "TOML 语法错误" in printed
    assert printed.startswith(f"{path}:")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.toml", tmp_path):
        code, printed = check(path)
        assert code == 1
        assert "cannot be read" in printed
