"""What the desk records of a refusal can be read by people, in both languages."""

import ast
import re
from pathlib import Path

import reelwarden_access.district.desk as package
from reelwarden_access.district.desk import words
from reelwarden_common.web.i18n import read_catalogue

FOLDER = Path(package.__file__).parent


def given(*calls: str) -> set[str]:
    """The codes that the desk writes as an argument of these calls."""
    found = set()
    for file in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            name = ast.unparse(node.func).split(".")[-1] if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Call) and name in calls:
                first = [arg for arg in node.args if isinstance(arg, ast.Constant)][:1]
                found |= {arg.value for arg in first if isinstance(arg.value, str)}
    return found


def test_every_refusal_and_act_has_words_in_both_languages() -> None:
    chinese = read_catalogue(["reelwarden_common.web", package.__name__])
    for known, codes in (
        (words.REFUSAL_WORDS, given("Denied")),
        (words.ACT_WORDS, given("About", "_on") | {"denials", "lost", "sweeps"}),
    ):
        assert len(codes) > 20
        for code in codes:
            assert code in known, code
            assert chinese.gettext(known[code]) != known[code], code


def test_every_refusal_names_its_rule() -> None:
    """Denied to a person, or wrong as the rules see it: the rule that says so stands beside it (R3.3)."""
    nameless = []
    for file in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            name = ast.unparse(node.func).split(".")[-1] if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Call) and name in ("Denied", "Wrong", "FormTaken"):
                said = [ast.unparse(argument) for argument in node.args]
                if not any(re.search(r"'R\d", argument) for argument in said):
                    nameless.append(f"{file.name}:{node.lineno} {said[0]}")
    assert nameless == []
