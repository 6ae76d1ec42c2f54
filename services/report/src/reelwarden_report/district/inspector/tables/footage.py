"""Of the footage: findings, cameras, gaps, and what happened to files."""

from collections.abc import Iterable

from reelwarden_common.web import N_
from reelwarden_report.district.inspector import words
from reelwarden_report.district.inspector.tables.document import Section
from reelwarden_report.district.inspector.tables.scribe import Scribe


def findings(scribe: Scribe) -> Section:
    """What is not as it should be."""
    columns = (
        (N_("Severity"), 1),
        (N_("Kind"), 1.4),
        (N_("Camera"), 1.2),
        (N_("Finding"), 5),
        (N_("Found at"), 1.8),
        (N_("Mend by"), 1.8),
    )
    rows = (
        (
            scribe.code(f.severity),
            scribe.say(words.name(f.kind)),
            scribe.camera(f.camera),
            scribe.say(words.sentence(f.kind, f.facts, scribe.zone, scribe.camera))
            + (f" ×{f.times}" if f.times > 1 else ""),
            scribe.local(f.opened_at),
            scribe.code(f.close_reason) if f.closed_at else scribe.local(f.deadline),
        )
        for f in scribe.record.findings
    )
    return scribe.section(N_("Exceptions"), columns, rows)


def cameras(scribe: Scribe) -> Section:
    """Each camera, and the days that it holds against the rule (R3.1)."""
    columns = (
        (N_("Camera"), 1.4),
        (N_("Place"), 1.4),
        (N_("Newest footage"), 2),
        (N_("Oldest footage of the period"), 2),
        (N_("Days really held / required"), 1.6),
        (N_("Days at this rate"), 1),
        (N_("Gaps"), 0.8),
        (N_("Clock offset"), 1),
    )
    rows = (
        (
            c.name,
            c.place,
            scribe.local(c.newest),
            scribe.local(c.oldest),
            f"{c.days_held} / {c.keep_days}",
            "—" if c.days_ahead is None else f"{c.days_ahead:.1f}",
            str(len(c.gaps)),
            "—" if c.clock_offset_ms is None else f"{c.clock_offset_ms / 1000:+.1f} s",
        )
        for c in scribe.record.cameras
    )
    return scribe.section(N_("Cameras"), columns, rows)


def gaps(scribe: Scribe) -> Section:
    """What was not recorded."""
    columns = ((N_("Camera"), 2), (N_("From"), 2), (N_("To"), 2), (N_("Length"), 1))
    rows = (
        (c.name, scribe.local(start), scribe.local(end), words.duration((end - start).total_seconds()))
        for c in scribe.record.cameras
        for start, end in c.gaps
    )
    return scribe.section(N_("Gaps in the footage"), columns, rows)


def incidents(scribe: Scribe) -> Iterable[Section]:
    """Files that are no footage, that vanished, that were changed."""
    yield scribe.section(
        N_("Files that are no usable footage"),
        (
            (N_("Camera"), 1.2),
            (N_("File"), 4),
            (N_("Reason"), 1.6),
            (N_("File time"), 1.8),
            (N_("Bytes"), 1),
        ),
        (
            (
                scribe.camera(r["camera"]),
                r["locator"],
                scribe.code(r["reason"]),
                scribe.local(r["file_time"]),
                str(r["size"]),
            )
            for r in scribe.record.rejected
        ),
        "rejected",
    )
    yield scribe.section(
        N_("Footage lost before it was due"),
        (
            (N_("Camera"), 1.2),
            (N_("Start"), 1.8),
            (N_("File"), 4),
            (N_("Noticed"), 1.8),
            (N_("Restored"), 1.8),
        ),
        (
            (
                scribe.camera(r["camera"]),
                scribe.local(r["start"]),
                r["locator"],
                scribe.local(r["noticed_at"]),
                scribe.local(r["restored_at"]) if r["restored_at"] else scribe.say(N_("not yet")),
            )
            for r in scribe.record.lost
        ),
        "lost",
    )
    yield scribe.section(
        N_("Footage changed after it was recorded"),
        ((N_("Camera"), 1.2), (N_("Start"), 1.8), (N_("File"), 4), (N_("Noticed"), 1.8)),
        (
            (scribe.camera(r["camera"]), scribe.local(r["start"]), r["locator"], scribe.local(r["heard_at"]))
            for r in scribe.record.altered
        ),
        "altered",
    )
