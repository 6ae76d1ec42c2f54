"""The `reelwarden` command: play the demo, keep a district running, check a configuration."""

import asyncio
import contextlib
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from argon2 import PasswordHasher
from rich.console import Console

from reelwarden_common.db import SERVICES, MigrationError, drift
from reelwarden_common.district import ConfigError, load
from reelwarden_common.errors import ReelwardenError
from reelwarden_local import nats_files
from reelwarden_local.demo import sample
from reelwarden_local.demo.play import play
from reelwarden_local.servers import Postgres, ServerError
from reelwarden_local.stack import Stack

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
_console = Console(stderr=True)


@app.command()
def demo(
    state: Annotated[Path, typer.Option(help="Folder for all state of this demo; emptied at start.")] = Path(
        ".state/demo"
    ),
    footage: Annotated[
        Path | None, typer.Option(help="Your own recordings: a copy is used, never the original.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON as well.")] = False,
) -> None:
    """Play the whole story on real servers; exit 1 if any step is not as the rules demand."""
    try:
        result = asyncio.run(play(state.absolute(), footage))
    except (ServerError, MigrationError, ReelwardenError) as error:
        _console.print(f"[red]the demo could not start:[/red] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error
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
        asyncio.run(_up(state, district))
    except (ServerError, MigrationError, ReelwardenError) as error:
        _console.print(f"[red]could not start:[/red] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error


async def _up(state: Path, district: Path | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    first_time = not (state / "district.toml").exists()
    recorders = sample.prepare(state) if district is None else None
    if recorders and first_time:
        _console.print("recorders write past footage …")
        await asyncio.to_thread(sample.write_past, recorders)
    toml = district or state / "district.toml"

    def say(step: str) -> None:
        _console.print(f"starting {step} …")

    async with Stack(state, toml, progress=say) as stack:
        print(f"desk        {stack.desk_url}")
        print(f"dashboard   {stack.dashboard_url}")
        print(f"S3 store    http://{stack.s3.endpoint}")
        print(f"NATS hub    {stack.bus.url()}")
        print(f"state       {stack.state_dir}")
        if recorders:
            print(f"people      {', '.join(p.id for p in stack.config.people)}")
            print(f"password    {recorders.password}")
        print("Ctrl-C stops everything.", flush=True)
        live = asyncio.create_task(recorders.record()) if recorders else None
        await stop.wait()
        _console.print("stopping …")
        if live:
            live.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await live


@app.command("check-config")
def check_config(path: Annotated[Path, typer.Argument(help="A district.toml.")]) -> None:
    """Check a district.toml; every problem with its line, exit 1 if there is one."""
    try:
        config = load(path)
    except ConfigError as error:
        print(error)
        raise typer.Exit(1) from error
    cameras = sum(len(school.cameras) for school in config.schools)
    print(f"{path}: {len(config.schools)} schools, {cameras} cameras, {len(config.people)} people: all right")


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
    *,
    check: Annotated[bool, typer.Option("--check", help="Only compare the committed sample.")] = False,
) -> None:
    """Write the NATS configurations of hub and schools, with placeholders for passwords."""
    if not check:
        for path in nats_files.write(folder, schools.split(",")):
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
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
