"""The Grafana dashboards ask for metrics and labels that a role really counts."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
SUFFIXES = {"Counter": ("_total",), "Gauge": ("",), "Histogram": ("_bucket", "_count", "_sum")}
FROM_PROMETHEUS = {"role", "instance", "job", "le"}
_METRIC = re.compile(r"\b(reelwarden_\w+)")
_LABELS = re.compile(r"\bby \(([^)]*)\)|\{([^}]*)\}")


def counted() -> dict[str, set[str]]:
    """Every metric that the code registers, as Prometheus sees it, with its labels."""
    found: dict[str, set[str]] = {}
    for part in ("libs", "services"):
        for file in (ROOT / part).rglob("src/**/*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                    continue
                name = node.args[0]
                if (
                    node.func.id in SUFFIXES
                    and isinstance(name, ast.Constant)
                    and isinstance(name.value, str)
                ):
                    lists = [arg for arg in node.args if isinstance(arg, ast.List)]
                    labels = {str(ast.literal_eval(label)) for one in lists for label in one.elts}
                    found |= {name.value + suffix: labels for suffix in SUFFIXES[node.func.id]}
    return found


def expressions(board: dict[str, Any]) -> Iterator[str]:
    for panel in board["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}"
        yield from (target["expr"] for target in panel["targets"])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_panels_ask_for_what_is_counted(file: Path) -> None:
    known = counted()
    assert "reelwarden_consumer_lag" in known
    board = json.loads(file.read_text(encoding="utf-8"))
    asked = list(expressions(board))
    assert len(asked) >= len(board["panels"]) > 0
    for expression in asked:
        metrics = _METRIC.findall(expression)
        assert metrics, expression
        assert [metric for metric in metrics if metric not in known] == [], expression
        labels = {
            word.split("=")[0].strip()
            for pair in _LABELS.findall(expression)
            for word in "".join(pair).split(",")
            if word.strip()
        }
        assert labels <= FROM_PROMETHEUS.union(*(known[metric] for metric in metrics)), expression


def test_both_dashboards_are_there() -> None:
    assert [file.name for file in FILES] == ["reelwarden-bus.json", "reelwarden-work.json"]
