"""A record as the sections of a written report: one definition for HTML and PDF, in either language."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from reelwarden_common.web import N_, Text
from reelwarden_report.district.inspector import words
from reelwarden_report.district.inspector.record import MOST_ROWS, Record

Say = Callable[[Text | str], str]


@dataclass(frozen=True)
class Section:
    """A numbered table; `widths` are shares of the line."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    empty: str
    note: str = ""


@dataclass(frozen=True)
class Document:
    """A report ready to be laid out."""

    language: str
    title: str
    number: str
    district: str
    summary: str
    good: bool
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    checkpoints: tuple[tuple[str, str], ...]
    signatures: tuple[str, ...]
    date_label: str
    footer: str

    def data(self) -> dict[str, Any]:
        """As JSON for the PDF's template."""
        return asdict(self)


class Writer:
    """Puts a record into one language."""

    def __init__(self, record: Record, language: str, say: Say, zone: ZoneInfo) -> None:
        self.record = record
        self.language = language
        self.say = say
        self.zone = zone
        self._names = {camera.camera: camera.name for camera in record.cameras}

    def local(self, value: datetime | str | None) -> str:
        """A moment in the district's zone."""
        if value is None:
            return "—"
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S")

    def camera(self, camera: str | None) -> str:
        """A camera by its name."""
        return self._names.get(camera, camera) if camera else "—"

    def code(self, value: str | None) -> str:
        """A code in words."""
        return self.say(words.code(value)) if value else "—"

    def document(self, number: str, district: str) -> Document:
        """The whole report."""
        record, school = self.record, self.record.school
        open_findings = [f for f in record.findings if f.closed_at is None]
        good = not open_findings and school.state == "good" and record.asked
        summary = (
            Text(N_("Nothing is to be objected to."))
            if good
            else Text(
                N_("%(open)s finding(s) are open, %(serious)s of them serious. %(unknown)s"),
                open=len(open_findings),
                serious=sum(f.severity == "serious" for f in open_findings),
                unknown=self._unknown(),
            )
        )
        return Document(
            language=self.language,
            title=self.say(N_("Surveillance recording inspection report")),
            number=number,
            district=district,
            summary=self.say(summary),
            good=good,
            facts=self._facts(number),
            sections=tuple(self._sections()),
            checkpoints=self._checkpoints(),
            signatures=(
                self.say(N_("Inspector")),
                self.say(N_("Safety department")),
                self.say(N_("School leader")),
            ),
            date_label=self.say(N_("Date")),
            footer=self.say(N_("Made from the events of the school and the district. Rules R3 to R5.")),
        )

    def _unknown(self) -> Text | str:
        if self.record.school.state == "unknown":
            return Text(N_("The school is cut off: its present state is unknown."))
        if not self.record.asked:
            return Text(N_("The index did not answer: coverage is as last known."))
        return ""

    def _facts(self, number: str) -> tuple[tuple[str, str], ...]:
        record, school = self.record, self.record.school
        size = f"{megabytes(school.disk_free)} / {megabytes(school.disk_total)}"
        pairs: list[tuple[Text | str, str]] = [
            (N_("Number"), number),
            (N_("School"), f"{school.name} ({school.school})"),
            (N_("Kind"), self.code(record.kind)),
            (N_("Inspected at"), self.local(record.at)),
            (N_("Period"), f"{self.local(record.since)} – {self.local(record.at)}"),
            (N_("Inspected by"), record.by or self.say(N_("the system, by schedule"))),
            (N_("Next inspection"), str(record.at.astimezone(self.zone).date() + timedelta(days=1))),
            (N_("Last heard of"), self.local(school.alive_at)),
            (N_("Retention plan"), self._plan()),
            (N_("Disk free / in all"), size),
            (N_("Backup copies / of them corrupt"), f"{school.copies} / {school.copies_corrupt}"),
            (N_("Read-backs of copies (a copy counts each time)"), self._read_back()),
            (
                N_("Backup backlog"),
                str(school.backlog_segments if school.backlog_segments is not None else "—"),
            ),
        ]
        return tuple((self.say(label), value) for label, value in pairs)

    def _plan(self) -> str:
        school = self.record.school
        issued = Text(
            N_("version %(version)s, issued at %(at)s"),
            version=school.plan_issued or "—",
            at=self.local(school.plan_issued_at),
        )
        if school.plan_applied == school.plan_issued:
            return self.say(issued)
        has = Text(N_("the school still has version %(version)s"), version=school.plan_applied or "—")
        return f"{self.say(issued)}; {self.say(has)}"

    def _read_back(self) -> str:
        school = self.record.school
        last = f" ({self.local(school.read_back_at)})" if school.read_back_at else ""
        return f"{school.read_backs}{last}"

    def _checkpoints(self) -> tuple[tuple[str, str], ...]:
        custody = self.record.custody
        both = [
            (N_("Custody log of the district, newest checkpoint"), custody.district, custody.district_key),
            (N_("Custody log of the school, newest checkpoint"), custody.site, custody.site_key),
        ]
        return tuple((self.say(label), f"{note}\n{key}") for label, note, key in both if note)

    def _section(
        self,
        title: str,
        columns: Iterable[tuple[str, float]],
        rows: Iterable[Iterable[str]],
        table: str = "",
        empty: str = N_("None."),
    ) -> Section:
        columns = list(columns)
        note = Text(N_("Only the newest %(most)s are shown."), most=MOST_ROWS)
        return Section(
            self.say(title),
            tuple(self.say(label) for label, _ in columns),
            tuple(tuple(row) for row in rows),
            tuple(width for _, width in columns),
            self.say(empty),
            self.say(note) if table in self.record.cut else "",
        )

    def _sections(self) -> Iterable[Section]:
        yield self._findings()
        yield self._cameras()
        yield self._gaps()
        yield from self._incidents()
        yield from self._process()
        yield from self._copies()

    def _findings(self) -> Section:
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
                self.code(f.severity),
                self.say(words.name(f.kind)),
                self.camera(f.camera),
                self.say(words.sentence(f.kind, f.facts, self.zone, self.camera))
                + (f" ×{f.times}" if f.times > 1 else ""),
                self.local(f.opened_at),
                self.code(f.close_reason) if f.closed_at else self.local(f.deadline),
            )
            for f in self.record.findings
        )
        return self._section(N_("Exceptions"), columns, rows)

    def _cameras(self) -> Section:
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
                self.local(c.newest),
                self.local(c.oldest),
                f"{c.days_held} / {c.keep_days}",
                "—" if c.days_ahead is None else f"{c.days_ahead:.1f}",
                str(len(c.gaps)),
                "—" if c.clock_offset_ms is None else f"{c.clock_offset_ms / 1000:+.1f} s",
            )
            for c in self.record.cameras
        )
        return self._section(N_("Cameras"), columns, rows)

    def _gaps(self) -> Section:
        columns = ((N_("Camera"), 2), (N_("From"), 2), (N_("To"), 2), (N_("Length"), 1))
        rows = (
            (c.name, self.local(start), self.local(end), words.duration((end - start).total_seconds()))
            for c in self.record.cameras
            for start, end in c.gaps
        )
        return self._section(N_("Gaps in the footage"), columns, rows)

    def _incidents(self) -> Iterable[Section]:
        yield self._section(
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
                    self.camera(r["camera"]),
                    r["locator"],
                    self.code(r["reason"]),
                    self.local(r["file_time"]),
                    str(r["size"]),
                )
                for r in self.record.rejected
            ),
            "rejected",
        )
        yield self._section(
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
                    self.camera(r["camera"]),
                    self.local(r["start"]),
                    r["locator"],
                    self.local(r["noticed_at"]),
                    self.local(r["restored_at"]) if r["restored_at"] else self.say(N_("not yet")),
                )
                for r in self.record.lost
            ),
            "lost",
        )
        yield self._section(
            N_("Footage changed after it was recorded"),
            ((N_("Camera"), 1.2), (N_("Start"), 1.8), (N_("File"), 4), (N_("Noticed"), 1.8)),
            (
                (self.camera(r["camera"]), self.local(r["start"]), r["locator"], self.local(r["heard_at"]))
                for r in self.record.altered
            ),
            "altered",
        )

    def _way(self, steps: Iterable[str]) -> str:
        """The steps of an application; repeated ones are counted."""
        runs = [(step, len(list(same))) for step, same in groupby(steps)]
        return " → ".join(self.code(step) + (f" ×{count}" if count > 1 else "") for step, count in runs)

    def _process(self) -> Iterable[Section]:
        numbers = {r["application"]: r["number"] for r in self.record.applications}
        yield self._section(
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
                    self.local(r["at"]),
                    r["actor"],
                    self.say(words.act(r["act"])),
                    r["rule"],
                    numbers.get(r["application"]) or (r["application"] or "—")[:12],
                )
                for r in self.record.refusals
            ),
            "refusals",
        )
        yield self._section(
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
                    self.code(r["manner"]),
                    self.code(r["status"]),
                    self._way(r["way"] or ()),
                    self.local(r["changed_at"]),
                )
                for r in self.record.applications
            ),
            "applications",
        )
        yield self._section(
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
                    self.code(r["source"]),
                    self.camera(r["camera"]),
                    f"{self.local(r['start'])} – {self.local(r['end'])}",
                    self._state_of_hold(r),
                    self.local(r["until"]),
                )
                for r in self.record.holds
            ),
            "holds",
        )

    def _state_of_hold(self, row: Mapping[str, Any]) -> str:
        """A release takes effect after a delay: until then the hold protects (R3.1)."""
        if row["status"] == "released":
            text = Text(N_("released, takes effect at %(at)s"), at=self.local(row["ended_at"]))
            return self.say(text)
        return self.code(row["status"]) + ("" if row["status"] != "in-force" or row["complete"] else " …")

    def _copies(self) -> Iterable[Section]:
        yield self._section(
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
                    f"{self.local(r['erased_from'])} – {self.local(r['erased_to'])}",
                )
                for r in self.record.erased
            ),
            "erased",
        )
        yield self._section(
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
                    self.local(r["ended_at"]),
                    self.code(r["kind"]),
                    str(r["objects"]),
                    megabytes(r["bytes"]),
                    r["place"],
                    "; ".join(r["exceptions"]) or "—",
                )
                for r in self.record.backups
            ),
            "backups",
        )
        yield self._section(
            N_("Restore drills"),
            ((N_("Time"), 1.8), (N_("Copies drawn"), 1), (N_("Brought back, right and playable"), 2)),
            ((self.local(r["at"]), str(r["sampled"]), str(r["restored"])) for r in self.record.drills),
            "drills",
        )
        yield self._section(
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
                    self.camera(r["camera"]),
                    r["key"],
                    self.code(r["reason"]),
                    self.local(r["at"]),
                    self.local(r["verified_at"]) if r["verified_at"] else self.say(N_("not yet")),
                )
                for r in self.record.corrupt
            ),
            "corrupt",
        )


def megabytes(size: int | None) -> str:
    """Bytes for people."""
    if size is None:
        return "—"
    for unit, bytes_ in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= bytes_:
            return f"{size / bytes_:.1f} {unit}"
    return f"{size} B"
