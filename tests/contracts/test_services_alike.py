"""Whoever knows one service finds the way in every other: same places, same files, same entry points."""

import asyncio
import importlib
import inspect
import os
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from reelwarden_common.db import migrations_of, schema_of
from reelwarden_common.messaging.topology import ROLES, Place, Role
from reelwarden_common.settings import RoleSettings, SiteSettings

SERVICES = sorted({role.service for role in ROLES})
FILES = ("app", "domain", "handlers", "settings", "store")
HEADINGS = ("Events", "Settings", "How it scales")
"""What every service's page tells, in this order; as a whole, or role by role."""
ROOT = Path(__file__).parents[2]


def package(role: Role) -> str:
    place = "site" if role.place is Place.SCHOOL else "district"
    return f"reelwarden_{role.service}.{place}.{role.name}"


def module(role: Role, name: str) -> ModuleType:
    return importlib.import_module(f"{package(role)}.{name}")


each_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
each_service = pytest.mark.parametrize("service", SERVICES)


@each_role
def test_a_role_has_the_same_files_as_the_others(role: Role) -> None:
    folder = ROOT / "services" / role.service / "src" / Path(*package(role).split("."))
    missing = [f"{name}.py" for name in FILES if not (folder / f"{name}.py").is_file()]
    assert missing == [], f"{folder.relative_to(ROOT)} lacks {', '.join(missing)}"


@each_role
def test_a_role_is_wired_in_its_app(role: Role) -> None:
    app = module(role, "app")
    assert inspect.isfunction(app.build), "app.build(settings) makes the role"
    settings, *others = inspect.signature(app.build).parameters.values()
    assert settings.name == "settings"
    assert all(other.default is not other.empty for other in others), "main calls it with settings alone"
    assert inspect.isfunction(app.main)
    assert not inspect.signature(app.main).parameters
    assert '\nif __name__ == "__main__":\n    main()' in inspect.getsource(app)


@each_role
def test_a_role_is_told_by_settings_of_its_place(role: Role) -> None:
    settings = module(role, "settings").Settings
    assert issubclass(settings, RoleSettings)
    assert issubclass(settings, SiteSettings) == (role.place is Place.SCHOOL)


@each_role
def test_a_role_handles_what_the_table_says_it_hears(role: Role) -> None:
    handlers = module(role, "handlers")
    together = getattr(handlers, "BATCHES", {})
    alone = handlers.HANDLERS
    assert not set(alone) & set(together)
    assert sorted(e.__name__ for e in {*alone, *together}) == sorted(e.__name__ for e in role.hears)
    assert all(inspect.iscoroutinefunction(handler) for handler in (*alone.values(), *together.values()))


@each_role
def test_a_roles_rules_await_nothing(role: Role) -> None:
    source = inspect.getsource(module(role, "domain"))
    assert not re.search(r"^\s*(async def|await) ", source, re.MULTILINE)
    assert not re.search(r"datetime\.now\(|time\.time\(|\bopen\(", source)


async def test_every_entry_point_names_a_wrong_setting_and_ends() -> None:
    """`python -m reelwarden_….app` is how each role starts; a wrong setting is told by its name."""
    free = asyncio.Semaphore(2)

    async def start(role: Role) -> str | None:
        async with free:
            made = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                f"{package(role)}.app",
                env={**os.environ, "RW_HTTP_PORT": "a million"},
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                _, told = await asyncio.wait_for(made.communicate(), 60)
            except TimeoutError:
                made.kill()
                await made.communicate()
                return f"{role.name} did not end"
        good = made.returncode == 2 and b"RW_HTTP_PORT: " in told and b"Traceback" not in told
        return None if good else f"{role.name} ended with {made.returncode}: {told.decode()[-300:]}"

    failures = [failure for failure in await asyncio.gather(*map(start, ROLES)) if failure]
    assert failures == []


@each_service
def test_a_service_keeps_its_migrations_and_their_sum(service: str) -> None:
    assert migrations_of(service)
    assert schema_of(service).strip()


@each_service
def test_a_service_describes_itself_as_the_others_do(service: str) -> None:
    page = (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")
    assert re.match(rf"# {service} · .+\n", page), "the title is the service's name, English · Chinese"
    found = [line.lstrip("#").strip() for line in page.splitlines() if re.match("##+ ", line)]
    assert [heading for heading in dict.fromkeys(found) if heading in HEADINGS] == list(HEADINGS)
    for role in (r for r in ROLES if r.service == service):
        assert f"**{role.name}**" in page, f"{role.name} is not introduced"
