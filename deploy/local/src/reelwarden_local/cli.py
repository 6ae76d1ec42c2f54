"""The `reelwarden` command: play the demo, keep a district running, look after one."""

import asyncio
import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from argon2 import PasswordHasher

from reelwarden_common.db import SERVICES, MigrationError, drift
from reelwarden_common.district import ConfigError, load
from reelwarden_common.errors import ReelwardenError
from reelwarden_local import answers, backups, dlq, fsck, nats_files, status, tokens, verify_package
from reelwarden_local.custody import commands as custody
from reelwarden_local.demo.play import play
from reelwarden_local.install import commands as install
from reelwarden_local.manifests.commands import manifests
from reelwarden_local.servers import Postgres, ServerError
from reelwarden_local.up import up as keep_up
from reelwarden_local.words import Words

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
answers.add_to(app)
app.add_typer(dlq.app, name="dlq")
app.add_typer(backups.app, name="backup")
app.add_typer(tokens.app, name="tokens")
app.add_typer(custody.app, name="custody")
app.command("fsck")(fsck.fsck)
app.command("status")(status.status)
install.add_to(app)
app.command("manifests")(manifests)
app.command("verify")(verify_package.verify)


@app.command()
def demo(
    state: Annotated[Path, typer.Option(help="Folder for all state of this demo; emptied at start.")] = Path(
        ".state/demo"
    ),
    footage: Annotated[
        Path | None,
        typer.Option(
            help="Your own recordings: a copy is used, never the original.",
            callback=lambda path: path and path.expanduser(),  # make passes a ~ on
        ),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON as well.")] = False,
) -> None:
    """Play the whole story on real servers; exit 1 if any step is not as the rules demand."""
    try:
        result = asyncio.run(play(state.absolute(), footage))
    except (ServerError, MigrationError, ReelwardenError) as error:
        raise _not_started(error) from error
    if as_json:
        print(json.dumps(result.as_dict(), ensure_ascii=False, indent=2))
    raise typer.Exit(0 if result.passed else 1)


@app.command()
def up(
    state: Annotated[Path, typer.Option(help="Folder for all state; kept between runs.")] = Path(".state/up"),
    district: Annotated[
        Path | None, typer.Option(help="Your district.toml; without it a sample district records live.")
    ] = None,
) -> None:
    """Keep a whole district running on this machine until Ctrl-C."""
    try:
        asyncio.run(keep_up(state.absolute(), district))
    except (ServerError, MigrationError, ReelwardenError) as error:
        raise _not_started(error) from error


def _not_started(error: Exception) -> typer.Exit:
    print(Words(f"没有启动：{error}", f"not started: {error}"), file=sys.stderr)
    return typer.Exit(2)


@app.command("check-config")
def check_config(
    path: Annotated[Path, typer.Argument(help="A district.toml.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Check a district.toml; every problem with its line and what to do, exit 1 if there is one."""
    try:
        config = load(path)
    except ConfigError as error:
        print(_problems_as_json(error) if as_json else error)
        raise typer.Exit(1) from error
    if as_json:
        print(json.dumps({"right": True, "problems": []}))
        return
    schools, people = len(config.schools), len(config.people)
    cameras = sum(len(school.cameras) for school in config.schools)
    print(
        Words(
            f"{path}：{schools} 所学校，{cameras} 路摄像头，{people} 人，没有问题",
            f"{path}: {schools} schools, {cameras} cameras, {people} people: all right",
        )
    )


def _problems_as_json(error: ConfigError) -> str:
    problems = [
        {"line": one.line, "key": one.key, "zh": one.problem.zh, "en": one.problem.en}
        for one in error.located
    ]
    return json.dumps({"right": False, "problems": problems}, ensure_ascii=False, indent=2)


@app.command("hash-password")
def hash_password() -> None:
    """Read a password (not shown) and print what belongs into district.toml."""
    password = typer.prompt("password", hide_input=True, confirmation_prompt=True)
    print(PasswordHasher().hash(password))


@app.command("nats-config")
def nats_config(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")] = Path("deploy/nats"),
    schools: Annotated[str, typer.Option(help="School ids, separated by commas.")] = ",".join(
        nats_files.SAMPLE_SCHOOLS
    ),
    followed: Annotated[
        str, typer.Option(help="What programs may follow: school ids and `district`, separated by commas.")
    ] = ",".join(nats_files.SAMPLE_FOLLOWED),
    *,
    check: Annotated[bool, typer.Option("--check", help="Only compare the committed sample.")] = False,
) -> None:
    """Write the NATS configurations of hub and schools, with placeholders for keys."""
    if not check:
        for path in nats_files.write(folder, schools.split(","), [f for f in followed.split(",") if f]):
            print(path)
        return
    if drifted := nats_files.drifted(folder):
        print(f"{', '.join(drifted)} differ from the topology table; run `make contracts`")
        raise typer.Exit(1)
    print(f"{folder} is what the topology table gives")


@app.command()
def migrations(*, check: Annotated[bool, typer.Option("--check")] = False) -> None:
    """Prove that every service's schema.sql equals the sum of its migrations."""
    if not check:
        raise typer.BadParameter("say --check")
    differences = asyncio.run(_drift())
    for line in differences:
        print(line)
    if differences:
        raise typer.Exit(1)
    print(f"schema.sql equals the migrations in {len(SERVICES)} services")


async def _drift() -> list[str]:
    with tempfile.TemporaryDirectory(prefix="reelwarden-drift-") as folder:
        async with Postgres(Path(folder), quick=True) as server:
            admin = await server.admin()
            try:
                return [line for service in SERVICES for line in await drift(admin, service)]
            finally:
                await admin.close()


def main() -> None:
    """Entry point of the `reelwarden` command."""
    # Each closing of a TLS line would be remarked upon: "returning true from eof_received() has no effect".
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
