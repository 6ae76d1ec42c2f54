"""A copy leaves exactly once (R4.4): whatever is tried at the same time, and whatever breaks on the way."""

import asyncio
import hashlib

import httpx
import pytest_asyncio

from reelwarden_common.events.access import CopyReleased
from tests.support.desk import PASSWORD, POLICE, DeskHouse

FOOTAGE = {"view/gate.mp4": b"v" * 100, "native/gate/a.mp4": bytes(range(256)) * 16384}
BODY = {"recipient": "张警官", "medium": "USB 0421", "password": PASSWORD}


@pytest_asyncio.fixture(loop_scope="session")
async def application(house: DeskHouse) -> str:
    """A copy for the police, ready and supervised."""
    filed = await house.file("wu.qian", **POLICE)
    await house.ready(filed, "li.lei", "han.mei", files=FOOTAGE)
    await house.do("chen.gang", f"/api/applications/{filed}/supervision", {"present": ["张警官"]})
    await house.do("zhou.jie", "/api/training/ack")
    return filed


async def release(house: DeskHouse, application: str) -> httpx.Response:
    return await house.ask("zhou.jie", "POST", f"/api/applications/{application}/release", BODY)


async def take(house: DeskHouse, application: str) -> bytes | None:
    """The whole package, or None."""
    try:
        answer = await house.ask("zhou.jie", "GET", f"/api/applications/{application}/package")
    except httpx.HTTPError:
        return None
    return answer.content if answer.status_code == 200 else None


async def test_two_releases_at_once(house: DeskHouse, application: str) -> None:
    answers = await asyncio.gather(*(release(house, application) for _ in range(4)))
    assert all(a.status_code in (403, 409) for a in answers if a.status_code != 200)
    assert [a.status_code for a in answers].count(200) == 1
    await house.until_said(CopyReleased, application)
    await asyncio.sleep(0.5)
    assert len(house.said(CopyReleased, application)) == 1


async def test_a_broken_transfer_may_be_repeated_a_whole_one_not(house: DeskHouse, application: str) -> None:
    released = (await release(house, application)).json()
    async with (
        house.person("zhou.jie") as http,
        http.stream("GET", released["download"]) as broken,
    ):
        async for _ in broken.aiter_bytes(1000):
            break
    assert (await house.show(application))["release"]["handed_over_at"] is None
    content = await take(house, application)
    assert content is not None
    assert hashlib.sha256(content).hexdigest() == released["package"]
    assert await take(house, application) is None
    assert (await house.show(application))["release"]["handed_over_at"]


async def test_of_two_that_take_it_at_once_one_gets_it(house: DeskHouse, application: str) -> None:
    await release(house, application)
    taken = await asyncio.gather(*(take(house, application) for _ in range(3)))
    assert len([content for content in taken if content is not None]) == 1


async def test_it_is_taken_under_supervision_by_whoever_released_it(
    house: DeskHouse, application: str
) -> None:
    await release(house, application)
    path = f"/api/applications/{application}"
    for account in ("lin.xin", "chen.gang", "wu.qian"):
        answer = await house.ask(account, "GET", f"{path}/package")
        assert answer.json()["error"]["rule"] == "R4.4"
    await house.do("chen.gang", f"{path}/supervision/close")
    answer = await house.ask("zhou.jie", "GET", f"{path}/package")
    assert answer.json()["error"]["rule"] == "R4.3"
    await house.do("chen.gang", f"{path}/supervision", {"present": ["张警官"]})
    assert await take(house, application) is not None


async def test_what_is_missing_in_the_store_keeps_the_copy_from_leaving(
    house: DeskHouse, application: str
) -> None:
    shown = await house.show(application)
    key = f"{shown['number']}/native/gate/a.mp4"
    await asyncio.to_thread(house.minio.remove_object, "rw-exports-s001", key)
    assert (await release(house, application)).status_code >= 400
    assert (await house.show(application))["status"] == "ready"
    assert not list(house.settings.packages_dir.glob(f"{application}*"))
    house.put("rw-exports-s001", key, FOOTAGE["native/gate/a.mp4"])
    assert (await release(house, application)).status_code == 200
