"""Floor plans: drawn anew, marked by click or by numbers, and a way to choose cameras (R4.2)."""

import io
import re

import httpx
import pytest
from PIL import Image

from reelwarden_access.district.desk.plan import Mark, Plan, clicked, written_marks
from reelwarden_common.district import Camera
from reelwarden_common.web import Wrong
from tests.support.desk import DeskHouse
from tests.support.papers import bomb, document, picture

CAMERA = Camera.model_validate(
    {
        "id": "gate",
        "name": "校门",
        "place": "校门口",
        "place_kind": "entrance",
        "recorder": {"layout": "frigate", "folder": "frigate", "source": "gate"},
    }
)
PLAN = Plan("s001", "image/png", 1800, 900, "ab" * 32)


async def put(
    house: DeskHouse, content: bytes, account: str = "chen.gang", school: str = "s001"
) -> httpx.Response:
    async with house.person(account) as http:
        return await http.post(f"/plans/{school}", files=[("files", ("平面图.png", content, "image/png"))])


async def send(house: DeskHouse, path: str, account: str = "chen.gang", **form: str) -> httpx.Response:
    async with house.person(account) as http:
        return await http.post(path, data=form)


def test_a_click_is_a_place_whatever_the_picture_measures() -> None:
    assert clicked("gate", (450, 225), PLAN) == Mark("gate", 50.0, 50.0)
    for at in ((901, 10), (-1, 10), (10, 451), (float("nan"), 1)):
        with pytest.raises(Wrong, match="from 0 to 100"):
            clicked("gate", at, PLAN)


async def test_a_plan_is_put_up_marked_and_chosen_from(house: DeskHouse) -> None:
    assert "plan-number" not in (await house.ask("wang.fang", "GET", "/apply?form=" + "0" * 32)).text
    assert (
        await send(house, "/plans/s001/place", camera="gate", **{"at.x": "1", "at.y": "1"})
    ).status_code == 422
    assert (await put(house, picture("JPEG", (800, 400)))).status_code == 303
    seen = await house.ask("wang.fang", "GET", "/plans/s001/picture")
    with Image.open(io.BytesIO(seen.content)) as opened:
        assert (seen.headers["content-type"], opened.size) == ("image/png", (800, 400))
    placed = await send(house, "/plans/s001/place", camera="gate", **{"at.x": "225", "at.y": "225"})
    assert placed.headers["location"] == "/plans/s001?camera=hall#place"
    page = await house.ask("chen.gang", "GET", "/plans/s001")
    assert 'name="x.gate" value="25"' in page.text
    assert 'name="y.gate" value="50"' in page.text
    form = await house.ask("wang.fang", "GET", "/apply?form=" + "0" * 32)
    assert re.search(r'<label class="mark" for="camera-s001-gate"[^>]*>1</label>', form.text)
    assert 'id="camera-s001-gate" name="cameras" value="s001/gate"' in form.text
    assert 'camera-s001-hall" title' not in form.text  # not on the plan, but in the list
    wrong = await send(
        house, "/plans/s001/marks", **{"x.gate": "101", "y.gate": "5", "x.hall": "", "y.hall": ""}
    )
    assert (wrong.status_code, 'value="101"' in wrong.text) == (422, True)
    await send(house, "/plans/s001/marks", **{"x.gate": "", "y.gate": "", "x.hall": "10,5", "y.hall": "5"})
    page = await house.ask("li.lei", "GET", "/plans/s001")
    assert (page.text.count('class="mark"'), "Place cameras" in page.text) == (1, False)
    assert (await put(house, picture("PNG", (300, 300)))).status_code == 303  # another picture, places stay
    assert 'name="x.hall" value="10.5"' in (await house.ask("chen.gang", "GET", "/plans/s001")).text


@pytest.mark.parametrize("content", [document(), bomb(), b"MZ", b""], ids=["pdf", "bomb", "program", "empty"])
async def test_what_is_no_picture_is_no_plan(house: DeskHouse, content: bytes) -> None:
    said = await put(house, content, "qian.duo", "s002")
    assert (said.status_code, 'role="alert"' in said.text) == (422, True)
    assert (await house.ask("qian.duo", "GET", "/plans/s002/picture")).status_code == 404


@pytest.mark.parametrize("account", ["wang.fang", "li.lei", "qian.duo", "nobody"])
async def test_only_the_safety_department_of_the_school_changes_it(house: DeskHouse, account: str) -> None:
    assert (await put(house, picture(), account)).status_code == 403
    marked = await send(house, "/plans/s001/marks", account, **{"x.gate": "1", "y.gate": "1"})
    assert marked.status_code == 403
    assert (await house.ask("chen.gang", "GET", "/plans/s999")).status_code == 404


def test_fields_say_places() -> None:
    cameras = [CAMERA.model_copy(update={"id": name}) for name in ("gate", "hall")]
    assert written_marks(cameras, {"x.gate": " 1,5", "y.gate": "100", "x.hall": "", "y.hall": ""}) == [
        Mark("gate", 1.5, 100.0)
    ]
    for x, y in (("", "5"), ("a", "5"), ("inf", "5"), ("5", "-1")):
        with pytest.raises(Wrong):
            written_marks(cameras, {"x.gate": x, "y.gate": y})
