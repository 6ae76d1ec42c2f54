"""A bus of hub and one leaf for the tests of messaging."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from reelwarden_common.messaging import declare
from reelwarden_local.bus import EmbeddedBus
from tests.support.roles import SCHOOL


@pytest_asyncio.fixture(loop_scope="session")
async def bus(tmp_path: Path) -> AsyncIterator[EmbeddedBus]:
    """A hub and a leaf of this test's own: it may kill, cut or poison them."""
    async with EmbeddedBus(tmp_path / "bus", [SCHOOL]) as running:
        yield running


@pytest.fixture
def quick_redelivery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Consumers that wait two seconds, not thirty, for an answer; use before `bus`."""
    monkeypatch.setattr(declare, "ACK_WAIT", declare.ACK_WAIT / 15)
