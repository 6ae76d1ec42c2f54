"""`reelwarden district|database|bus|school|site|role`: installing a district, letting schools in and out."""

import importlib
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
from minio import Minio
from pydantic import ValidationError

from reelwarden_common.db import SERVICES, MigrationError, migrate
from reelwarden_common.errors import ReelwardenError
from reelwarden_local.install import checks, doctor, schools, site_commands
from reelwarden_local.install.folder import DistrictFolder, certify_hub, init
from reelwarden_local.install.invitation import Invitation
from reelwarden_local.install.plan import BadPlan, Plan
from reelwarden_local.install.store import identities, make_buckets
from reelwarden_local.install.telling import done, fail, say
from reelwarden_local.roles import DISTRICT_ROLES, module_of
from reelwarden_local.servers.seaweedfs import s3_config
from reelwarden_local.servers.state import write_private
from reelwarden_local.words import Words

ADMIN_URL = "REELWARDEN_ADMIN_URL"
Folder = Annotated[Path, typer.Option("--folder", help="The district's folder, made by `district init`.")]
Hours = Annotated[float, typer.Option(min=0.001, help="Hours.")]
FOLDER = Path("district")

district = typer.Typer(no_args_is_help=True, help="The folder from which a district is installed.")
database = typer.Typer(no_args_is_help=True, help="The district's PostgreSQL.")
store = typer.Typer(no_args_is_help=True, help="The district's S3 store.")
bus = typer.Typer(no_args_is_help=True, help="The district's NATS hub.")
school = typer.Typer(no_args_is_help=True, help="Let schools in and out, at the district.")


def add_to(app: typer.Typer) -> None:
    """Add all of them."""
    for name, group in (
        ("district", district),
        ("database", database),
        ("store", store),
        ("bus", bus),
        ("school", school),
        ("site", site_commands.app),
    ):
        app.add_typer(group, name=name)
    app.command("role")(role)
    app.command("doctor")(doctor_command)


def _open(folder: Path) -> DistrictFolder:
    try:
        return DistrictFolder(folder)
    except ReelwardenError as error:
        raise fail(error) from error


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
        raise fail(BadPlan(f"{plan}: " + "; ".join(told))) from error
    except (ReelwardenError, OSError) as error:
        raise fail(error) from error
    say(
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
    say(Words("已写出。", "written."))


@district.command("certify")
def district_certify(folder: Folder = FOLDER) -> None:
    """Make new certificates for the hub's servers, before the old ones end; then `bus reload`."""
    certify_hub(_open(folder))
    say(Words("证书已更新。", "certificates made."))


@database.command("prepare")
def database_prepare(folder: Folder = FOLDER) -> None:
    """Bring schemas and roles up to date, as the administrator named by REELWARDEN_ADMIN_URL."""
    url = os.environ.get(ADMIN_URL)
    if not url:
        raise fail(
            Words(
                f"请在 {ADMIN_URL} 中给出管理员的地址：postgresql://用户:密码@主机/库?sslmode=verify-full",
                f"name the administrator in {ADMIN_URL}: postgresql://user:password@host/name?sslmode=verify-full",
            )
        )
    whole = _open(folder)

    async def prepare() -> None:
        for service in SERVICES:
            applied = await migrate(url, service, whole.password(service))
            say(Words(f"{service}：{len(applied)} 步", f"{service}: {len(applied)} step(s)"))

    try:
        done(prepare())
    except (asyncpg.PostgresError, MigrationError, asyncpg.InterfaceError) as error:
        raise fail(error) from error


@store.command("prepare")
def store_prepare(folder: Folder = FOLDER) -> None:
    """Make each school's buckets, with object lock, as the administrator named by REELWARDEN_S3_ADMIN_*."""
    whole = _open(folder)
    access, secret = (os.environ.get(f"REELWARDEN_S3_ADMIN_{name}_KEY", "") for name in ("ACCESS", "SECRET"))
    if not access or not secret:
        raise fail(
            Words(
                "请设置 REELWARDEN_S3_ADMIN_ACCESS_KEY 和 REELWARDEN_S3_ADMIN_SECRET_KEY。",
                "set REELWARDEN_S3_ADMIN_ACCESS_KEY and REELWARDEN_S3_ADMIN_SECRET_KEY.",
            )
        )
    at = whole.plan.store
    admin = Minio(at.endpoint, access, secret, secure=at.secure, region=at.region)
    try:
        for bucket in make_buckets(admin, [one.id for one in whole.config.schools]):
            say(Words(f"已建立 {bucket}", f"made {bucket}"))
    except ReelwardenError as error:
        raise fail(error) from error


@store.command("seaweedfs")
def store_seaweedfs(
    file: Annotated[Path, typer.Argument(help="Where SeaweedFS reads its -s3.config; 0600.")],
    folder: Folder = FOLDER,
) -> None:
    """Write who may use the store, for SeaweedFS; other stores take the policies of deploy/s3."""
    whole = _open(folder)
    schools_here = [one.id for one in whole.config.schools]
    admin = {"admin": whole.store_secrets("admin")["admin"]}
    write_private(file, s3_config(identities(schools_here, whole.store_secrets() | admin)))
    say(
        Words(
            f"已写入 {file}；管理密钥 admin 在 keys/store.json。",
            f"{file}; the key `admin` is in keys/store.json.",
        )
    )


@bus.command("reload")
def bus_reload(folder: Folder = FOLDER) -> None:
    """Write the hub's configuration, bring it to the servers (`deploy` of plan.json), have them read it."""
    done(schools.apply(_open(folder)))
    say(Words("中心已读入新配置。", "the hub has read it."))


@bus.command("declare")
def bus_declare(folder: Folder = FOLDER) -> None:
    """Make the hub's streams and consumers, or bring them to what this version wants."""
    done(schools.declare(_open(folder)))
    say(Words("流和消费者已就绪。", "streams and consumers are there."))


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
        return await schools.admit(whole, name, timedelta(hours=wait), say)

    _came(name, done(add()))


@school.command("wait")
def school_wait(
    name: Annotated[str, typer.Argument(metavar="SCHOOL")], folder: Folder = FOLDER, wait: Hours = 1
) -> None:
    """Wait again for a school whose invitation is still open."""
    _came(name, done(schools.admit(_open(folder), name, timedelta(hours=wait), say)))


def _hand_over(invitation: Invitation, file: Path | None) -> None:
    until = f"{invitation.until.astimezone():%Y-%m-%d %H:%M}"
    if file:
        file.touch(mode=0o600)
        file.write_text(invitation.text() + "\n", encoding="ascii")
        say(Words(f"邀请码在 {file}，{until} 前有效。", f"the invitation is in {file}, good until {until}."))
        return
    say(
        Words(
            f"在学校运行以下命令（{until} 前有效，只能用一次，请经安全途径转交）：",
            f"run this at the school (good until {until}, once; hand it over by a safe way):",
        )
    )
    print(f"\nreelwarden site enroll --storage /path/to/recordings {invitation.text()}\n", flush=True)


def _came(name: str, came: bool) -> None:
    if came:
        say(
            Words(
                f"{name} 已接入。区里的 intake 和 registrar 会自动读入它的密钥。",
                f"{name} is let in. The district's intake and registrar read its keys by themselves.",
            )
        )
        return
    say(
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
    ended = done(schools.revoke(_open(folder), name))
    say(
        Words(
            f"{name} 已撤销，断开连接 {ended} 个。它的 S3 密钥请在存储里停用：site-{name}",
            f"{name} is let in no more; {ended} connection(s) ended. End its key at the store: site-{name}",
        )
    )


def doctor_command(
    folder: Folder = FOLDER, *, as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False
) -> None:
    """Look at keys, certificates, hub, streams, database and store; exit 1 if something must be mended."""
    whole = _open(folder)

    async def look() -> list[checks.Check]:
        return [check async for check in doctor.look(whole, doctor.administrator())]

    found = done(look())
    print(checks.as_json(found) if as_json else checks.lines(found))
    raise typer.Exit(checks.worst(found))


def role(
    name: Annotated[str, typer.Argument(metavar="ROLE", help=", ".join(DISTRICT_ROLES))],
) -> None:
    """Run one district role until a signal; its settings come from RW_* and the folder RW_SECRETS_DIR."""
    if name not in DISTRICT_ROLES:
        known = ", ".join(DISTRICT_ROLES)
        raise fail(Words(f"没有角色 {name}；有 {known}。", f"no role {name}: there are {known}."))
    importlib.import_module(module_of(name)).main()
