"""The dashboard's API does what its OpenAPI document says, whatever is sent to it."""

from pathlib import Path

from reelwarden_local.bus import EmbeddedBus
from tests.report.district import PASSWORD, Index, district_toml, inspector, signed_in
from tests.support.openapi import try_api


async def test_whatever_is_sent_is_answered_as_described(
    district_bus: EmbeddedBus, report_url: str, index: Index, tmp_path: Path
) -> None:
    assert index is not None  # it answers
    async with inspector(district_bus, report_url, district_toml(tmp_path)) as address:
        client = await signed_in(address, "officer")
        cookies = dict(client.cookies)
        poison = {"school": "*", "text": "x"}  # in an outbox it would stop all that comes behind it
        assert (await client.post("/api/feedback", json=poison)).status_code == 404
        nul = {"reason": "\0"}
        assert (await client.post("/api/findings/%00/close", json=nul)).status_code == 422
        await client.aclose()
        found = await try_api(address, tmp_path, cookies, PASSWORD)
    assert found == "", found
