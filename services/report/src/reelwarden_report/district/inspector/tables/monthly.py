"""The tables that a monthly report has beyond those of every inspection (R5.1)."""

from collections.abc import Iterable

from reelwarden_common.web import N_, Text
from reelwarden_report.district.inspector import words
from reelwarden_report.district.inspector.monthly import Monthly
from reelwarden_report.district.inspector.quarters import Quarter
from reelwarden_report.district.inspector.tables.document import Section
from reelwarden_report.district.inspector.tables.scribe import Scribe


def of_footage(scribe: Scribe, month: Monthly) -> Iterable[Section]:
    """Why footage is missing, and how long faults stood."""
    yield scribe.section(
        N_("Gaps by cause"),
        ((N_("Cause"), 3), (N_("Gaps"), 1), (N_("Length in all"), 1.4)),
        (
            (scribe.say(words.cause(one.cause)), str(one.gaps), words.duration(one.seconds))
            for one in month.causes
        ),
    )
    yield scribe.section(
        N_("Faults, and how long they stood"),
        (
            (N_("Kind"), 2.4),
            (N_("Found"), 1),
            (N_("Still open"), 1),
            (N_("On average"), 1.4),
            (N_("The longest"), 1.4),
            (N_("Longer than 24 h"), 1.4),
        ),
        (
            (
                scribe.say(words.name(one.kind)),
                str(one.found),
                str(one.open),
                words.duration(one.mean),
                words.duration(one.longest),
                str(one.too_long),
            )
            for one in month.stood
        ),
    )


def of_process(scribe: Scribe, month: Monthly) -> Iterable[Section]:
    """How long applications took, what left, and who broke the rules, without who."""
    yield scribe.section(
        N_("How long each step of an application took"),
        ((N_("Number"), 1.4), (N_("Steps"), 6), (N_("In all"), 1)),
        (
            (
                way.number,
                "; ".join(
                    f"{scribe.code(one.step)} → {scribe.code(one.following)} {words.duration(one.seconds)}"
                    for one in way.legs
                )
                or "—",
                words.duration(sum(one.seconds for one in way.legs)),
            )
            for way in month.ways
        ),
    )
    yield scribe.section(
        N_("Copies released, with their purpose"),
        (
            (N_("Number"), 1.6),
            (N_("Released at"), 1.8),
            (N_("Recipient"), 1.2),
            (N_("Purpose"), 1.6),
            (N_("Use ends"), 1.8),
            (N_("Declared"), 1.2),
        ),
        (
            (
                one.number,
                scribe.local(one.at),
                scribe.code(one.recipient),
                scribe.code(one.purpose) + (f" ({scribe.code(one.outsider)})" if one.outsider else ""),
                scribe.local(one.use_by),
                scribe.code(one.declared) if one.declared else scribe.say(N_("not yet")),
            )
            for one in month.releases
        ),
    )
    yield scribe.section(
        N_("Violations (R5.2)"),
        (
            (N_("Time"), 1.8),
            (N_("Kind"), 2.4),
            (N_("Grade"), 1),
            (N_("Rule"), 0.8),
            (N_("Source"), 1.2),
            (N_("State"), 2),
        ),
        (
            (
                scribe.local(one.at),
                scribe.say(words.name(one.kind)),
                scribe.code(one.grade),
                one.rule,
                scribe.say(N_("reported by somebody") if one.reported else N_("detected")),
                scribe.code(one.state) + (f": {scribe.code(one.outcome)}" if one.outcome else ""),
            )
            for one in month.violations
        ),
    )


def of_copies(scribe: Scribe, month: Monthly) -> Iterable[Section]:
    """Certificates by the plan that demanded the erasure; how far backups can be trusted."""
    yield scribe.section(
        N_("Certificates of erasure, by plan"),
        (
            (N_("Plan"), 2.6),
            (N_("Rule"), 1.6),
            (N_("Certificates"), 1.2),
            (N_("Cameras"), 1),
            (N_("Footage of"), 2.4),
        ),
        (
            (
                f"{one.epoch or '—'}/{one.version or '—'} {one.plan[:16]}",
                scribe.say(Text(N_("R3.1: %(days)s days"), days=one.keep_days or "—")),
                str(one.certificates),
                str(one.cameras),
                f"{one.first_day} – {one.last_day}",
            )
            for one in month.erasures
        ),
    )
    school = scribe.record.school
    drilled = f" ({school.drill_restored} / {school.drill_sampled})" if school.drill_at else ""
    yield scribe.section(
        N_("Backups at a glance"),
        (
            (N_("Copies"), 1),
            (N_("Of them corrupt"), 1),
            (N_("Last backup"), 1.8),
            (N_("Last read-back"), 1.8),
            (N_("Last restore drill"), 2.2),
        ),
        (
            (
                str(school.copies),
                str(school.copies_corrupt),
                scribe.local(school.last_backup),
                scribe.local(school.read_back_at),
                scribe.local(school.drill_at) + drilled,
            ),
        ),
    )


def of_people(scribe: Scribe, month: Monthly) -> Iterable[Section]:
    """Filings, training and what staff suggested."""
    yield scribe.section(
        N_("Filings with the police that are stale"),
        ((N_("Number"), 2), (N_("Filed on"), 1.4), (N_("Camera no longer as filed"), 3)),
        ((one.number, str(one.on), one.camera) for one in month.filings or ()),
        empty=N_("None.")
        if month.filings is not None
        else N_("Not registered: nobody has entered a filing."),
    )
    training = month.training
    yield scribe.section(
        N_("Training and acknowledgement of the rules"),
        (
            (N_("Rules, version"), 1),
            (N_("People who must know them"), 1.4),
            (N_("Acknowledged"), 1),
            (N_("Not yet"), 1),
            (N_("Counted at"), 1.8),
        ),
        ()
        if training is None
        else (
            (
                str(training.version),
                str(training.people),
                str(training.acknowledged),
                str(training.people - training.acknowledged),
                scribe.local(training.at),
            ),
        ),
        empty=N_("The desk has not counted yet."),
    )
    quarter = _quarter(month.quarter) if month.quarter else None
    yield scribe.section(
        N_("Suggestions and answers (R5.3)"),
        (
            (N_("Received"), 1.4),
            (N_("Suggestion"), 4),
            (N_("Answer"), 3),
            (N_("Led to the rules, version"), 1),
        ),
        (
            (
                scribe.local(one.at),
                one.text,
                one.answer or scribe.say(N_("not yet")),
                str(one.rules_version or "—"),
            )
            for one in month.words
        ),
        empty=quarter or N_("None."),
        note=quarter,
    )


def _quarter(quarter: Quarter) -> Text:
    return Text(N_("In %(quarter)s: %(counted)s"), quarter=quarter.name, counted=quarter.said())
