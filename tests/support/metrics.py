"""Which metrics the code registers, read from its text."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
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


def asks_for_what_is_counted(expression: str) -> None:
    """Every metric and label of an expression exists."""
    known = counted()
    metrics = _METRIC.findall(expression)
    assert [metric for metric in metrics if metric not in known] == [], expression
    labels = {
        re.split("[=!~]", word)[0].strip()
        for pair in _LABELS.findall(expression)
        for word in "".join(pair).split(",")
        if word.strip()
    }
    assert labels <= FROM_PROMETHEUS.union(*(known[metric] for metric in metrics)), expression
