"""Today's code and every release that is kept understand each other."""

import json
from pathlib import Path

import pytest

from reelwarden_common.contracts import files
from reelwarden_common.contracts.forms import all_forms

MODELS = {form.name: form.model for form in all_forms()}
KEPT = [path for folder in files.releases() for path in sorted((folder / "examples").glob("*.json"))]


def test_no_promise_of_a_release_is_broken() -> None:
    assert [line for folder in files.releases() for line in files.broken_promises(folder)] == []


@pytest.mark.parametrize("path", KEPT or [files.HERE / "examples"], ids=lambda path: f"{path.stem}")
def test_the_examples_of_a_release_are_still_read(path: Path) -> None:
    for example in [path] if path.is_file() else sorted(path.glob("*.json")):
        assert MODELS[example.stem].model_validate(json.loads(example.read_text(encoding="utf-8")))
