"""What the replay command says where it cannot work; that it works: faults/test_restored_district.py."""

import pytest

from reelwarden_common.clock import system_clock
from reelwarden_common.messaging import replay
from reelwarden_common.settings import RoleSettings
from reelwarden_local.servers import LOOPBACK, free_port


def test_a_moment_without_an_offset_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        replay.main(["--since", "2026-03-02T08:00:00"])
    assert ended.value.code == 2
    assert "say the offset too" in capsys.readouterr().err


async def test_a_hub_that_is_away_is_named() -> None:
    url = f"nats://{LOOPBACK}:{free_port()}"
    with pytest.raises(replay.NotReplayed, match=url):
        await replay.rewind(RoleSettings(nats_url=url), system_clock())
