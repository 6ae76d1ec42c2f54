"""Puts what a record holds into one language."""

from collections.abc import Callable, Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from reelwarden_common.web import N_, Text
from reelwarden_report.district.inspector import words
from reelwarden_report.district.inspector.record import MOST_ROWS, Record
from reelwarden_report.district.inspector.tables.document import Section

Say = Callable[[Text | str], str]


NONE = N_("None.")


class Scribe:
    """A record, and how to say what it holds."""

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

    def section(
        self,
        title: str,
        columns: Iterable[tuple[str, float]],
        rows: Iterable[Iterable[str]],
        table: str = "",
        empty: str | Text = NONE,
        note: Text | None = None,
    ) -> Section:
        """A table in the record's language; `table` names what a limit may have cut."""
        columns = list(columns)
        if table in self.record.cut:
            note = Text(N_("Only the newest %(most)s are shown."), most=MOST_ROWS)
        return Section(
            self.say(title),
            tuple(self.say(label) for label, _ in columns),
            tuple(tuple(row) for row in rows),
            tuple(width for _, width in columns),
            self.say(empty),
            self.say(note) if note else "",
        )
