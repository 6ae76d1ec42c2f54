"""A school in one process: scanner, reaper, exporter, replicator and notary as separate tasks.

Each has its own NATS user, its own SQLite file and its own health port, as if it ran alone. One that ends
is started again; the others go on.
"""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from reelwarden_common.role import run
from reelwarden_common.settings import RoleSettings
from reelwarden_common.telemetry import configure_logging, log
from reelwarden_local.roles import SITE_ROLES, RoleModule, load

RESTART_SECONDS = 1.0
ROLES_FILE = "RW_SITE_ROLES"
"""Environment variable: a JSON file, per role its `nats_seed` and `http_port`; 0600."""


def role_settings(module: RoleModule, own: dict[str, Any]) -> RoleSettings:
    """The settings of one role: what all share comes from the environment, its own from the file."""
    return module.settings(nats_seed=SecretStr(own["nats_seed"]), http_port=own["http_port"])


async def keep_running(module: RoleModule, settings: RoleSettings, stop: asyncio.Event) -> None:
    """Run a role until `stop`, starting it again when it ends by itself."""
    while not stop.is_set():
        try:
            await run(module.build, settings, stop)
        except Exception:  # noqa: BLE001 - one role's failure must not end the school's others
            log(module.role).exception("role_ended")
        if not stop.is_set():
            await asyncio.sleep(RESTART_SECONDS)


async def host(roles: dict[str, dict[str, Any]]) -> None:
    """Run the roles of the file until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    modules = [load(name) for name in SITE_ROLES if name in roles]
    settings = [role_settings(module, roles[module.role]) for module in modules]
    async with asyncio.TaskGroup() as tasks:
        for module, own in zip(modules, settings, strict=True):
            tasks.create_task(keep_running(module, own, stop))


def main() -> None:
    """Entry point of `python -m reelwarden_local.site_host`."""
    configure_logging(os.environ.get("RW_LOG_LEVEL", "INFO"))
    asyncio.run(host(json.loads(Path(os.environ[ROLES_FILE]).read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
