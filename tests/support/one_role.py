"""One role as a process of its own, for tests of how it ends: `python -m tests.support.one_role`.

The exporter, which hears one event. Says `heard <id>` on standard output.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from reelwarden_common import role
from reelwarden_common.envelope import Envelope
from reelwarden_common.messaging.sqlite import SqliteUnits, open_database
from reelwarden_common.messaging.units import Store
from reelwarden_common.role import Bus, Role
from reelwarden_common.settings import SiteSettings
from tests.support.roles import ProbeStore


async def on_event(_event: Any, envelope: Envelope, _store: Store) -> None:
    sys.stdout.write(f"heard {envelope.id}\n")
    sys.stdout.flush()


@asynccontextmanager
async def build(settings: SiteSettings) -> AsyncIterator[Role[Any]]:
    bus = Bus("exporter", settings)
    path = settings.state_dir / "exporter.db"
    units = SqliteUnits(open_database(path, ()), path, lambda conn: ProbeStore("exporter", conn))
    yield Role("exporter", settings, bus, units, dict.fromkeys(bus.role.hears, on_event))


if __name__ == "__main__":
    role.main(SiteSettings, build)
