"""`make up`: a district kept running, and what its user is told about it."""

import asyncio
import contextlib
import signal
from pathlib import Path

from rich.console import Console
from rich.table import Table

from reelwarden_access.district.desk.words import ROLE_WORDS
from reelwarden_common.district import DistrictConfig, Grant, Person
from reelwarden_common.web.i18n import Catalogue, read_catalogue
from reelwarden_local.demo import sample
from reelwarden_local.demo.sample import SampleRecorders
from reelwarden_local.stack import Stack
from reelwarden_local.state_folder import StateFolder, hold
from reelwarden_local.words import Words, language

SAMPLE_PACE = {"RW_SWEEP_SECONDS": "20"}
"""The sample's oldest footage is due at once: the sweep that asks should come while somebody looks."""
_out = Console(highlight=False, soft_wrap=True)
_progress = Console(stderr=True, highlight=False, soft_wrap=True)


async def up(state: Path, district: Path | None) -> None:
    """Keep a district running until SIGINT or SIGTERM; without a file of its own, the sample.

    Raises:
        ServerError, MigrationError, ConfigError, StateFolderError: it could not start.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with hold(state) as folder:
        again = (folder.path / "district.toml").exists()
        recorders = None if district else await _sample(folder.path, first_time=not again)
        toml = district or folder.path / "district.toml"
        pace = SAMPLE_PACE if recorders else {}
        async with Stack(state, toml, pace, _say_step) as stack:
            _tell(folder, stack, recorders, again=again)
            live = asyncio.create_task(recorders.record()) if recorders else None
            await stop.wait()
            _progress.print(str(Words("正在停止 …", "stopping …")))
            if live:
                live.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await live


async def _sample(state: Path, *, first_time: bool) -> SampleRecorders:
    recorders = sample.prepare(state)
    if first_time:
        _progress.print(str(Words("录像机写出过去的录像 …", "recorders write past footage …")))
        await asyncio.to_thread(sample.write_past, recorders)
    return recorders


def _say_step(step: Words) -> None:
    _progress.print(str(Words(f"启动：{step.zh} …", f"starting {step.en} …")))


def _tell(folder: StateFolder, stack: Stack, recorders: SampleRecorders | None, *, again: bool) -> None:
    folder.tell(url=stack.desk_url)
    addresses = Table.grid(padding=(0, 2))
    for name, where in (
        (Words("调取台", "desk"), stack.desk_url),
        (Words("看板", "dashboard"), stack.dashboard_url),
        (Words("S3 存储", "S3 store"), f"http://{stack.s3.endpoint}"),
        (Words("NATS 中心", "NATS hub"), stack.bus.url()),
        (Words("状态目录", "state"), str(stack.state_dir)),
    ):
        addresses.add_row(str(name), where)
    _out.print(addresses)
    _out.print(people_table(stack.config, recorders.password if recorders else None))
    if recorders:
        officer = next(p.id for p in stack.config.people if _is_officer(p))
        _out.print(str(_what_to_try(officer, stack.desk_url, again=again)))
    _out.print(str(Words("按 Ctrl-C 全部停止。", "Ctrl-C stops everything.")))


def people_table(config: DistrictConfig, password: str | None) -> Table:
    """Who can log in, as what; with the sample's one password where there is one."""
    words = read_catalogue(["reelwarden_access.district.desk"] if language() == "zh" else [])
    table = Table(title=str(Words("可以登录的人", "Who can log in")))
    for heading in (Words("编号", "id"), Words("姓名", "name"), Words("角色", "roles")):
        table.add_column(str(heading), overflow="fold")
    if password:
        table.add_column(str(Words("密码", "password")), no_wrap=True)
    for person in config.people:
        roles = [_role(config, grant, words) for grant in person.grants]
        shown = "\n".join(roles) or str(Words("（没有权限）", "(none)"))
        table.add_row(person.id, person.name, shown, *([password] if password else []))
    return table


def _role(config: DistrictConfig, grant: Grant, words: Catalogue) -> str:
    place = config.name if grant.role.of_district else config.school(grant.school).name
    return f"{place} · {words.gettext(ROLE_WORDS[grant.role])}"


def _is_officer(person: Person) -> bool:
    return any(grant.role.value == "district_officer" for grant in person.grants)


def _what_to_try(officer: str, desk: str, *, again: bool) -> Words:
    if again:
        return Words(
            f"清理停下来询问时，{officer} 在 {desk}/alarms 确认；已经确认的学校照常清理到期录像。",
            f"A sweep that stopped waits for {officer} at {desk}/alarms; others go on by themselves.",
        )
    return Words(
        "示范录像中有 33 天前的，已经到期。每所学校的第一次清理在启动后一分钟左右停下来询问："
        f"{officer} 在 {desk}/alarms 确认之前，什么都不销毁。",
        "Some of the sample's footage is 33 days old and due. About a minute after the start each school's "
        f"first sweep stops and asks: until {officer} confirms it at {desk}/alarms, nothing is erased.",
    )
