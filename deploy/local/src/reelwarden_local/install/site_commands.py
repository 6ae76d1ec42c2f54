"""`reelwarden site`: a school enrols, and runs."""

import asyncio
import getpass
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from reelwarden_common.district import load
from reelwarden_common.errors import ReelwardenError
from reelwarden_local.install import checks, site, site_checks
from reelwarden_local.install.checks import Check
from reelwarden_local.install.invitation import Invitation
from reelwarden_local.install.site_folder import HTTP_PORTS, NATS_PORT, SiteFolder
from reelwarden_local.install.telling import done, fail, say
from reelwarden_local.install.units import NATS_UNIT, SITE_UNIT, write_units
from reelwarden_local.servers import ServerError
from reelwarden_local.words import Words

SITE_STATE = Path("/var/lib/reelwarden")
SiteState = Annotated[Path, typer.Option("--state", help="The school's folder.")]
app = typer.Typer(no_args_is_help=True, help="At a school: enrol, run.")


@app.command("enroll")
def site_enroll(
    invitation: Annotated[str, typer.Argument(help="The invitation; `-` reads it from standard input.")],
    storage: Annotated[Path, typer.Option(help="Where this school's recorders write.")],
    state: SiteState = SITE_STATE,
    user: Annotated[str, typer.Option(help="Account under which the services run.")] = "",
    nats_port: Annotated[int, typer.Option(help="Of the school's NATS server, on loopback.")] = NATS_PORT,
    http_ports: Annotated[int, typer.Option(help="First of five, on loopback: roles' health.")] = HTTP_PORTS,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts: the checks.")] = False,
) -> None:
    """Make this school's keys, have the district let it in, write what it needs, look what is missing."""
    folder = SiteFolder(state)
    try:
        told = Invitation.read(sys.stdin.read() if invitation == "-" else invitation)
        _, answer, here = asyncio.run(site.enrol(folder, told, storage.absolute(), (nats_port, http_ports)))
        units = write_units(folder, storage.absolute(), user or getpass.getuser())
        found = list(site_checks.look(load(folder.district_toml), folder.path, answer.now, here))
    except (ReelwardenError, ServerError, OSError) as error:
        raise fail(error) from error
    _tell_site(told.school, found, units, as_json=as_json)
    raise typer.Exit(checks.worst(found))


def _tell_site(name: str, found: list[Check], units: list[Path], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"school": name, "checks": json.loads(checks.as_json(found))}, ensure_ascii=False))
        return
    say(Words(f"{name} 已接入。", f"{name} is let in."))
    print(checks.lines(found))
    say(Words("现在启动服务：", "now start the services:"))
    print(f"  sudo cp {' '.join(map(str, units))} /etc/systemd/system/")
    print(f"  sudo systemctl daemon-reload && sudo systemctl enable --now {NATS_UNIT} {SITE_UNIT}")


@app.command("run")
def site_run(state: SiteState = SITE_STATE) -> None:
    """Run the school's five roles until a signal; its NATS server runs beside it."""
    done(site.run(SiteFolder(state)))
