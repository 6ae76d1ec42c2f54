"""What messages to people say, in both languages; Chinese lies in `locale/`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from reelwarden_common.web import N_, Catalogue, Text
from reelwarden_common.web.i18n import CHINESE, ENGLISH, read_catalogue
from reelwarden_report.district.inspector import words as findings
from reelwarden_report.district.messenger.domain import REVIEW, Group
from reelwarden_report.telling.choices import Notice

OWN = "reelwarden_report.district.messenger"
MOST_LINES = 30
SENTENCES = {
    Notice.SERIOUS: N_("%(school)s: serious: %(about)s, to be mended by %(deadline)s"),
    Notice.WARNING: N_("%(school)s: warning: %(about)s, to be mended by %(deadline)s"),
    Notice.INFO: N_("%(school)s: note: %(about)s"),
    Notice.TASK: N_("%(school)s: %(number)s: %(about)s"),
    Notice.HOLD: N_("%(school)s: footage that is held: %(about)s"),
    Notice.VIOLATION: N_("%(school)s: violation: %(about)s (%(rule)s)"),
    Notice.REPORT: N_("%(school)s: report %(number)s is there"),
}
HOLDS = {
    REVIEW: N_("its time is nearly over, a review is due"),
    "lapsed": N_("a hold is over"),
    "released": N_("a hold was released, in effect from %(deadline)s"),
}
TITLE = N_("Reelwarden: %(count)s new")
MANY = N_("%(sentence)s (%(count)s times)")
MORE = N_("… and %(count)s more on the page.")
ALL = N_("All of it: %(address)s")


@dataclass(frozen=True)
class Places:
    """Where links lead."""

    desk: str
    dashboard: str


class Words:
    """Sentences with names of schools and moments of the district's zone."""

    def __init__(self, schools: Mapping[str, str], zone: ZoneInfo, places: Places) -> None:
        chinese = read_catalogue(["reelwarden_common.web", "reelwarden_report.district.inspector", OWN])
        self._catalogues = {CHINESE: chinese, ENGLISH: Catalogue({})}
        self._schools = schools
        self._zone = zone
        self.places = places

    def say(self, language: str, message: str, **values: object) -> str:
        """A sentence."""
        return self._catalogues[language].say(Text(message, **values))

    def title(self, language: str, groups: Sequence[Group]) -> str:
        """How many there are."""
        return self.say(language, TITLE, count=sum(group.count for group in groups))

    def lines(self, language: str, groups: Sequence[Group]) -> list[tuple[str, str]]:
        """One sentence a group, with the address where more of it stands."""
        return [(self._sentence(language, group), self._link(group)) for group in groups[:MOST_LINES]]

    def rest(self, language: str, groups: Sequence[Group]) -> list[str]:
        """How many were left out, and where all are."""
        left = sum(group.count for group in groups[MOST_LINES:])
        more = [self.say(language, MORE, count=left)] if left else []
        return [*more, self.say(language, ALL, address=self.places.dashboard)]

    def _sentence(self, language: str, group: Group) -> str:
        line = group.first
        deadline = str(line.facts.get("deadline", ""))
        if deadline:
            deadline = datetime.fromisoformat(deadline).astimezone(self._zone).strftime("%Y-%m-%d %H:%M")
        about = str(line.facts.get("about", ""))
        known = self._about(line.kind, about, deadline)
        sentence = Text(
            SENTENCES[line.kind],
            school=self._schools.get(line.school, line.school),
            about=known,
            deadline=deadline,
            number=line.facts.get("number", ""),
            rule=line.facts.get("rule", ""),
        )
        if group.count > 1:
            sentence = Text(MANY, sentence=sentence, count=group.count)
        return self._catalogues[language].say(sentence)

    def _about(self, kind: Notice, about: str, deadline: str) -> Text:
        if kind is Notice.TASK:
            return findings.task_named(about)
        return Text(HOLDS[about], deadline=deadline) if about in HOLDS else findings.name(about)

    def _link(self, group: Group) -> str:
        facts = group.first.facts
        if "page" in facts:
            return f"{self.places.desk}/{facts['page']}"
        if "report" in facts:
            return f"{self.places.dashboard}/reports/{facts['report']}.html"
        page = "violations" if group.first.kind is Notice.VIOLATION else ""
        return f"{self.places.dashboard}/{page}"
