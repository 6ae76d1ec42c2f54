"""`reelwarden backup rebuild`: the district's backup ledger made anew from the buckets alone (R4.1)."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr, ValidationError

from reelwarden_backup.district.ledger.bucket import Rebuilt
from reelwarden_backup.district.ledger.rebuild import NOT_DONE, chosen, rebuild, tell
from reelwarden_backup.district.ledger.settings import Settings
from reelwarden_common.db import MigrationError, role_of
from reelwarden_common.errors import ReelwardenError, Refused
from reelwarden_common.settings import S3Settings
from reelwarden_local.servers import LOOPBACK, ServerError
from reelwarden_local.stack import DATABASE, Stack
from reelwarden_local.state_folder import AlreadyRunning, hold
from reelwarden_local.words import Words

app = typer.Typer(no_args_is_help=True, help="Copies and their records.")


@app.callback()
def _group() -> None:
    """Copies and their records."""


@app.command("rebuild")
def rebuild_command(
    schools: Annotated[
        list[str] | None, typer.Argument(help="School ids; all of the district's where none is named.")
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            help="State folder of a `reelwarden up`, running or not. Without it the ledger's own settings "
            "count: RW_DATABASE_URL, RW_DISTRICT_TOML, RW_S3_ENDPOINT, RW_S3_ACCESS_KEY, RW_S3_SECRET_KEY."
        ),
    ] = None,
    district: Annotated[
        Path | None, typer.Option(help="With --state: the district.toml that `up` was given.")
    ] = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="For scripts: what was found of each school.")
    ] = False,
) -> None:
    """Make the backup ledger anew from what lies in the buckets, when its database was lost.

    It may run beside a ledger at work, break off, and be begun again. Every copy is then read back anew.
    Exit 1: something is missing under its lock or could not be understood (named on stderr);
    2: it could not be done.
    """
    try:
        found = asyncio.run(
            _of_state(state, district, schools or []) if state else _of_settings(schools or [])
        )
    except ValidationError as error:
        names = ", ".join("RW_" + "_".join(map(str, one["loc"])).upper() for one in error.errors())
        raise _not_done(Words(f"设置有误：{names}", f"wrong settings: {names}")) from error
    except (ReelwardenError, ServerError, MigrationError) as error:
        raise _not_done(error) from error
    raise typer.Exit(tell(found, as_json=as_json))


def _not_done(why: object) -> typer.Exit:
    print(Words(f"没有重建：{why}", f"not rebuilt: {why}"), file=sys.stderr)
    return typer.Exit(NOT_DONE)


async def _of_settings(schools: list[str]) -> list[Rebuilt]:
    settings = Settings.read()
    if not settings.database_url.get_secret_value():
        raise Refused(
            Words(
                "请用 --state 指定状态目录，或设置台账自己的 RW_DATABASE_URL 和 RW_S3_*。",
                "say --state, or set the ledger's own RW_DATABASE_URL and RW_S3_*.",
            )
        )
    return await rebuild(chosen(schools, settings), settings, S3Settings.read())


async def _of_state(state: Path, district: Path | None, schools: list[str]) -> list[Rebuilt]:
    """With the folder's own servers: those that run, or started for as long as it takes."""
    if not (state / "secrets.json").is_file() or not (state / "s3").is_dir():
        raise Refused(
            Words(
                f"{state} 中没有学区运行过：那里没有 S3 存储。请用 --state 指定 `reelwarden up` 的目录。",
                f"no district ever ran in {state}: it has no S3 store. Say the folder of a `reelwarden up`.",
            )
        )
    toml = district or state / "district.toml"
    try:
        with hold(state):
            async with Stack(state, toml).stores():
                return await _rebuild_in(state, toml, schools)
    except AlreadyRunning:
        return await _rebuild_in(state, toml, schools)


async def _rebuild_in(state: Path, toml: Path, schools: list[str]) -> list[Rebuilt]:
    """Where the folder's servers listen; nothing of a running stack is touched to find out."""

    def kept(*path: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(state.joinpath(*path).read_text(encoding="utf-8"))
        return found

    secrets, place = kept("secrets.json"), f"{LOOPBACK}:{kept('postgres', 'ports.json')['postgres']}"
    url = f"postgresql://{role_of('backup')}:{secrets['db.backup']}@{place}/{DATABASE}?sslmode=disable"
    settings = Settings(district_toml=toml, database_url=SecretStr(url))
    s3 = S3Settings(
        endpoint=f"{LOOPBACK}:{kept('s3', 'ports.json')['s3']}",
        access_key="ledger",
        secret_key=SecretStr(secrets["s3.ledger"]),
    )
    return await rebuild(chosen(schools, settings), settings, s3)
