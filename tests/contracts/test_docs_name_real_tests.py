"""A page that lists tests is worth something only while they exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_named_in_the_invariants_exists() -> None:
    text = (ROOT / "docs" / "invariants.md").read_text(encoding="utf-8")
    paths = list((ROOT / "tests").rglob("test_*.py"))
    files = set(re.findall(r"(test_\w+)\.py", text))
    functions = set(re.findall(r"\b(test_\w+)\b(?!\.py)", text)) - files
    assert not files - {path.stem for path in paths}
    defined = {
        name for path in paths for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
    }
    assert not functions - defined
