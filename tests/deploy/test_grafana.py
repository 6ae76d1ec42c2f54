"""The Grafana dashboards ask for metrics and labels that a role really counts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.metrics import ROOT, asks_for_what_is_counted

FILES = sorted((ROOT / "deploy" / "grafana").glob("*.json"))


def expressions(board: dict[str, Any]) -> Iterator[str]:
    for panel in board["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}"
        yield from (target["expr"] for target in panel["targets"])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_panels_ask_for_what_is_counted(file: Path) -> None:
    board = json.loads(file.read_text(encoding="utf-8"))
    asked = list(expressions(board))
    assert len(asked) >= len(board["panels"]) > 0
    for expression in asked:
        assert "reelwarden_" in expression
        asks_for_what_is_counted(expression)


def test_both_dashboards_are_there() -> None:
    assert [file.name for file in FILES] == ["reelwarden-bus.json", "reelwarden-work.json"]
