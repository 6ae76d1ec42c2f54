"""A supervised retrieval: who is there, what is watched, stills; outside it nothing is seen (R4.3)."""

import io
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from PIL import Image, ImageChops

from reelwarden_access.district.desk import stills
from reelwarden_access.district.desk.stills import NoPicture, Read, frame_at
from reelwarden_common.events.access import StillTaken, ViewingStopped
from reelwarden_common.events.base import CameraSpan
from tests.access.test_desk_refusals import refused
from tests.support.desk import PASSWORD, POLICE, DeskHouse
from tests.support.video import clip

START = (datetime.now(UTC) - timedelta(days=1)).replace(microsecond=0)
SHOWN = CameraSpan(camera="gate", start=START, end=START + timedelta(seconds=4))
SPAN = {"start": START.isoformat(), "end": SHOWN.end.isoformat()}
FILE = "view/gate.mp4"


async def opened(house: DeskHouse, *approvers: str, account: str = "wang.fang", **changes: Any) -> str:
    """An application that is ready, under an open supervision of half an hour."""
    application = await house.file(account, **{**SPAN, **changes})
    await house.approve(application, *(approvers or ("li.lei",)))
    await house.export(application, {FILE: clip(4)}, shows=SHOWN)
    await house.until(application, status="ready")
    body = {"present": ["王芳", "王芳"], "minutes": 30}
    await house.do("chen.gang", f"/api/applications/{application}/supervision", body)
    await house.do("zhou.jie", "/api/training/ack")
    return application


async def viewing_of(house: DeskHouse, application: str) -> str:
    return str((await house.do("zhou.jie", f"/api/applications/{application}/viewings"))["viewing"])


async def pulse(house: DeskHouse, viewing: str, kind: str, position: int, **more: int) -> Any:
    body = {"kind": kind, "file": FILE, "position_ms": position, **more}
    return await house.do("zhou.jie", f"/api/viewings/{viewing}/pulse", body)


async def test_the_supervisor_sees_who_is_there_and_what_is_watched(house: DeskHouse) -> None:
    application = await opened(house)
    path = f"/api/applications/{application}/supervision"
    live = (await house.ask("chen.gang", "GET", path)).json()
    assert [p["name"] for p in live["supervision"]["present"]] == ["王芳"]
    assert live["viewing"] is None
    await house.do("chen.gang", f"{path}/present", {"name": "李老师", "here": True})
    await house.do("chen.gang", f"{path}/present", {"name": "王芳", "here": False})
    other = await house.ask("sun.wei", "POST", f"{path}/present", {"name": "路人", "here": True})
    await refused(house, other, "not_supervisor", "R4.3")
    viewing = await viewing_of(house, application)
    await pulse(house, viewing, "play", 0)
    beat = await pulse(house, viewing, "at", 1500)
    assert not beat["over"]
    live = (await house.ask("chen.gang", "GET", path)).json()
    assert live["supervision"]["until"] == beat["until"]
    assert [(p["name"], p["left_at"] is None) for p in live["supervision"]["present"]] == [
        ("王芳", False),
        ("李老师", True),
    ]
    now = live["viewing"]["acts"][0]
    assert (live["viewing"]["playing"], now["camera"]) == (True, "gate")
    assert datetime.fromisoformat(now["shown_at"]) == START + timedelta(seconds=1.5)
    page = await house.ask("chen.gang", "GET", f"/applications/{application}/supervision/live")
    assert "周杰 正在查看" in page.text
    await house.ask("chen.gang", "POST", f"/applications/{application}/supervision/stop")
    stopped = (await house.until_said(ViewingStopped, application))[0]
    assert (stopped.viewing, stopped.reason) == (viewing, "stopped")
    assert (await pulse(house, viewing, "wait", 1500)) == {"over": True, "until": None}


def reading(content: bytes) -> Read:
    async def read(place: int, length: int) -> bytes:
        return content[place : place + length]

    return read


async def test_what_cannot_be_decoded_has_no_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = clip(4)
    for content in (b"", b"x" * 5000, whole[: len(whole) // 3], whole[:200] + b"\xff" * 4000):
        with pytest.raises(NoPicture):
            await frame_at(reading(content), len(content), 1000)
    with pytest.raises(NoPicture):  # it asks for what is not there
        await frame_at(reading(whole), 10, 1000)
    monkeypatch.setattr(stills, "_SECONDS", 0.01)
    with pytest.raises(NoPicture):
        await frame_at(reading(whole), len(whole), 1000)


async def test_a_still_bears_its_mark_and_everything_stands_in_the_record(house: DeskHouse) -> None:
    application = await opened(house)
    viewing = await viewing_of(house, application)
    await pulse(house, viewing, "play", 0)
    await pulse(house, viewing, "seek", 3000, from_ms=1000)
    await pulse(house, viewing, "pause", 3600)
    asked = {"file": FILE, "position_ms": 3600}
    still = await house.do("zhou.jie", f"/api/viewings/{viewing}/stills", asked)
    assert datetime.fromisoformat(still["shown_at"]) == START + timedelta(seconds=3.6)
    picture = (await house.ask("zhou.jie", "GET", still["url"])).content
    burnt = Image.open(io.BytesIO(picture)).convert("L")
    plain = (await frame_at(reading(clip(4)), len(clip(4)), 3600)).convert("L")
    assert burnt.size == plain.size
    assert abs(plain.tobytes()[-4] - burnt.tobytes()[-4]) < 12, "it is the frame of that moment"
    assert max(ImageChops.difference(burnt, plain).tobytes()) > 60, "the mark is burnt in"
    told = (await house.until_said(StillTaken, application))[0]
    assert (told.digest, told.shown_at) == (still["digest"], START + timedelta(seconds=3.6))
    assert "王芳" not in told.model_dump_json()

    await house.do("zhou.jie", f"/api/viewings/{viewing}/stop")
    page = await house.ask("zhou.jie", "GET", f"/applications/{application}")
    local = (START + timedelta(hours=8)).strftime("%Y-%m-%d %H:%M:%S")
    assert f"查看了校门 {local}" in page.text
    path = f"/api/applications/{application}"
    await house.do("zhou.jie", f"{path}/record", {"content": "书包被拾起", "outcome": "已归还"})
    shown = await house.show(application)
    form = shown["record"]["form"]
    spans = [(START + timedelta(seconds=a), START + timedelta(seconds=b)) for a, b in ((0, 1), (3, 3.6))]
    seen = [
        (datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"])) for one in form["watched"]
    ]
    assert seen == [(a, b.replace(microsecond=0)) for a, b in spans]
    assert (form["stills"][0]["digest"], form["present"]) == (still["digest"], ["王芳"])
    pdf = await house.ask("wang.fang", "GET", f"{path}/forms/record.pdf")
    assert pdf.content.startswith(b"%PDF")


async def test_nothing_of_the_footage_is_seen_outside_an_open_supervision(house: DeskHouse) -> None:
    application = await opened(house)
    viewing = await viewing_of(house, application)
    file = f"/api/viewings/{viewing}/files/{FILE}"
    still = await house.do("zhou.jie", f"/api/viewings/{viewing}/stills", {"file": FILE, "position_ms": 0})
    frames = {
        ("GET", file): None,
        ("GET", still["url"]): None,
        ("POST", f"/api/viewings/{viewing}/stills"): {"file": FILE, "position_ms": 0},
        ("POST", f"/api/viewings/{viewing}/pulse"): {"kind": "at", "file": FILE, "position_ms": 0},
    }
    for (method, path), body in frames.items():
        for other in ("lin.xin", "chen.gang", "wang.fang", "feng.ju", "qian.duo", "nobody"):
            assert (await house.ask(other, method, path, body)).status_code == 403, (other, path)
        async with httpx.AsyncClient(base_url=house.url, timeout=60) as nobody:
            assert (await nobody.request(method, path, json=body)).status_code == 401
        assert (await house.ask("zhou.jie", method, path, body)).is_success, path
    for path in ("native/a.mp4", "../../other/view/gate.mp4", "digests.json"):
        assert (
            await house.ask("zhou.jie", "GET", f"/api/viewings/{viewing}/files/{path}")
        ).status_code == 404

    async with house.database() as behind:
        await behind.execute(
            "UPDATE access.supervisions SET until = now() WHERE application = $1", application
        )
    await nothing_is_seen(house, frames)
    assert (await house.show(application))["supervision"] is None, "its set time is over"
    again = {"present": ["王芳"], "minutes": 5}
    await house.do("chen.gang", f"/api/applications/{application}/supervision", again)
    await nothing_is_seen(house, frames)
    stopped = await house.until_said(ViewingStopped, application)
    assert stopped[0].reason == "supervision_lapsed"


async def nothing_is_seen(house: DeskHouse, frames: dict[tuple[str, str], Any]) -> None:
    """Not even by its retriever; the player is told without being refused."""
    for (method, path), body in frames.items():
        answer = await house.ask("zhou.jie", method, path, body)
        if path.endswith("/pulse"):
            assert answer.json()["over"]
        else:
            await refused(house, answer, "viewing_over", "R4.3")


async def test_a_supervision_lasts_no_longer_than_it_may(house: DeskHouse) -> None:
    application = await house.file()
    await house.ready(application, "li.lei")
    path = f"/api/applications/{application}/supervision"
    answer = await house.ask("chen.gang", "POST", path, {"present": ["王芳"], "minutes": 241})
    assert (answer.status_code, answer.json()["error"]["rule"]) == (422, "R4.3")
    page = await house.ask("chen.gang", "GET", f"/applications/{application}")
    assert 'name="minutes" type="number" min="1" max="240" value="60"' in page.text


async def test_stills_of_a_copy_go_into_its_package(house: DeskHouse) -> None:
    application = await opened(house, "li.lei", "han.mei", account="wu.qian", **POLICE)
    viewing = await viewing_of(house, application)
    body = {"file": FILE, "position_ms": 400}
    still = await house.do("zhou.jie", f"/api/viewings/{viewing}/stills", body)
    release = {"recipient": "张警官", "password": PASSWORD}
    released = await house.do("zhou.jie", f"/api/applications/{application}/release", release)
    package = await house.ask("zhou.jie", "GET", released["download"])
    with zipfile.ZipFile(io.BytesIO(package.content)) as archive:
        picture = archive.read("data/stills/001.jpg")
    assert picture == (await house.ask("zhou.jie", "GET", still["url"])).content


@pytest.mark.parametrize("position", [-1, 10**12])
async def test_a_moment_that_cannot_be_is_refused(house: DeskHouse, position: int) -> None:
    application = await opened(house)
    viewing = await viewing_of(house, application)
    body = {"file": FILE, "position_ms": position}
    answer = await house.ask("zhou.jie", "POST", f"/api/viewings/{viewing}/stills", body)
    assert answer.status_code == 422
