"""A record as the sections of a written report: one definition for HTML and PDF, in either language."""

from collections.abc import Iterable
from datetime import timedelta

from reelwarden_common.web import N_, Text
from reelwarden_report.district.inspector import words
from reelwarden_report.district.inspector.signing import Signed, means
from reelwarden_report.district.inspector.tables import monthly
from reelwarden_report.district.inspector.tables.copies import copies
from reelwarden_report.district.inspector.tables.document import Document, Section, megabytes
from reelwarden_report.district.inspector.tables.footage import cameras, findings, gaps, incidents
from reelwarden_report.district.inspector.tables.pictures import heat, sentences, trends
from reelwarden_report.district.inspector.tables.process import process
from reelwarden_report.district.inspector.tables.scribe import Scribe


class Writer(Scribe):
    """Writes the whole report."""

    def document(self, number: str, district: str, state: Signed | None = None) -> Document:
        """The whole report, with who signed and read it."""
        record, school = self.record, self.record.school
        open_findings = [f for f in record.findings if f.closed_at is None and f.planned is None]
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
            sentences=sentences(self, record.month) if record.month else (),
            heat=heat(self, record.month) if record.month else None,
            trends=trends(self, record.month) if record.month else (),
            signed=tuple(self._signed(state)) if state else (),
        )

    def _signed(self, state: Signed) -> Iterable[str]:
        if state.signature:
            text = Text(
                N_("Signed by %(name)s (%(role)s) at %(at)s %(means)s, over the PDF of SHA-256 %(digest)s"),
                name=state.signature.name,
                role=words.code(state.signature.role),
                at=self.local(state.signature.at),
                means=means(state.signature.own_key),
                digest=state.signature.digest,
            )
            yield self.say(text)
        for one in state.readings:
            text = Text(
                N_("Read by %(name)s (%(role)s) at %(at)s"),
                name=one.name,
                role=words.code(one.role),
                at=self.local(one.at),
            )
            yield self.say(text)

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

    def _sections(self) -> Iterable[Section]:
        month = self.record.month
        yield findings(self)
        yield cameras(self)
        yield from monthly.of_footage(self, month) if month else ()
        yield gaps(self)
        yield from incidents(self)
        yield from process(self)
        yield from monthly.of_process(self, month) if month else ()
        yield from copies(self)
        yield from monthly.of_copies(self, month) if month else ()
        yield from monthly.of_people(self, month) if month else ()
