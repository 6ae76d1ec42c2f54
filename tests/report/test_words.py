"""Everything that the inspector says can be said in Chinese."""

import ast
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import reelwarden_report.district.inspector as package
from reelwarden_common.web.i18n import Catalogue, read_catalogue
from reelwarden_report.district.inspector import words
from reelwarden_report.district.inspector.domain import WEIGHTS, Kind

FOLDER = Path(package.__file__).parent
ZONE = ZoneInfo("Asia/Shanghai")


def said() -> set[str]:
    found = set()
    for file in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "N_":
                found.add(ast.literal_eval(node.args[0]))
    for file in FOLDER.glob("templates/*.html"):
        found |= {m[1] for m in re.findall(r"""_\((["'])(.*?)\1""", file.read_text(encoding="utf-8"))}
    return found


def chinese() -> dict[str, str]:
    return read_catalogue(["reelwarden_common.web", package.__name__])._messages


def test_every_sentence_has_its_chinese() -> None:
    known = chinese()
    assert {message for message in said() if message not in known} == set()


def test_translations_fill_in_the_same_values() -> None:
    slot = re.compile(r"%\((\w+)\)s")
    for message, translated in chinese().items():
        assert sorted(slot.findall(message)) == sorted(slot.findall(translated)), message


def test_every_kind_has_words_and_a_weight() -> None:
    assert set(words.SENTENCES) == set(words.KINDS) == set(WEIGHTS) == set(Kind)


def test_a_finding_reads_as_a_sentence() -> None:
    facts = {"start": "2026-03-02T08:00:00+00:00", "end": "2026-03-02T09:01:05+00:00", "length": 3665.0}
    english = words.sentence("gap", facts, ZONE).plain()
    assert english == "Nothing is recorded from 2026-03-02 16:00:00 to 2026-03-02 17:01:05 (1:01:05)."
    said_so = Catalogue(chinese()).say(
        words.sentence("rejected-file", {"count": 2, "reason": "empty", "locator": "a"}, ZONE)
    )
    assert said_so == "2 个文件不能作为录像：空文件。首个：a"


def test_facts_that_do_not_fit_are_shown_as_they_are() -> None:
    assert "old" in words.sentence("gap", {"old": 1}, ZONE).plain()
