"""Roles as child processes: started with their settings in the environment, watched, started again."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from reelwarden_local.servers.process import LOOPBACK, ServerProcess


class RoleProcess(ServerProcess):
    """One process of ours, ready when each of its health ports says so."""

    start_timeout = 60.0
    stop_timeout = 15.0

    def __init__(
        self, name: str, module: str, settings: Mapping[str, str], ports: Mapping[str, int], state_dir: Path
    ) -> None:
        super().__init__(name, state_dir)
        self._module = module
        self._settings = settings
        self.ports = ports
        """Per role in it, the port of its health, metrics and pages."""
        self._not_ready = ""

    @property
    def url(self) -> str:
        """The address of its first role's HTTP server."""
        return f"http://{LOOPBACK}:{next(iter(self.ports.values()))}"

    def command(self) -> list[str]:
        """The same Python, the role's module."""
        return [sys.executable, "-m", self._module]

    def environment(self) -> Mapping[str, str]:
        """Settings travel in the environment: a command line is everyone's to read."""
        return self._settings

    async def is_ready(self) -> bool:
        """Every role in it is ready."""
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            for port in self.ports.values():
                try:
                    answer = await client.get(f"http://{LOOPBACK}:{port}/readyz")
                except httpx.HTTPError:
                    return False
                if answer.status_code != httpx.codes.OK:
                    self._not_ready = answer.text
                    return False
        return True


async def keep_alive(process: RoleProcess) -> None:
    """Start a process again whenever it ends; runs until cancelled."""
    while True:
        code = await process.exited()
        print(json.dumps({"event": "process_ended", "process": process.name, "code": code}), file=sys.stderr)
        await asyncio.sleep(1)
        await process.start()
