"""The alert rules ask for metrics that a role counts, are raised when they should be, and say what to do."""

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.support.metrics import ROOT, asks_for_what_is_counted

FOLDER = ROOT / "deploy" / "prometheus"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "reelwarden-alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_what_is_counted_and_leads_to_what_to_do(rule: dict[str, Any]) -> None:
    asks_for_what_is_counted(rule["expr"])
    assert rule["labels"]["severity"] in ("warning", "serious")
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    sections = re.findall(r"^## (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in [section.lower() for section in sections]


def test_every_section_is_of_an_alert() -> None:
    sections = re.findall(r"^## (.+)$", (ROOT / "docs/alerts.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sections == [rule["alert"] for rule in RULES]


@pytest.mark.system
@pytest.mark.parametrize(
    "command", [("check", "rules", "reelwarden-alerts.yml"), ("test", "rules", "reelwarden-alerts-test.yml")]
)
def test_promtool_finds_them_right(command: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    assert promtool, "promtool is not here: make system-packages"
    ended = subprocess.run([promtool, *command], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
