"""The desk's API does what its OpenAPI document says, whatever is sent to it."""

from pathlib import Path

from tests.support.desk import PASSWORD, DeskHouse
from tests.support.openapi import try_api


async def test_whatever_is_sent_is_answered_as_described(house: DeskHouse, tmp_path: Path) -> None:
    async with house.person("sun.wei"):
        # whatever is tried signs out, too: no other test goes on with this session
        found = await try_api(house.url, tmp_path, house.sessions.pop("sun.wei"), PASSWORD)
    assert found == "", found
