"""The page `docs/events.md`: who says what to whom, from the same table as the code's own wiring."""

from collections.abc import Iterable

from reelwarden_common import events
from reelwarden_common.contracts.asyncapi import SERVICES
from reelwarden_common.contracts.forms import form_of
from reelwarden_common.events.base import ANY_ROLE, Event
from reelwarden_common.messaging.topology import (
    OPERATOR,
    OPERATOR_ASKS,
    QUESTIONS,
    ROLES,
    Place,
    Role,
    Stream,
    speakers,
    stream_of,
    stream_subjects,
)

_ABOUT_STREAMS = {
    Stream.FOOTAGE: "from each school up: what footage there is",
    Stream.SITE: "from each school up: everything else that happened there",
    Stream.DISTRICT: "from the district down: what a school must act on; each school gets its own",
    Stream.OFFICE: "stays at the district",
    Stream.DLQ: "what could not be handled, at each end",
    Stream.INTAKE: "how far intake has read at each school",
}
_SCHEMAS = "../libs/common/src/reelwarden_common/contracts/schemas"
_HEAD = """# Who says what to whom
<!-- Generated from the topology table: `make contracts`. Do not edit. -->

Subjects are `rw.<school>.<role>.<entity>.<fact>`; the role is the one that publishes. Bodies are in
`libs/common/src/reelwarden_common/contracts/`: a JSON Schema and an example of each event, and AsyncAPI 3
per service.
"""


def render() -> str:
    """The page as Markdown."""
    return "\n".join([_HEAD, *_streams(), *_roles(), *_events(), *_questions()])


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    names = list(head)
    lines = [_row(names), _row("---" for _ in names)]
    return [*lines, *(_row(row) for row in rows), ""]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _streams() -> list[str]:
    rows = []
    for stream in Stream:
        count = len(stream_subjects(stream))
        rows.append((f"**{stream}**", _ABOUT_STREAMS[stream], str(count) if count else ""))
    return ["## Streams", "", *_table(("stream", "what", "kinds of events"), rows)]


def _roles() -> list[str]:
    places = {Place.SCHOOL: "school", Place.DISTRICT: "district"}
    rows = [
        (f"**{r.name}**", r.service, places[r.place], str(len(_said(r))), str(len(r.hears)))
        for service in SERVICES
        for r in ROLES
        if r.service == service
    ]
    return ["## Roles", "", *_table(("role", "service", "where", "says", "hears"), rows)]


def _said(role: Role) -> list[type[Event]]:
    return [event for event in role.publishes if event.role() != ANY_ROLE]


def _listeners(event: type[Event]) -> str:
    return ", ".join(r.name for r in ROLES if event in r.hears) or "nobody"


def _events() -> list[str]:
    lines = ["## Events", ""]
    for role in ROLES:
        if said := _said(role):
            lines += [f"### {role.name}", "", *_event_table(said, role)]
    lines += ["### any role", "", *_event_table([e for e in events.ALL if e.role() == ANY_ROLE], None)]
    return lines


def _event_table(said: Iterable[type[Event]], role: Role | None) -> list[str]:
    rows = []
    for event in said:
        streams = {stream_of(event, speaker) for speaker in ([role] if role else speakers(event))}
        name = f"[`{event.fact()}`]({_SCHEMAS}/{event.ce_type()}.json)"
        rows.append((name, form_of(event).summary, " ".join(sorted(streams)), _listeners(event)))
    return _table(("event", "what", "stream", "heard by"), rows)


def _askers(question: str) -> list[str]:
    operators = [OPERATOR] if question in OPERATOR_ASKS else []
    return [r.name for r in ROLES if question in r.asks] + operators


def _questions() -> list[str]:
    rows = [
        (
            f"`{question}`",
            ", ".join(r.name for r in ROLES if question in r.answers) or "any role",
            ", ".join(_askers(question)) or "nobody",
            f"{asked.__name__} → {answered.__name__}",
        )
        for question, (asked, answered) in QUESTIONS.items()
    ]
    about = "By request and reply; a query changes nothing, a task does, and an answer may stay away."
    return ["## Questions", "", about, "", *_table(("question", "answered by", "asked by", "form"), rows)]
