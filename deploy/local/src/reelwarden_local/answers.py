"""`reelwarden holds`, `erased`, `cameras`, `copies`: what operators must be able to answer (R3.1, R3.2)."""

import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from nats.aio.client import Client
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.table import Table

from reelwarden_common.events.backup import CopiesAnswer, CopiesQuery
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.events.report import (
    CamerasAnswer,
    CamerasQuery,
    ErasedAnswer,
    ErasedQuery,
    HoldsAnswer,
    HoldsQuery,
)
from reelwarden_common.messaging.questions import ask
from reelwarden_common.messaging.topology import (
    INSPECTOR_CAMERAS,
    INSPECTOR_ERASED,
    INSPECTOR_HOLDS,
    LEDGER_COPIES,
)
from reelwarden_local.ops import DISTRICT, STATE, District, Hub, Server, State, asked
from reelwarden_local.words import Words

SECONDS = 10.0
A = TypeVar("A", bound=BaseModel)
Rows = Iterable[Sequence[object]]
School = Annotated[str | None, typer.Option(help="Only this school.")]
AsJson = Annotated[bool, typer.Option("--json", help="For scripts: one JSON document.")]


def holds(
    school: School = None,
    *,
    over: Annotated[bool, typer.Option(help="Also what was released or has lapsed.")] = False,
    state: State = STATE,
    server: Server = None,
    district: District = DISTRICT,
    as_json: AsJson = False,
) -> None:
    """What is held, since when, why, until when."""

    def rows(of: str, answer: HoldsAnswer) -> Rows:
        for one in answer.holds:
            why = " ".join(part for part in (one.source, one.number) if part)
            span = f"{_moment(one.start)} – {_moment(one.end)}"
            ends = _moment(one.ended_at or one.until)
            yield of, one.camera, span, why, _moment(one.asked_at), ends, one.status

    columns = (
        Words("学校", "school"),
        Words("点位", "camera"),
        Words("录像时段", "footage of"),
        Words("事由", "why"),
        Words("始于", "since"),
        Words("至", "until"),
        Words("状态", "state"),
    )
    each = _each(INSPECTOR_HOLDS, lambda of: HoldsQuery(school=of, over=over), HoldsAnswer)
    _run(state, server, district, school, each, columns, rows, as_json=as_json)


def erased(
    school: School = None,
    camera: Annotated[str | None, typer.Option(help="Only this camera.")] = None,
    first_day: Annotated[str | None, typer.Option(help="First day of the footage, YYYY-MM-DD.")] = None,
    last_day: Annotated[str | None, typer.Option(help="Last day of the footage.")] = None,
    *,
    state: State = STATE,
    server: Server = None,
    district: District = DISTRICT,
    as_json: AsJson = False,
) -> None:
    """What was erased, when, and by which rule."""

    def question(of: str) -> ErasedQuery:
        return ErasedQuery(school=of, camera=camera, first_day=first_day, last_day=last_day)

    def rows(of: str, answer: ErasedAnswer) -> Rows:
        for one in answer.days:
            days = Words(f"{one.keep_days} 天", f"{one.keep_days} days") if one.keep_days else "?"
            number = f"{one.plan_epoch}/{one.plan_version}" if one.plan_version else one.plan[:12]
            rule = Words(f"R3.1 {days}，计划 {number}", f"R3.1 {days}, plan {number}")
            yield of, one.camera, one.day, one.segments, rule, _moment(one.due), _moment(one.erased_to)

    columns = (
        Words("学校", "school"),
        Words("点位", "camera"),
        Words("录像日期", "footage of"),
        Words("段数", "segments"),
        Words("依据", "rule"),
        Words("到期", "due"),
        Words("销毁时间", "erased"),
    )
    each = _each(INSPECTOR_ERASED, question, ErasedAnswer)
    _run(state, server, district, school, each, columns, rows, as_json=as_json)


def cameras(
    school: School = None,
    *,
    short: Annotated[bool, typer.Option(help="Only those that fall short; exit 1 if there are any.")] = False,
    state: State = STATE,
    server: Server = None,
    district: District = DISTRICT,
    as_json: AsJson = False,
) -> None:
    """How many days each camera holds against the rule, and which falls short."""
    found = []

    def rows(of: str, answer: CamerasAnswer) -> Rows:
        for one in answer.cameras:
            if short and not one.short:
                continue
            found.append(one.short)
            days = f"{one.days_held}/{one.keep_days}"
            mark = str(Words("不足", "falls short")) if one.short else ""
            rate = "—" if one.forecast_days is None else f"{one.forecast_days:.1f}"
            yield of, one.camera, one.name, days, rate, _moment(one.oldest), _moment(one.newest), mark

    columns = (
        Words("学校", "school"),
        Words("点位", "camera"),
        Words("名称", "name"),
        Words("实存/应存天数", "days held"),
        Words("照此速度可存天数", "days at this rate"),
        Words("最早录像", "oldest"),
        Words("最新录像", "newest"),
        Words("判定", "judged"),
    )
    each = _each(INSPECTOR_CAMERAS, lambda of: CamerasQuery(school=of), CamerasAnswer)
    _run(state, server, district, school, each, columns, rows, as_json=as_json)
    if short and any(found):
        raise typer.Exit(1)


def copies(
    school: Annotated[str, typer.Option(help="The school.")],
    camera: Annotated[str, typer.Option(help="The camera.")],
    start: Annotated[datetime, typer.Option(help="From, local time of this machine.")],
    end: Annotated[datetime, typer.Option(help="To.")],
    *,
    state: State = STATE,
    server: Server = None,
    district: District = DISTRICT,
    as_json: AsJson = False,
) -> None:
    """When a camera's footage was last backed up and read back; exit 1 if a copy is corrupt."""
    corrupt = []

    def question(of: str) -> CopiesQuery:
        return CopiesQuery(school=of, camera=camera, start=start.astimezone(), end=end.astimezone())

    def rows(of: str, answer: CopiesAnswer) -> Rows:
        corrupt.append(answer.corrupt)
        for one in answer.copies:
            place = f"{one.bucket}/{one.key}"
            yield of, _moment(one.start), _moment(one.stored_at), one.state, _moment(one.read_back_at), place
        total = Words(
            f"共 {answer.total} 份，回读无误 {answer.verified} 份",
            f"{answer.total} in all, {answer.verified} read back and right",
        )
        last = _moment(answer.last_read_back_at)
        yield of, total, _moment(answer.last_stored_at), "", last, ""

    columns = (
        Words("学校", "school"),
        Words("录像", "footage of"),
        Words("备份时间", "stored"),
        Words("状态", "state"),
        Words("最近回读", "read back"),
        Words("位置", "place"),
    )
    each = _each(LEDGER_COPIES, question, CopiesAnswer)
    _run(state, server, district, school, each, columns, rows, as_json=as_json)
    if any(corrupt):
        raise typer.Exit(1)


def _each(
    question: str, form: Callable[[str], BaseModel], answer: type[A]
) -> Callable[[Client, str], Awaitable[A]]:
    async def one(client: Client, school: str) -> A:
        return await ask(client, question, DISTRICT_SCHOOL, form(school), answer, SECONDS)

    return one


def _run(
    state: Path,
    server: str | None,
    district: Path,
    school: str | None,
    each: Callable[[Client, str], Awaitable[A]],
    columns: Sequence[Words],
    rows: Callable[[str, A], Rows],
    *,
    as_json: bool,
) -> None:
    """Ask for each school, and print."""

    async def work(hub: Hub, client: Client) -> dict[str, A]:
        if school is not None:
            hub.roles(school)
        schools = hub.schools if school is None else (school,)
        return {of: await each(client, of) for of in schools}

    try:
        found = asked(state, server, district, work)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        print(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}", file=sys.stderr)
        raise typer.Exit(2) from error
    if as_json:
        document: dict[str, Any] = {of: answer.model_dump(mode="json") for of, answer in found.items()}
        print(json.dumps(document, ensure_ascii=False, indent=2))
        return
    _print(columns, [row for of, answer in found.items() for row in rows(of, answer)])


def _print(columns: Sequence[Words], rows: Sequence[Sequence[object]]) -> None:
    if not rows:
        print(Words("没有", "nothing"))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(str(column), overflow="fold")
    for row in rows:
        table.add_row(*("—" if cell is None else str(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _moment(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else "—"


def add_to(app: typer.Typer) -> None:
    """The four commands."""
    for command in (holds, erased, cameras, copies):
        app.command()(command)
