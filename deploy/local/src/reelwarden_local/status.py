"""`reelwarden status`: every role of the district and its schools on one screen."""

import asyncio
import json
from dataclasses import dataclass
from typing import Annotated

import typer
from nats.aio.client import Client
from rich.console import Console
from rich.table import Table

from reelwarden_common.errors import Transient
from reelwarden_common.events.status import StatusAnswer, StatusQuery
from reelwarden_common.messaging.questions import ask
from reelwarden_common.messaging.topology import STATUS
from reelwarden_local.ops import DISTRICT, STATE, District, Hub, Server, State, asked
from reelwarden_local.words import Words

ANSWER_SECONDS = 5.0
BEHIND = 1000
"""More messages than this waiting for a role are worth a look: it works them off, or it is stuck."""


@dataclass(frozen=True)
class Seen:
    """One role at its place; None: it did not answer."""

    place: str
    role: str
    answer: StatusAnswer | None

    @property
    def pending(self) -> int:
        """Messages that wait for it."""
        return sum(one.pending + one.unconfirmed for one in self.answer.waiting) if self.answer else 0

    @property
    def problem(self) -> Words | None:
        """What is wrong, if anything."""
        if self.answer is None:
            return Words("没有应答：没有运行，或学校断线", "no answer: not running, or cut off")
        if self.answer.problem:
            return Words(f"未就绪：{self.answer.problem}", f"not ready: {self.answer.problem}")
        if self.answer.letters:
            count = self.answer.letters
            return Words(
                f"{count} 封死信：reelwarden dlq list", f"{count} dead letter(s): reelwarden dlq list"
            )
        if self.pending > BEHIND:
            return Words(f"积压 {self.pending} 条", f"{self.pending} messages behind")
        return None


async def look(hub: Hub, client: Client, school: str | None = None) -> list[Seen]:
    """Ask every role, all at once; of several replicas one answers.

    Raises:
        NoWayIn: there is no such school.
    """

    async def one(place: str, role: str) -> Seen:
        try:
            told = await ask(client, STATUS, place, StatusQuery(), StatusAnswer, ANSWER_SECONDS, role=role)
        except Transient:
            return Seen(place, role, None)
        return Seen(place, role, told)

    return list(await asyncio.gather(*(one(*place) for place in hub.roles(school))))


def status(
    school: Annotated[str | None, typer.Option(help="Only this school, or `district`.")] = None,
    state: State = STATE,
    server: Server = None,
    district: District = DISTRICT,
    *,
    problems: Annotated[bool, typer.Option("--problems", help="Only what is wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Show every role: alive, ready, version, what waits for it; exit 1 if anything is wrong."""
    seen = asked(state, server, district, lambda hub, client: look(hub, client, school))
    wrong = [one for one in seen if one.problem]
    if as_json:
        print(json.dumps([_plain(one) for one in seen], ensure_ascii=False, indent=2))
    else:
        _show(wrong if problems else seen)
        print(
            Words(
                f"{len(seen)} 个角色，{len(wrong)} 个有问题",
                f"{len(seen)} role(s), {len(wrong)} with a problem",
            )
        )
    raise typer.Exit(1 if wrong else 0)


def _plain(one: Seen) -> dict[str, object]:
    told = one.answer.model_dump(mode="json") if one.answer else None
    problem = {"zh": one.problem.zh, "en": one.problem.en} if one.problem else None
    return {"place": one.place, "role": one.role, "problem": problem, "status": told}


def _show(seen: list[Seen]) -> None:
    table = Table.grid(padding=(0, 2))
    heads = (
        Words("地点", "place"),
        Words("角色", "role"),
        Words("版本", "version"),
        Words("启动", "started"),
        Words("积压", "waiting"),
        Words("未发", "unsaid"),
        Words("", ""),
    )
    table.add_row(*map(str, heads))
    for one in seen:
        told = one.answer
        facts = (
            (told.version, f"{told.started_at.astimezone():%m-%d %H:%M}", str(one.pending), str(told.unsaid))
            if told
            else ("-", "-", "-", "-")
        )
        table.add_row(one.place, one.role, *facts, f"✗ {one.problem}" if one.problem else "✓")
    Console(highlight=False, soft_wrap=True).print(table)
