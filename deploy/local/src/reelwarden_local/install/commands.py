"""`reelwarden district|database|bus|school|site|role`: installing a district, letting schools in and out."""

import asyncio
import getpass
import importlib
import json
import os
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import asyncpg
import typer
from pydantic import ValidationError

from reelwarden_common.db import SERVICES, MigrationError, migrate
from reelwarden_common.district import load
from reelwarden_common.errors import ReelwardenError
from reelwarden_local.install import schools, site, site_checks
from reelwarden_local.install.folder import DistrictFolder, certify_hub, init
from reelwarden_local.install.invitation import Invitation
from reelwarden_local.install.plan import BadPlan, Plan
from reelwarden_local.install.site_folder import HTTP_PORTS, NATS_PORT, SiteFolder
from reelwarden_local.install.units import NATS_UNIT, SITE_UNIT, write_units
from reelwarden_local.roles import DISTRICT_ROLES, module_of
from reelwarden_local.servers import ServerError
from reelwarden_local.words import Words

T = TypeVar("T")
ADMIN_URL = "REELWARDEN_ADMIN_URL"
Folder = Annotated[Path, typer.Option("--folder", help="The district's folder, made by `district init`.")]
SiteState = Annotated[Path, typer.Option("--state", help="The school's folder.")]
Hours = Annotated[float, typer.Option(min=0.001, help="Hours.")]
FOLDER, SITE_STATE = Path("district"), Path("/var/lib/reelwarden")

district = typer.Typer(no_args_is_help=True, help="The folder from which a district is installed.")
database = typer.Typer(no_args_is_help=True, help="The district's PostgreSQL.")
bus = typer.Typer(no_args_is_help=True, help="The district's NATS hub.")
school = typer.Typer(no_args_is_help=True, help="Let schools in and out, at the district.")
at_school = typer.Typer(no_args_is_help=True, help="At a school: enrol, run.")


def add_to(app: typer.Typer) -> None:
    """Add all of them."""
    for name, group in (
        ("district", district),
        ("database", database),
        ("bus", bus),
        ("school", school),
        ("site", at_school),
    ):
        app.add_typer(group, name=name)
    app.command("role")(role)


def _say(words: Words) -> None:
    print(words, flush=True)


def _fail(words: object) -> typer.Exit:
    print(words, file=sys.stderr)
    return typer.Exit(2)


def _done(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except (ReelwardenError, ServerError, OSError) as error:
        raise _fail(error) from error


def _open(folder: Path) -> DistrictFolder:
    try:
        return DistrictFolder(folder)
    except ReelwardenError as error:
        raise _fail(error) from error


@district.command("init")
def district_init(
    folder: Annotated[Path, typer.Argument(help="A new folder; keep it safe, it holds every key.")],
    plan: Annotated[Path, typer.Option(help="plan.json: addresses; see docs/operations.md.")],
    district_toml: Annotated[Path, typer.Option("--district", help="The district's district.toml.")] = Path(
        "district.toml"
    ),
) -> None:
    """Make keys, certificates, server configurations and each role's secrets."""
    try:
        wanted = Plan.model_validate_json(plan.read_text(encoding="utf-8"))
        made = init(folder, district_toml, wanted, datetime.now(UTC))
    except ValidationError as error:
        told = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)]
        raise _fail(BadPlan(f"{plan}: " + "; ".join(told))) from error
    except (ReelwardenError, OSError) as error:
        raise _fail(error) from error
    _say(
        Words(
            f"{made.path} 已建立：nats/ 给中心服务器，secrets/ 和 env/ 给各角色，keys/ 只留在本机并备份。",
            f"{made.path} is made: nats/ for the hub's servers, secrets/ and env/ for the roles; "
            "keys/ stays here, and in your backup.",
        )
    )


@district.command("write")
def district_write(folder: Folder = FOLDER) -> None:
    """Write configurations and secrets anew, after plan.json or district.toml was changed."""
    _open(folder).write(datetime.now(UTC))
    _say(Words("已写出。", "written."))


@district.command("certify")
def district_certify(folder: Folder = FOLDER) -> None:
    """Make new certificates for the hub's servers, before the old ones end; then `bus reload`."""
    certify_hub(_open(folder))
    _say(Words("证书已更新。", "certificates made."))


@database.command("prepare")
def database_prepare(folder: Folder = FOLDER) -> None:
    """Bring schemas and roles up to date, as the administrator named by REELWARDEN_ADMIN_URL."""
    url = os.environ.get(ADMIN_URL)
    if not url:
        raise _fail(
            Words(
                f"请在 {ADMIN_URL} 中给出管理员的地址：postgresql://用户:密码@主机/库?sslmode=verify-full",
                f"name the administrator in {ADMIN_URL}: postgresql://user:password@host/name?sslmode=verify-full",
            )
        )
    whole = _open(folder)

    async def prepare() -> None:
        for service in SERVICES:
            applied = await migrate(url, service, whole.password(service))
            _say(Words(f"{service}：{len(applied)} 步", f"{service}: {len(applied)} step(s)"))

    try:
        _done(prepare())
    except (asyncpg.PostgresError, MigrationError, asyncpg.InterfaceError) as error:
        raise _fail(error) from error


@bus.command("reload")
def bus_reload(folder: Folder = FOLDER) -> None:
    """Write the hub's configuration, bring it to the servers (`deploy` of plan.json), have them read it."""
    _done(schools.apply(_open(folder)))
    _say(Words("中心已读入新配置。", "the hub has read it."))


@bus.command("declare")
def bus_declare(folder: Folder = FOLDER) -> None:
    """Make the hub's streams and consumers, or bring them to what this version wants."""
    _done(schools.declare(_open(folder)))
    _say(Words("流和消费者已就绪。", "streams and consumers are there."))


@school.command("list")
def school_list(
    folder: Folder = FOLDER, *, as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False
) -> None:
    """Every school of district.toml, and how far it is let in."""
    whole = _open(folder)
    known = whole.schools()
    found = {one.id: known[one.id].state if one.id in known else "absent" for one in whole.config.schools}
    if as_json:
        print(json.dumps(found, indent=2))
        return
    words = {
        "absent": Words("未邀请", "not invited"),
        "invited": Words("已邀请", "invited"),
        "enrolled": Words("已接入", "let in"),
        "revoked": Words("已撤销", "let in no more"),
    }
    for name, state in found.items():
        print(f"{name}\t{words[state]}")


@school.command("add")
def school_add(
    name: Annotated[str, typer.Argument(metavar="SCHOOL", help="Its id in district.toml.")],
    folder: Folder = FOLDER,
    valid: Hours = 72,
    wait: Hours = 1,
    invitation_file: Annotated[
        Path | None,
        typer.Option("--write-to", help="Write the invitation there instead of showing it."),
    ] = None,
    *,
    again: Annotated[bool, typer.Option(help="It is let in already, and gets new keys.")] = False,
) -> None:
    """Invite a school, wait for it, and let it in; everything else goes on running."""
    whole = _open(folder)

    async def add() -> bool:
        made = schools.invite(whole, name, timedelta(hours=valid), again=again)
        await schools.apply(whole, accounts=False)
        _hand_over(made, invitation_file)
        return await schools.admit(whole, name, timedelta(hours=wait), _say)

    _came(name, _done(add()))


@school.command("wait")
def school_wait(
    name: Annotated[str, typer.Argument(metavar="SCHOOL")], folder: Folder = FOLDER, wait: Hours = 1
) -> None:
    """Wait again for a school whose invitation is still open."""
    _came(name, _done(schools.admit(_open(folder), name, timedelta(hours=wait), _say)))


def _hand_over(invitation: Invitation, file: Path | None) -> None:
    until = f"{invitation.until.astimezone():%Y-%m-%d %H:%M}"
    if file:
        file.touch(mode=0o600)
        file.write_text(invitation.text() + "\n", encoding="ascii")
        _say(Words(f"邀请码在 {file}，{until} 前有效。", f"the invitation is in {file}, good until {until}."))
        return
    _say(
        Words(
            f"在学校运行以下命令（{until} 前有效，只能用一次，请经安全途径转交）：",
            f"run this at the school (good until {until}, once; hand it over by a safe way):",
        )
    )
    print(f"\nreelwarden site enroll --storage /path/to/recordings {invitation.text()}\n", flush=True)


def _came(name: str, came: bool) -> None:
    if came:
        _say(
            Words(
                f"{name} 已接入。区里的 intake 和 registrar 会自动读入它的密钥。",
                f"{name} is let in. The district's intake and registrar read its keys by themselves.",
            )
        )
        return
    _say(
        Words(
            f"{name} 还没有来：邀请码仍然有效，可用 reelwarden school wait {name} 继续等待。",
            f"{name} has not come yet: its invitation is still open; wait on by "
            f"`reelwarden school wait {name}`.",
        )
    )
    raise typer.Exit(1)


@school.command("revoke")
def school_revoke(name: Annotated[str, typer.Argument(metavar="SCHOOL")], folder: Folder = FOLDER) -> None:
    """Let a school in no more, and end its connections, at once and without a restart of the hub."""
    ended = _done(schools.revoke(_open(folder), name))
    _say(
        Words(
            f"{name} 已撤销，断开连接 {ended} 个。它的 S3 密钥请在存储里停用：site-{name}",
            f"{name} is let in no more; {ended} connection(s) ended. End its key at the store: site-{name}",
        )
    )


@at_school.command("enroll")
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
        checks = list(site_checks.look(load(folder.district_toml), folder.path, answer.now, here))
    except (ReelwardenError, ServerError, OSError) as error:
        raise _fail(error) from error
    _tell_site(told.school, checks, units, as_json=as_json)
    raise typer.Exit(1 if any(check.state == "bad" for check in checks) else 0)


_SIGNS = {"good": "✓", "warning": "!", "bad": "✗"}


def _tell_site(name: str, checks: list[site_checks.Check], units: list[Path], *, as_json: bool) -> None:
    if as_json:
        found = [{"name": c.name, "state": c.state, "zh": c.told.zh, "en": c.told.en} for c in checks]
        print(json.dumps({"school": name, "checks": found}, ensure_ascii=False, indent=2))
        return
    _say(Words(f"{name} 已接入。", f"{name} is let in."))
    for check in checks:
        print(f"  {_SIGNS[check.state]} {check.told}")
    _say(Words("现在启动服务：", "now start the services:"))
    print(f"  sudo cp {' '.join(map(str, units))} /etc/systemd/system/")
    print(f"  sudo systemctl daemon-reload && sudo systemctl enable --now {NATS_UNIT} {SITE_UNIT}")


@at_school.command("run")
def site_run(state: SiteState = SITE_STATE) -> None:
    """Run the school's five roles until a signal; its NATS server runs beside it."""
    _done(site.run(SiteFolder(state)))


def role(
    name: Annotated[str, typer.Argument(metavar="ROLE", help=", ".join(DISTRICT_ROLES))],
) -> None:
    """Run one district role until a signal; its settings come from RW_* and the folder RW_SECRETS_DIR."""
    if name not in DISTRICT_ROLES:
        known = ", ".join(DISTRICT_ROLES)
        raise _fail(Words(f"没有角色 {name}；有 {known}。", f"no role {name}: there are {known}."))
    importlib.import_module(module_of(name)).main()
