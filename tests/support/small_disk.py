"""A small disk for processes under test: a tmpfs in a namespace, which can fill up and turn read-only.

Made by an ordinary user where the machine allows user namespaces, by root where it may mount.
"""

import asyncio
import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest

_CHUNK = 1 << 16
_DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")
_WAYS = ((("--user", "--map-root-user"), ("--user", "--preserve-credentials")), ((), ()))
"""How to get a mount namespace, and how to enter it."""
NO_NAMESPACE = """\
full and read-only disks are tmpfs mounts in a namespace, and this machine allows none:
  unshare --user --map-root-user --mount true    (as any user)   and   unshare --mount true    (as root)
both fail. In a container, allow it: docker run --security-opt seccomp=unconfined --cap-add SYS_ADMIN …;
elsewhere: sysctl -w kernel.unprivileged_userns_clone=1"""


class SmallDisk:
    """Mounted at `place`, as processes started with `inside` before their command see it."""

    def __init__(self, place: Path, megabytes: int) -> None:
        self._place, self._megabytes = place, megabytes
        self._holder: subprocess.Popen[bytes] | None = None
        self.inside: list[str] = []

    def __enter__(self) -> Self:
        self._place.mkdir(parents=True, exist_ok=True)
        how, enter = _way()
        options = f"size={self._megabytes}m"
        script = 'mount -t tmpfs -o "$1" small "$0" && echo mounted && exec sleep infinity'
        command = ["unshare", *how, "--mount", "sh", "-c", script, str(self._place), options]
        self._holder = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"mounted\n", (
            "the tmpfs could not be mounted; the reason is above"
        )
        target = ["nsenter", "--target", str(self._holder.pid), *enter, "--mount"]
        self.inside = [*target, *_DIES_WITH_US]
        return self

    def __exit__(self, *_: object) -> None:
        if self._holder is not None:
            self._holder.kill()
            self._holder.wait()
            if self._holder.stdout is not None:
                self._holder.stdout.close()

    @property
    def path(self) -> Path:
        """Where this process finds what lies on it."""
        assert self._holder is not None
        return Path(f"/proc/{self._holder.pid}/root{self._place}")

    @property
    def free(self) -> int:
        """Bytes that fit."""
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def fill(self) -> None:
        """Until nothing fits any more."""
        with self._ballast.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"\0" * _CHUNK)
        with self._ballast.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"\0" * 512)

    def make_room(self) -> None:
        self._ballast.unlink()

    async def turn(self, mode: str) -> None:
        """`ro` or `rw`; waits while somebody has a file open for writing."""
        deadline = time.monotonic() + 30
        command = [*self.inside, "mount", "-o", f"remount,{mode}", str(self._place)]
        while (done := await asyncio.to_thread(subprocess.run, command, capture_output=True)).returncode:
            assert time.monotonic() < deadline, done.stderr.decode()
            await asyncio.sleep(0.05)

    @property
    def _ballast(self) -> Path:
        return self.path / "ballast"


def _way() -> tuple[Sequence[str], Sequence[str]]:
    for how, enter in _WAYS:
        tried = subprocess.run(["unshare", *how, "--mount", "true"], capture_output=True, check=False)
        if tried.returncode == 0:
            return how, enter
    pytest.fail(NO_NAMESPACE, pytrace=False)
