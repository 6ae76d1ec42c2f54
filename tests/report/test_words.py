"""Everything that the inspector says can be said in Chinese."""

import ast
import re
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import reelwarden_report.district.inspector as package
from reelwarden_backup.district.ledger.domain import Outcome
from reelwarden_common.events.access import Manner
from reelwarden_common.events.report import Severity
from reelwarden_common.events.retention import HoldSource
from reelwarden_common.messaging import topology
from reelwarden_common.web.i18n import Catalogue, read_catalogue
from reelwarden_ingest.site.scanner.domain import Reason as RejectReason
from reelwarden_report.district.inspector import words
from reelwarden_report.district.inspector.commands import InspectionKind
from reelwarden_report.district.inspector.domain import WEIGHTS, Kind
from reelwarden_report.district.inspector.findings import BY_ITSELF

FOLDER = Path(package.__file__).parent
ZONE = ZoneInfo("Asia/Shanghai")


def said() -> set[str]:
    found = set()
    for file in FOLDER.rglob("*.py"):
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


SERVICES = FOLDER.parents[4]
REASONS = {"UntrustedPlan": 0, "CannotRestore": 0, "_fail": 1, "_say_stopped": 2}
"""Calls by which other roles give a reason, and the place of its code among their arguments."""


def spoken(*services: str) -> list[ast.AST]:
    """The syntax of all that other services' roles are made of."""
    files = [file for name in services for file in (SERVICES / name / "src").rglob("*.py")]
    assert files
    return [node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))]


def given(calls: dict[str, int], *services: str) -> set[str]:
    """The codes that are written as arguments of these calls."""
    found = set()
    for node in spoken(*services):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            place = node.args[calls[name]] if name in calls and len(node.args) > calls[name] else None
            if isinstance(place, ast.Constant) and isinstance(place.value, str):
                found.add(place.value)
    return found


def assigned(name: str, service: str) -> set[str]:
    """The codes that a service gives to a variable."""
    found = set()
    for node in spoken(service):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            value = node.value
            found |= (
                {value.value} if isinstance(value, ast.Constant) and isinstance(value.value, str) else set()
            )
    return found


def returned(function: str, service: str) -> set[str]:
    """The codes that a function of a service returns."""
    bodies = [n for n in spoken(service) if isinstance(n, ast.FunctionDef) and n.name == function]
    assert bodies
    texts = [
        n
        for body in bodies
        for found in ast.walk(body)
        if isinstance(found, ast.Return)
        for n in ast.walk(found)
        if isinstance(n, ast.Constant)
    ]
    return {node.value for node in texts if isinstance(node.value, str)}


def codes() -> dict[str, set[str]]:
    """All codes that the inspector shows, by where they come from."""
    steps = given({"step": 1}, "report")
    return {
        "rejected files": {reason.value for reason in RejectReason},
        "refused plans, stopped sweeps, failed restores and exports": given(
            REASONS, "retention", "backup", "access"
        ),
        "brakes": assigned("reason", "retention") | returned("doubt", "retention"),
        "backup copies": {
            "differs",
            *(one.value for one in Outcome if one.value in ("unreadable", "missing")),
        },
        "runs": {"full", "incremental"},
        "severities": {one.value for one in Severity},
        "manners": {one.value for one in Manner},
        "sources of holds": {one.value for one in HoldSource},
        "states of holds": {"asked", "decided", "frozen", "in-force", "released", "lapsed"},
        "steps of applications": steps,
        "inspections": set(get_args(InspectionKind)),
        "endings": {BY_ITSELF, "mended", "accepted", *words.OUTCOMES},
        "roles": {role.name for role in topology.ROLES},
    }


def test_every_code_has_words_in_both_languages() -> None:
    known = chinese()
    for source, found in codes().items():
        assert len(found) > 1, source
        for code in found:
            assert words.CODES.get(code), (source, code)
            assert words.CODES[code] in known, (source, code)


def test_every_act_at_the_desk_has_words_in_both_languages() -> None:
    acts = given({"About": 0, "_on": 1}, "access") | {"denials", "lost", "sweeps"}
    assert len(acts) > 20
    for act in acts:
        assert words.ACTS.get(act), act
        assert words.ACTS[act] in chinese(), act


def test_room_for_thousands_of_days_is_not_said() -> None:
    assert words.forecast(41.4).plain() == "room for about 41 days"
    assert words.forecast(4812.0).plain() == "room for more than a year"
