"""Of the process: refused attempts, applications, holds."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from reelwarden_common.web import N_, Text
from reelwarden_report.district.inspector import words
from reelwarden_report.district.inspector.tables.document import Section
from reelwarden_report.district.inspector.tables.scribe import Scribe


def process(scribe: Scribe) -> Iterable[Section]:
    """Who was refused, what was applied for, what is held (R4.2, R3.1)."""
    numbers = {r["application"]: r["number"] for r in scribe.record.applications}
    yield scribe.section(
        N_("Refused attempts"),
        (
            (N_("Time"), 1.8),
            (N_("Person"), 3.6),
            (N_("Act"), 1.6),
            (N_("Rule"), 0.7),
            (N_("Application"), 1.6),
        ),
        (
            (
                scribe.local(r["at"]),
                r["actor"],
                scribe.say(words.act(r["act"])),
                r["rule"],
                numbers.get(r["application"]) or (r["application"] or "—")[:12],
            )
            for r in scribe.record.refusals
        ),
        "refusals",
    )
    yield scribe.section(
        N_("Applications"),
        (
            (N_("Number"), 1.8),
            (N_("Manner"), 1),
            (N_("State"), 1.2),
            (N_("Steps"), 5),
            (N_("Last step"), 1.8),
        ),
        (
            (
                r["number"] or r["application"][:12],
                scribe.code(r["manner"]),
                scribe.code(r["status"]),
                _way(scribe, r["way"] or ()),
                scribe.local(r["changed_at"]),
            )
            for r in scribe.record.applications
        ),
        "applications",
    )
    yield scribe.section(
        N_("Holds"),
        (
            (N_("Source"), 1.2),
            (N_("Camera"), 1.2),
            (N_("Span"), 3.4),
            (N_("State"), 1.4),
            (N_("Until"), 1.8),
        ),
        (
            (
                scribe.code(r["source"]),
                scribe.camera(r["camera"]),
                f"{scribe.local(r['start'])} – {scribe.local(r['end'])}",
                _state_of_hold(scribe, r),
                scribe.local(r["until"]),
            )
            for r in scribe.record.holds
        ),
        "holds",
    )


def _way(scribe: Scribe, steps: Iterable[str]) -> str:
    """The steps of an application; repeated ones are counted."""
    runs = [(step, len(list(same))) for step, same in groupby(steps)]
    return " → ".join(scribe.code(step) + (f" ×{count}" if count > 1 else "") for step, count in runs)


def _state_of_hold(scribe: Scribe, row: Mapping[str, Any]) -> str:
    """A release takes effect after a delay: until then the hold protects (R3.1)."""
    if row["status"] == "released":
        text = Text(N_("released, takes effect at %(at)s"), at=scribe.local(row["ended_at"]))
        return scribe.say(text)
    return scribe.code(row["status"]) + ("" if row["status"] != "in-force" or row["complete"] else " …")
