"""Tokens by which programs read the dashboard's API (docs/programs.md): list, make, revoke."""

import getpass
import json
from datetime import UTC, datetime
from typing import Annotated

import typer
from nats.aio.client import Client

from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.events.report import KnownToken, TokenAct, TokenAnswer, TokenTask
from reelwarden_common.messaging.questions import ask
from reelwarden_common.messaging.topology import INSPECTOR_PROGRAM
from reelwarden_local.ops import DISTRICT, STATE, District, Hub, Server, State, asked
from reelwarden_local.words import Words

SECONDS = 10.0
app = typer.Typer(no_args_is_help=True, help=__doc__)
By = Annotated[str, typer.Option(help="Your account (not your name), for the record.")]
AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]


def _carry_out(task: TokenTask, state: State, server: Server, district: District) -> TokenAnswer:
    async def work(_: Hub, client: Client) -> TokenAnswer:
        return await ask(client, INSPECTOR_PROGRAM, DISTRICT_SCHOOL, task, TokenAnswer, SECONDS)

    return asked(state, server, district, work)


@app.command("list")
def list_tokens(
    state: State = STATE, server: Server = None, district: District = DISTRICT, *, as_json: AsJson = False
) -> None:
    """All tokens, the newest first; never their keys."""
    answer = _carry_out(TokenTask(act=TokenAct.LIST), state, server, district)
    if as_json:
        print(json.dumps(answer.model_dump(mode="json")["tokens"], ensure_ascii=False, indent=2))
        return
    for one in answer.tokens:
        print(f"{one.token}  {one.name}  {','.join(one.schools)}  {_state(one)}")


def _state(one: KnownToken) -> str:
    if one.revoked_at:
        return str(Words("已撤销", "revoked"))
    if one.ends_at <= datetime.now(UTC):
        return str(Words("已过期", "over"))
    return str(Words(f"有效期至 {one.ends_at:%Y-%m-%d}", f"until {one.ends_at:%Y-%m-%d}"))


@app.command()
def make(
    name: Annotated[str, typer.Argument(help="What the program is called.")],
    schools: Annotated[str, typer.Option(help="School ids, separated by commas; `district`: all.")],
    days: Annotated[int, typer.Option(min=1, max=730, help="How long it is valid.")] = 365,
    by: By = "",
    state: State = STATE,
    server: Server = None,
    district: District = DISTRICT,
) -> None:
    """Make a token and print its key, this once; exit 2 when it could not be made."""
    who = by or getpass.getuser()
    task = TokenTask(act=TokenAct.MAKE, by=who, name=name, schools=tuple(schools.split(",")), days=days)
    print(_carry_out(task, state, server, district).key)


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Its number, as listed.")],
    by: By = "",
    state: State = STATE,
    server: Server = None,
    district: District = DISTRICT,
) -> None:
    """End a token at once; exit 1 when there is no such token."""
    task = TokenTask(act=TokenAct.REVOKE, by=by or getpass.getuser(), token=token)
    if not _carry_out(task, state, server, district).done:
        print(Words(f"没有令牌 {token}，或已撤销。", f"no token {token}, or it was revoked before."))
        raise typer.Exit(1)
    print(Words(f"已撤销 {token}", f"revoked {token}"))
