"""The camera register: what people add, a filing that goes stale, pictures drawn anew, gaps by mode."""

import io
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from PIL import Image

from reelwarden_common.district import load
from reelwarden_common.messaging.postgres import PgUnits
from reelwarden_local.bus import EmbeddedBus
from reelwarden_report.district.inspector.cards import differing
from reelwarden_report.district.inspector.judging import shortest_gap
from reelwarden_report.district.inspector.register import Register
from reelwarden_report.district.inspector.store import InspectorStore
from reelwarden_report.district.inspector.views import Views
from tests.report.district import district_toml, inspector, signed_in
from tests.report.test_inspector import get

AS_FILED = {"gate": ["校门", "entrance", 30], "hall": ["走廊", "corridor", 30]}


@pytest.mark.parametrize(
    ("now", "stale"),
    [
        (AS_FILED, ()),
        ({**AS_FILED, "yard": ["操场", "playground", 30]}, ("yard",)),
        ({"gate": AS_FILED["gate"]}, ("hall",)),
        ({**AS_FILED, "gate": ["东门", "entrance", 30]}, ("gate",)),
        ({**AS_FILED, "hall": ["走廊", "corridor", 90]}, ("hall",)),
    ],
)
def test_a_filing_is_stale_when_cameras_places_or_days_changed(
    now: dict[str, list[object]], stale: tuple[str, ...]
) -> None:
    assert differing(AS_FILED, now) == stale


def test_on_motion_only_a_whole_day_is_a_gap() -> None:
    assert [shortest_gap(mode, 3) for mode in (None, "continuous", "motion")] == [3, 3, 86400]


async def test_the_register_demands_the_days_of_the_rule_set_in_force(
    report_pool: asyncpg.Pool, tmp_path: Path
) -> None:
    config = load(district_toml(tmp_path))
    units = PgUnits(report_pool, "inspector", lambda conn: InspectorStore(conn, ZoneInfo(config.time_zone)))
    book = Register(units, Views(report_pool, config, 5), config)

    async def demanded() -> set[int]:
        return {row["keep_days"] for row in await report_pool.fetch("SELECT keep_days FROM camera_register")}

    assert await book.turn()
    assert await demanded() == {30}
    for version, begins, days in ((2, "1 hour", 60), (3, "-1 hour", 45)):
        await report_pool.execute(
            "INSERT INTO rules (version, effective_from, digest, text, published_at, settings, english)"
            " VALUES ($1, now() + $2::text::interval, $3, '', now(), $4, '')",
            version,
            begins,
            str(version),
            json.dumps({"keep_days": days}),
        )
    assert await book.turn(), "version 3 is in force, version 2 not yet"
    assert await demanded() == {45}
    assert not await book.turn()


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (2000, 1000), "green").save(out, "PNG")
    return out.getvalue() + b"<script>"


async def test_the_safety_department_keeps_the_register(
    district_bus: EmbeddedBus, report_url: str, tmp_path: Path
) -> None:
    toml = district_toml(tmp_path)
    async with inspector(district_bus, report_url, toml) as address:
        safety, auditor = await signed_in(address, "safety"), await signed_in(address, "auditor")
        told = {"mode": "motion", "fed_by": "交换机 7", "sign_since": "2026-01-02"}
        assert (await auditor.post("/register/s001/gate", data=told)).status_code == 403
        assert (await safety.post("/register/s001/none", data=told)).status_code == 404
        assert (
            await safety.post("/register/s001/gate", data=told | {"sign_since": "soon"})
        ).status_code == 422
        assert (await safety.post("/register/s001/gate", data=told)).status_code == 303
        filing = {"filed_on": "2026-01-03", "number": "公备 17"}
        assert (await auditor.post("/register/s001/filing", data=filing)).status_code == 403
        assert (await safety.post("/register/s001/filing", data=filing)).status_code == 303
        still = "/register/s001/gate/still"
        for bad in (b"", b"GIF89a", png()[:100]):
            answer = await safety.post(still, files={"still": ("a.png", bad, "image/png")})
            assert answer.status_code == 422
        assert (await safety.post(still, files={"still": ("a.png", png(), "image/png")})).status_code == 303
        picture = await safety.get(f"{still}.jpg")
        assert picture.content.startswith(b"\xff\xd8")
        assert b"script" not in picture.content
        assert (await auditor.get(f"{still}.jpg")).status_code == 404
        cards = await get(safety, "/api/register")
        gate = next(one for one in cards if one["camera"] == "gate")
        assert (gate["mode"], gate["fed_by"], gate["filed"]) == ("motion", "交换机 7", "filed")
        assert {one["filed"] for one in cards} == {"filed"}
        assert "与现状一致" in (await safety.get("/register")).text
        assert "校门" not in (await safety.get("/register?show=sign")).text
        assert (await safety.get("/api/register?format=csv")).text.startswith("\ufeffschool,camera")
        for client in (safety, auditor):
            await client.aclose()
    text = toml.read_text(encoding="utf-8").replace('place = "走廊"', 'place = "二楼走廊"')
    toml.write_text(text, encoding="utf-8")
    async with inspector(district_bus, report_url, toml) as address:
        safety = await signed_in(address, "safety")
        stale = [one["camera"] for one in await get(safety, "/api/register") if one["filed"] == "stale"]
        assert stale == ["hall"]
        assert "公备 17 已过时" in (await safety.get("/register")).text
        await safety.aclose()
