"""The table of who says what to whom: subscriptions, streams, permissions and AsyncAPI come from here.

A role publishes every event whose subject bears its name; what it hears and asks is listed below.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from reelwarden_common import events
from reelwarden_common.events import access, backup, fsck, ingest, letters, report, retention, status
from reelwarden_common.events.base import ANY_ROLE, Event, Model


class Place(StrEnum):
    """Where a role runs: next to the storage of one school, or at the district."""

    SCHOOL = "school"
    DISTRICT = "district"


class Stream(StrEnum):
    """The streams by direction (topology of hub and leaves)."""

    FOOTAGE = "FOOTAGE"
    SITE = "SITE"
    DISTRICT = "DISTRICT"
    OFFICE = "OFFICE"
    DLQ = "DLQ"
    INTAKE = "INTAKE"


@dataclass(frozen=True)
class Role:
    """One actor: a durable consumer of its name on each stream it hears, one NATS user per place."""

    name: str
    service: str
    place: Place
    hears: tuple[type[Event], ...] = ()
    answers: tuple[str, ...] = ()
    """Questions it answers, as `<role>.query.<what>`, beside those that every role answers."""
    asks: tuple[str, ...] = ()
    reads: tuple[Stream, ...] = ()
    """Streams that it reads by number, without a place of its own in them, to hand on what they hold."""

    @property
    def publishes(self) -> tuple[type[Event], ...]:
        """The events that bear its name, and those that any role may publish."""
        return tuple(e for e in events.ALL if e.role() in (self.name, ANY_ROLE))


SCANNER_SEGMENTS = "scanner.query.segments"
INDEX_SEGMENTS = "index.query.segments"
INDEX_COVERAGE = "index.query.coverage"
REGISTRAR_CUSTODY = "registrar.query.custody"
REGISTRAR_HISTORY = "registrar.query.history"
LEDGER_COPIES = "ledger.query.copies"
INSPECTOR_HOLDS = "inspector.query.holds"
INSPECTOR_ERASED = "inspector.query.erased"
INSPECTOR_CAMERAS = "inspector.query.cameras"
INSPECTOR_PROGRAM = "inspector.task.program"
LETTERS = "any.query.letters"
LETTER = "any.query.letter"
SETTLE_LETTER = "any.task.letter"
STATUS = "any.query.status"
FSCK = "any.query.fsck"
FSCK_REPAIR = "any.task.repair"
CHECKS = (FSCK, FSCK_REPAIR)
"""Answered by the roles that own something which can differ: they list them."""
QUESTIONS: Mapping[str, tuple[type[Model], type[Model]]] = {
    SCANNER_SEGMENTS: (ingest.SegmentsQuery, ingest.SegmentsAnswer),
    INDEX_SEGMENTS: (ingest.SegmentsQuery, ingest.SegmentsAnswer),
    INDEX_COVERAGE: (ingest.CoverageQuery, ingest.CoverageAnswer),
    REGISTRAR_CUSTODY: (report.CustodyQuery, report.CustodyAnswer),
    REGISTRAR_HISTORY: (report.HistoryQuery, report.CustodyAnswer),
    LEDGER_COPIES: (backup.CopiesQuery, backup.CopiesAnswer),
    INSPECTOR_HOLDS: (report.HoldsQuery, report.HoldsAnswer),
    INSPECTOR_ERASED: (report.ErasedQuery, report.ErasedAnswer),
    INSPECTOR_CAMERAS: (report.CamerasQuery, report.CamerasAnswer),
    INSPECTOR_PROGRAM: (report.TokenTask, report.TokenAnswer),
    LETTERS: (letters.LettersQuery, letters.LettersAnswer),
    LETTER: (letters.LetterQuery, letters.LetterAnswer),
    SETTLE_LETTER: (letters.LetterTask, letters.LetterTaskAnswer),
    STATUS: (status.StatusQuery, status.StatusAnswer),
    FSCK: (fsck.FsckQuery, fsck.FsckAnswer),
    FSCK_REPAIR: (fsck.RepairTask, fsck.RepairAnswer),
}
"""The forms of each question and of its answer. A `query` changes nothing, a `task` does."""
EVERY_ROLE_ANSWERS = tuple(q for q in QUESTIONS if q.startswith(f"{ANY_ROLE}.") and q not in CHECKS)
"""What an operator may ask of any role."""
OPERATOR = "ops"
"""The user of those who run the district: it asks, at the hub, and does nothing else."""
OPERATOR_ASKS = (
    *EVERY_ROLE_ANSWERS,
    *CHECKS,
    REGISTRAR_HISTORY,
    LEDGER_COPIES,
    INSPECTOR_HOLDS,
    INSPECTOR_ERASED,
    INSPECTOR_CAMERAS,
    INSPECTOR_PROGRAM,
)

FOLLOWED = (Stream.FOOTAGE, Stream.SITE, Stream.DISTRICT, Stream.OFFICE)
"""What programs may follow: all that is said, no dead letters."""


def follower(school: str) -> str:
    """The hub's user for a program that follows one school, or `district` for all; it can only read."""
    return f"follow-{school}"


_APPLICATION = (
    access.ApplicationFiled,
    access.ApplicationApproved,
    access.ApplicationRejected,
    access.ApplicationWithdrawn,
    access.ApplicationLapsed,
    access.ApplicationClosed,
)
_HOLD_STEPS = (
    access.ExtensionFiled,
    access.ExtensionGranted,
    access.ExtensionEnded,
    access.ReleaseStopped,
)
_SITE_FACTS = (
    ingest.SegmentsRecorded,
    ingest.SegmentsRejected,
    ingest.SegmentAltered,
    ingest.SegmentsLost,
    ingest.StorageMeasured,
    retention.PlanApplied,
    retention.PlanRefused,
    retention.HoldInForce,
    retention.HoldFrozen,
    retention.SegmentsErased,
    retention.SweepStopped,
    access.ExportReady,
    access.ExportFailed,
    backup.ObjectsErased,
    backup.ObjectRestored,
    backup.RestoreFailed,
    backup.RunRecorded,
    backup.BacklogMeasured,
)
_OFFICE_FACTS = (
    retention.HoldAsked,
    retention.HoldDecided,
    retention.HoldReleased,
    retention.HoldLapsed,
    *_APPLICATION,
    access.ViewingStarted,
    access.ViewingStopped,
    access.StillTaken,
    access.PartsCombined,
    access.PartsReviewed,
    access.CopyReleased,
    access.RecordSigned,
    access.UseDeclared,
    access.AccessDenied,
    access.TrainingAcknowledged,
    access.SweepConfirmed,
    backup.ObjectCorrupt,
    backup.ObjectVerified,
    backup.DrillCompleted,
)


def _is_footage(event: type[Event]) -> bool:
    return event.role() == "scanner" and event.fact().startswith("segment.")


_TOLD = tuple(event for event in events.ALL if not _is_footage(event))
"""What programs outside the bus may be told one by one: all but the many facts about segments."""

ROLES: tuple[Role, ...] = (
    Role(
        "scanner",
        "ingest",
        Place.SCHOOL,
        hears=(
            ingest.DayDiffers,
            ingest.CameraRegistered,
            retention.SegmentsErased,
            backup.ObjectRestored,
        ),
        answers=(SCANNER_SEGMENTS, *CHECKS),
    ),
    Role(
        "reaper",
        "retention",
        Place.SCHOOL,
        hears=(
            retention.PlanIssued,
            ingest.SegmentsRecorded,
            ingest.SegmentsRejected,
            ingest.SegmentsLost,
            ingest.SegmentMoved,
            ingest.CameraClock,
            backup.ObjectRestored,
        ),
        answers=CHECKS,
        asks=(SCANNER_SEGMENTS,),
    ),
    Role(
        "exporter",
        "access",
        Place.SCHOOL,
        hears=(access.RetrievalAuthorised,),
        asks=(SCANNER_SEGMENTS,),
    ),
    Role(
        "replicator",
        "backup",
        Place.SCHOOL,
        hears=(
            ingest.SegmentsRecorded,
            ingest.SegmentsLost,
            ingest.SegmentMoved,
            retention.SegmentsErased,
            retention.PlanApplied,
            retention.HoldsKept,
            access.RetrievalAuthorised,
            backup.RestoreRequested,
            backup.VerificationRequested,
        ),
        answers=CHECKS,
    ),
    Role(
        "notary",
        "report",
        Place.SCHOOL,
        hears=(
            *_SITE_FACTS,
            retention.ClockJudged,
            report.KeyChanged,
            report.DistrictCheckpointSigned,
            report.SiteCheckpointCountersigned,
        ),
    ),
    Role("intake", "ingest", Place.DISTRICT),
    Role(
        "index",
        "ingest",
        Place.DISTRICT,
        hears=(
            ingest.SegmentsRecorded,
            ingest.SegmentsRejected,
            ingest.SegmentAltered,
            ingest.SegmentsLost,
            ingest.SegmentMoved,
            ingest.DayCounted,
            retention.SegmentsErased,
            backup.ObjectRestored,
        ),
        answers=(INDEX_SEGMENTS, INDEX_COVERAGE, *CHECKS),
    ),
    Role(
        "keeper",
        "retention",
        Place.DISTRICT,
        hears=(
            *_APPLICATION,
            *_HOLD_STEPS,
            access.SweepConfirmed,
            retention.PlanApplied,
            retention.PlanRefused,
            retention.HoldInForce,
            retention.HoldFrozen,
            retention.HoldsKept,
            retention.SweepStopped,
            report.RulesPublished,
        ),
    ),
    Role(
        "desk",
        "access",
        Place.DISTRICT,
        hears=(
            retention.HoldAsked,
            retention.HoldDecided,
            retention.HoldInForce,
            retention.HoldReleased,
            retention.HoldLapsed,
            retention.SweepStopped,
            retention.SegmentsErased,
            ingest.SegmentsLost,
            backup.ObjectRestored,
            access.ExportReady,
            access.ExportFailed,
            report.RulesPublished,
        ),
        asks=(INDEX_SEGMENTS, INDEX_COVERAGE, REGISTRAR_CUSTODY),
    ),
    Role(
        "ledger",
        "backup",
        Place.DISTRICT,
        hears=(
            backup.ObjectsStored,
            backup.ObjectsErased,
            backup.ObjectRestored,
            backup.RestoreFailed,
            backup.RunRecorded,
            backup.BacklogMeasured,
            ingest.SegmentsLost,
            access.RestoreAsked,
        ),
        answers=(LEDGER_COPIES, *CHECKS),
    ),
    Role(
        "inspector",
        "report",
        Place.DISTRICT,
        hears=(
            *_SITE_FACTS,
            *_OFFICE_FACTS,
            ingest.DayCounted,
            ingest.CameraSilent,
            ingest.CameraClock,
            ingest.StorageForecast,
            ingest.CoverageCounted,
            ingest.SegmentConflict,
            retention.PlanIssued,
            retention.VaultMeasured,
            access.ExtensionFiled,
            access.TaskDue,
            access.TaskOverdue,
            access.TaskDone,
            access.TrainingCounted,
            access.AccessChanged,
            backup.ObjectsStored,
            backup.ReadingsMeasured,
            report.SiteAlive,
            report.MessageRefused,
            letters.LetterSettled,
        ),
        answers=(INSPECTOR_HOLDS, INSPECTOR_ERASED, INSPECTOR_CAMERAS, INSPECTOR_PROGRAM),
        asks=(INDEX_COVERAGE, LEDGER_COPIES, SETTLE_LETTER),
        reads=FOLLOWED,
    ),
    Role(
        "registrar",
        "report",
        Place.DISTRICT,
        hears=(
            *_SITE_FACTS,
            *_OFFICE_FACTS,
            *_HOLD_STEPS,
            retention.PlanIssued,
            access.RetrievalAuthorised,
            access.AccessChanged,
            access.RestoreAsked,
            backup.RestoreRequested,
            report.ReportPublished,
            report.ReportSigned,
            report.RulesPublished,
            report.KeyChanged,
            report.CheckpointSigned,
            report.CheckpointCountersigned,
            letters.LetterSettled,
        ),
        answers=(REGISTRAR_CUSTODY, REGISTRAR_HISTORY),
    ),
    Role("messenger", "report", Place.DISTRICT, hears=_TOLD),
)
_BY_NAME = {role.name: role for role in ROLES}


def role(name: str) -> Role:
    """The role of that name.

    Raises:
        KeyError: there is none.
    """
    return _BY_NAME[name]


def roles_at(place: Place) -> tuple[Role, ...]:
    """All roles that run there."""
    return tuple(r for r in ROLES if r.place is place)


def stream_of(event: type[Event], speaker: Role) -> Stream:
    """The stream that holds what `speaker` says."""
    if speaker.place is Place.SCHOOL:
        return Stream.FOOTAGE if _is_footage(event) else Stream.SITE
    return Stream.DISTRICT if event.TO_SCHOOL else Stream.OFFICE


def speakers(event: type[Event]) -> tuple[Role, ...]:
    """The roles that may publish this event."""
    return tuple(r for r in ROLES if event in r.publishes)


def stream_subjects(stream: Stream, school: str = "*") -> tuple[str, ...]:
    """Every subject that a stream owns, for one school or for all."""
    found = {
        event.subject(school, speaker.name)
        for speaker in ROLES
        for event in speaker.publishes
        if stream_of(event, speaker) is stream
    }
    return tuple(sorted(found))


def school_fact_subjects(stream: Stream, school: str) -> frozenset[str]:
    """What a school may send up in one of its streams: intake lets nothing else in."""
    return frozenset(stream_subjects(stream, school))


def subscriptions(listener: Role, school: str = "*") -> dict[Stream, tuple[str, ...]]:
    """Per stream, the subjects that a role's durable consumer filters for.

    A role at a school hears its own school's subjects, and nothing that stays at the district; one at the
    district hears all.
    """
    found: dict[Stream, set[str]] = {}
    for event in listener.hears:
        for speaker in speakers(event):
            stream = stream_of(event, speaker)
            if stream is not Stream.OFFICE or listener.place is Place.DISTRICT:
                found.setdefault(stream, set()).add(event.subject(school, speaker.name))
    return {stream: tuple(sorted(subjects)) for stream, subjects in sorted(found.items())}


def question_subject(question: str, school: str, role: str | None = None) -> str:
    """The NATS subject of a question: `rw.<school>.<role>.query.<what>`, or `task` for `query`.

    `role` says which one is meant where any may be asked; without it, all.
    """
    own, what = question.split(".", 1)
    return f"rw.{school}.{(role or '*') if own == ANY_ROLE else own}.{what}"


def answered_by(role: Role) -> tuple[str, ...]:
    """Every question that a role answers: its own, and those that any role does."""
    return (*role.answers, *EVERY_ROLE_ANSWERS)


def published_subjects(speaker: Role, school: str = "*") -> tuple[str, ...]:
    """Every subject that a role may publish facts on."""
    return tuple(sorted({e.subject(school, speaker.name) for e in speaker.publishes}))
