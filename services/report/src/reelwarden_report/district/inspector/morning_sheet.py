"""A morning's page in words: one document for screen, paper and PDF, in either language."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from reelwarden_common.web import N_, Text
from reelwarden_report.district.inspector import words
from reelwarden_report.district.inspector.domain import Kind
from reelwarden_report.district.inspector.morning import FEWEST, Group, Line, Morning
from reelwarden_report.district.inspector.tables.document import Document, Section, megabytes
from reelwarden_report.district.inspector.tables.scribe import Say


class Sheet:
    """Writes one."""

    def __init__(self, morning: Morning, language: str, say: Say, zone: ZoneInfo) -> None:
        self._morning, self._language, self._say, self._zone = morning, language, say, zone
        self._names = {
            line.camera: line.name
            for group in (*morning.groups, Group(kind="", place="", since=None, lines=morning.planned))
            for line in group.lines
            if line.camera
        }

    def document(self, district: str, digest: str, signed: str = "", checkpoint: str = "") -> Document:
        """The page.

        Args:
            district: Its name.
            digest: Of the morning's text: what is signed.
            signed: By whom and when; empty: by nobody yet.
            checkpoint: Of the custody log, in short; empty: none.
        """
        morning, say = self._morning, self._say
        below = (
            (say(N_("SHA-256 of what is signed")), digest),
            (say(N_("Custody log of the district, newest checkpoint")), checkpoint),
        )
        return Document(
            language=self._language,
            title=say(N_("Morning page of the recording")),
            number=f"{morning.school.school}-{morning.day}",
            district=district,
            summary=say(self._summary()),
            good=morning.known and not morning.exceptions,
            facts=tuple((say(label), value) for label, value in self._facts()),
            sections=tuple(self._sections()),
            checkpoints=tuple((label, text) for label, text in below if text),
            signatures=(f"{say(N_('Safety department'))} {signed}".strip(),),
            date_label=say(N_("Date")),
            footer=say(N_("To be signed before 09:00 (R5.1).")),
        )

    def _summary(self) -> Text | str:
        morning = self._morning
        if not morning.known:
            return Text(N_("The school is cut off: its present state is unknown."))
        if not morning.exceptions:
            return Text(
                N_("Nothing to do: %(recording)s of %(cameras)s cameras record, and nothing is open."),
                recording=morning.recording,
                cameras=morning.cameras,
            )
        return Text(
            N_("%(count)s exception(s) of %(causes)s likely cause(s)."),
            count=morning.exceptions,
            causes=len(morning.groups),
        )

    def _facts(self) -> Iterable[tuple[Text | str, str]]:
        """What was checked, so that an empty page says something."""
        morning, school = self._morning, self._morning.school
        yield N_("School"), f"{school.name} ({school.school})"
        yield N_("As of"), self._local(morning.at)
        yield N_("Last heard of"), self._local(school.alive_at)
        yield N_("Cameras recording"), f"{morning.recording} / {morning.cameras}"
        held = "—" if morning.held is None else f"{morning.held} / {morning.keep_days}"
        yield N_("Days held by the camera that lacks most"), held
        yield N_("Disk free / in all"), f"{megabytes(school.disk_free)} / {megabytes(school.disk_total)}"
        yield N_("Holds in force"), f"{school.holds_in_force} (+{school.holds_pending})"
        yield N_("Backup copies / of them corrupt"), f"{school.copies} / {school.copies_corrupt}"
        yield N_("Last read-back of copies"), self._local(school.read_back_at)
        yield N_("Lost, not restored"), str(school.lost)

    def _local(self, moment: datetime | None) -> str:
        return moment.astimezone(self._zone).strftime("%Y-%m-%d %H:%M") if moment else "—"

    def _sections(self) -> Iterable[Section]:
        for group in self._morning.groups:
            yield self._section(self._cause(group), group.lines)
        if self._morning.planned:
            yield self._section(Text(N_("Planned work: shown, not counted")), self._morning.planned)

    def _cause(self, group: Group) -> Text:
        count = len(group.lines)
        if group.kind != Kind.SILENT:
            return Text(N_("%(kind)s (%(count)s)"), kind=words.name(group.kind), count=count)
        since = self._local(group.since)
        if count < FEWEST:
            return Text(N_("One camera silent since %(since)s"), since=since)
        if group.place:
            together = N_("%(place)s: %(count)s cameras silent since %(since)s")
            return Text(together, place=group.place, count=count, since=since)
        together = N_("%(count)s cameras silent since %(since)s: a switch, the power, a recorder?")
        return Text(together, count=count, since=since)

    def _section(self, title: Text, lines: Iterable[Line]) -> Section:
        columns = (N_("Severity"), N_("Camera"), N_("Finding"), N_("Found at"), N_("Mend by"))
        rows = tuple(
            (
                self._say(words.code(line.severity)),
                line.name or "—",
                self._say(words.sentence(line.kind, line.facts, self._zone, self._named)),
                self._local(line.opened_at),
                self._local(line.deadline),
            )
            for line in lines
        )
        labels = tuple(self._say(label) for label in columns)
        return Section(self._say(title), labels, rows, (0.8, 1.4, 5, 1.5, 1.5), "")

    def _named(self, camera: str) -> str:
        return self._names.get(camera, camera)
