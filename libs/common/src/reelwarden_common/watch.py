"""Noticing that what a role was told has changed: it then ends, and is started anew with the new.

A school is added, a key rotated, a rule of district.toml changed: no role has to know how to change in
its midst, and whoever keeps it running (systemd, Kubernetes, Compose, `reelwarden up`) starts it again.
"""

import asyncio
import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

from reelwarden_common.district import ConfigError, load
from reelwarden_common.telemetry import log

LOOK_SECONDS = 5.0
SPREAD_SECONDS = 3.0
"""Replicas do not all leave at once."""


class Told:
    """What lies in a role's files: district.toml, and its folder of secrets."""

    def __init__(self, role: str, district_toml: Path) -> None:
        self._role = role
        self._district = district_toml
        self._config, self._secrets = self._digests()

    async def until_changed(self) -> None:
        """Return once it is another, and right; what is wrong is told once, and the old goes on."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            config, secrets = self._digests()
            if (config, secrets) == (self._config, self._secrets):
                continue
            if config != self._config and (problem := self._wrong()):
                log(self._role).error("district_toml_not_taken", error=problem)
                self._config = config
                if secrets == self._secrets:
                    continue
            await asyncio.sleep(random.uniform(0, SPREAD_SECONDS))  # noqa: S311 - no secret
            return

    def _wrong(self) -> str | None:
        try:
            load(self._district)
        except ConfigError as error:
            return str(error)
        return None

    def _digests(self) -> tuple[str, str]:
        return _digest([self._district]), _digest(_secret_files())


def _secret_files() -> Iterator[Path]:
    folder = os.environ.get("RW_SECRETS_DIR")
    return iter(sorted(p for p in Path(folder).iterdir() if p.is_file())) if folder else iter(())


def _digest(files: Iterator[Path] | list[Path]) -> str:
    whole = hashlib.sha256()
    for file in files:
        try:
            text = file.read_bytes()
        except OSError:
            text = b""  # being replaced; the next look sees it
        whole.update(hashlib.sha256(file.name.encode()).digest() + hashlib.sha256(text).digest())
    return whole.hexdigest()
