"""Of erasures and copies: certificates, backup records, drills."""

from collections.abc import Iterable

from reelwarden_common.web import N_
from reelwarden_report.district.inspector.tables.document import Section, megabytes
from reelwarden_report.district.inspector.tables.scribe import Scribe


def copies(scribe: Scribe) -> Iterable[Section]:
    """What was erased on its day (R3.1), copied, brought back for trial (R4.1)."""
    yield scribe.section(
        N_("Erased on its day, with certificates"),
        (
            (N_("Footage of"), 1.4),
            (N_("Cameras"), 1),
            (N_("Segments"), 1),
            (N_("Bytes"), 1.2),
            (N_("Erased at"), 3.2),
        ),
        (
            (
                str(r["day"]),
                str(r["cameras"]),
                str(r["count"]),
                megabytes(r["bytes"]),
                f"{scribe.local(r['erased_from'])} – {scribe.local(r['erased_to'])}",
            )
            for r in scribe.record.erased
        ),
        "erased",
    )
    yield scribe.section(
        N_("Backup records"),
        (
            (N_("Time"), 1.8),
            (N_("Kind"), 1),
            (N_("Objects"), 1),
            (N_("Bytes"), 1.2),
            (N_("Place"), 2.4),
            (N_("Exceptions"), 2),
        ),
        (
            (
                scribe.local(r["ended_at"]),
                scribe.code(r["kind"]),
                str(r["objects"]),
                megabytes(r["bytes"]),
                r["place"],
                "; ".join(r["exceptions"]) or "—",
            )
            for r in scribe.record.backups
        ),
        "backups",
    )
    yield scribe.section(
        N_("Restore drills"),
        ((N_("Time"), 1.8), (N_("Copies drawn"), 1), (N_("Brought back, right and playable"), 2)),
        ((scribe.local(r["at"]), str(r["sampled"]), str(r["restored"])) for r in scribe.record.drills),
        "drills",
    )
    yield scribe.section(
        N_("Backup copies found corrupt"),
        (
            (N_("Camera"), 1.2),
            (N_("Object"), 4),
            (N_("Reason"), 1.4),
            (N_("Found at"), 1.8),
            (N_("Verified again"), 1.8),
        ),
        (
            (
                scribe.camera(r["camera"]),
                r["key"],
                scribe.code(r["reason"]),
                scribe.local(r["at"]),
                scribe.local(r["verified_at"]) if r["verified_at"] else scribe.say(N_("not yet")),
            )
            for r in scribe.record.corrupt
        ),
        "corrupt",
    )
