"""`reelwarden custody`: the history of footage, holds, applications and people, out of the custody log.

The district's log of the school is asked, by way of its registrar; every entry comes with its place in the
log and a proof, which is checked here. People are the desk's numbers (`a-…`): the log knows no names.
"""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from nats.aio.client import Client
from pydantic import ValidationError

from reelwarden_access.verify import trusted
from reelwarden_common.events.report import HistoryQuery
from reelwarden_local.custody.asking import History, NotProven, history
from reelwarden_local.custody.printed import as_json, as_pdf, show
from reelwarden_local.ops import DISTRICT, STATE, District, Hub, Server, State, asked
from reelwarden_local.words import Words

app = typer.Typer(no_args_is_help=True, help=__doc__)
School = Annotated[str, typer.Option(help="The school; `district` for what concerns none.")]
AsJson = Annotated[bool, typer.Option("--json", help="For scripts: entries, proofs and checkpoints.")]
Pdf = Annotated[Path | None, typer.Option(help="Write it to this file.")]
Limit = Annotated[int, typer.Option(help="At most so many entries, the newest.", min=1)]
Trust = Annotated[
    Path | None, typer.Option(metavar="KEYFILE", help="The log's key must be one of these (see `verify`).")
]
FEW = 1000


@dataclass(frozen=True)
class Ways:
    """Where a history is asked for, and how it is given."""

    state: Path
    server: str | None
    district: Path
    as_json: bool
    pdf: Path | None
    limit: int
    trust: Path | None


@app.command()
def footage(
    school: School,
    camera: Annotated[str, typer.Option(help="The camera.")],
    start: Annotated[datetime, typer.Option(help="From, local time of this machine.")],
    end: Annotated[datetime, typer.Option(help="To.")],
    *,
    state: State = STATE,
    server: Server = None,
    district: District = DISTRICT,
    as_json: AsJson = False,
    pdf: Pdf = None,
    limit: Limit = FEW,
    trust: Trust = None,
) -> None:
    """Of footage: recorded, held, viewed, exported, copied, erased, with all about those applications."""
    ways = Ways(state, server, district, as_json, pdf, limit, trust)
    title = Words(f"录像 {camera} {start} – {end}", f"Footage of {camera}, {start} – {end}")
    span = {"camera": camera, "start": start.astimezone(), "end": end.astimezone()}
    _tell(ways, f"{school} · {title}", school=school, **span)


@app.command()
def hold(
    hold: Annotated[str, typer.Argument(help="Its id.")],
    school: School,
    *,
    state: State = STATE,
    server: Server = None,
    district: District = DISTRICT,
    as_json: AsJson = False,
    pdf: Pdf = None,
    limit: Limit = FEW,
    trust: Trust = None,
) -> None:
    """Of a hold: asked, decided, in force, released."""
    ways = Ways(state, server, district, as_json, pdf, limit, trust)
    _tell(ways, f"{school} · {Words('保全', 'Hold')} {hold}", school=school, about=hold)


@app.command()
def application(
    application: Annotated[str, typer.Argument(help="Its number or id; also of an extension.")],
    school: School,
    *,
    state: State = STATE,
    server: Server = None,
    district: District = DISTRICT,
    as_json: AsJson = False,
    pdf: Pdf = None,
    limit: Limit = FEW,
    trust: Trust = None,
) -> None:
    """Of an application or extension: from filing to its end, its holds with it."""
    ways = Ways(state, server, district, as_json, pdf, limit, trust)
    _tell(ways, f"{school} · {Words('申请', 'Application')} {application}", school=school, about=application)


@app.command()
def person(
    person: Annotated[str, typer.Argument(help="The number that the desk gave them: a-…")],
    school: School,
    *,
    state: State = STATE,
    server: Server = None,
    district: District = DISTRICT,
    as_json: AsJson = False,
    pdf: Pdf = None,
    limit: Limit = FEW,
    trust: Trust = None,
) -> None:
    """Of a person: what they filed, signed, opened, took, were refused."""
    ways = Ways(state, server, district, as_json, pdf, limit, trust)
    _tell(ways, f"{school} · {Words('人员', 'Person')} {person}", school=school, person=person)


@app.command()
def school(
    school: School,
    *,
    state: State = STATE,
    server: Server = None,
    district: District = DISTRICT,
    as_json: AsJson = False,
    pdf: Pdf = None,
    limit: Limit = FEW,
    trust: Trust = None,
) -> None:
    """Of a school: everything that its log at the district holds."""
    ways = Ways(state, server, district, as_json, pdf, limit, trust)
    _tell(ways, f"{school} · {Words('全部存证', 'All entries')}", school=school)


@app.command()
def keys(
    school: School, *, state: State = STATE, server: Server = None, district: District = DISTRICT
) -> None:
    """The log's key and its countersigner's, for the file of keys that the district publishes."""
    found = _history(Ways(state, server, district, False, None, 1, None), HistoryQuery(school=school))
    for key in (found.newest.key, found.newest.witness_key):
        if key:
            print(key)


def _tell(ways: Ways, title: str, **wanted: object) -> None:
    try:
        query = HistoryQuery.model_validate(wanted)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        print(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}", file=sys.stderr)
        raise typer.Exit(2) from error
    found = _history(ways, query)
    if ways.pdf:
        ways.pdf.write_bytes(as_pdf(found, title, datetime.now(UTC)))
        print(ways.pdf)
    elif ways.as_json:
        print(as_json(found))
    else:
        show(found)


def _history(ways: Ways, query: HistoryQuery) -> History:
    try:
        log_keys = trusted(ways.trust)[1] if ways.trust else []
    except (OSError, ValueError) as error:
        told = Words(f"无法读取 {ways.trust}：{error}", f"{ways.trust} cannot be read: {error}")
        print(told, file=sys.stderr)
        raise typer.Exit(2) from error

    async def work(hub: Hub, client: Client) -> History | NotProven:
        hub.roles(query.school)
        try:
            return await _asked(client, query, ways.limit, log_keys)
        except NotProven as error:
            return error

    found = asked(ways.state, ways.server, ways.district, work)
    if isinstance(found, NotProven):
        print(Words(f"不可采信：{found}", f"not to be relied on: {found}"), file=sys.stderr)
        raise typer.Exit(1)
    return found


async def _asked(client: Client, query: HistoryQuery, most: int, log_keys: list[str]) -> History:
    """The history; a number of an application stands for its id, by which all but its filing speak of it."""
    found = await history(client, query, most, log_keys)
    for told in found.told() if query.about else []:
        named = told["facts"]
        if named.get("number") == query.about:
            meant = named.get("application") or named.get("extension")
            return await history(client, query.model_copy(update={"about": meant}), most, log_keys)
    return found
