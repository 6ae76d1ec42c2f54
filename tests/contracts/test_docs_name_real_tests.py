"""A page that lists tests is worth something only while they exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["invariants.md", "reliability.md", "threat-model.md"])
def test_every_test_named_on_a_page_exists(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for place in re.findall(r"\]\((\.\./[^)]+)\)", text):
        assert (ROOT / "docs" / place).exists(), f"{page} links to {place}"
    paths = list((ROOT / "tests").rglob("test_*.py"))
    files = set(re.findall(r"(test_\w+)\.py", text))
    functions = set(re.findall(r"\b(test_\w+)\b(?!\.py)", text)) - files
    assert not files - {path.stem for path in paths}
    defined = {
        name for path in paths for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
    }
    assert not functions - defined
