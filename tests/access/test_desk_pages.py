"""The pages in both languages, and what their buttons do."""

import re
from pathlib import Path

import httpx
import pytest

from reelwarden_access.district.desk import forms
from tests.support.desk import PASSWORD, PEOPLE, POLICE, DeskHouse

PATHS = {
    "/": ("wang.fang", "我的申请", "My applications"),
    "/apply": ("wang.fang", "监控录像调取申请表", "Application for footage"),
    "/reception": ("wu.qian", "监控录像调取申请表（来访）", "Application for footage, received from outside"),
    "/approve": ("li.lei", "待我审批", "To approve"),
    "/supervise": ("chen.gang", "待我监督", "To supervise"),
    "/retrieve": ("zhou.jie", "调取", "Retrieve"),
    "/all": ("zheng.yu", "全部申请", "All applications"),
    "/alarms": ("feng.ju", "告警", "Alarms"),
    "/training": ("zhou.jie", "制度与培训", "Rules and training"),
    "/api/docs": ("wang.fang", "API", "API"),
}


def heading(page: httpx.Response) -> str:
    found = re.search(r"<h1>(.*?)</h1>", page.text)
    assert found, page.text
    return found[1]


async def read(house: DeskHouse, account: str, path: str) -> httpx.Response:
    """A page, wherever its address leads."""
    async with house.person(account) as http:
        http.follow_redirects = True
        return await http.get(path)


@pytest.mark.parametrize("path", PATHS)
async def test_each_page_in_both_languages(house: DeskHouse, path: str) -> None:
    account, chinese, english = PATHS[path]
    zh = await read(house, account, path)
    en = await read(house, account, f"{path}?lang=en")
    assert (zh.status_code, heading(zh), zh.headers["content-language"]) == (200, chinese, "zh")
    assert (en.status_code, heading(en), en.headers["content-language"]) == (200, english, "en")
    assert "script-src 'self'" in zh.headers["content-security-policy"]
    assert not re.search(r"<script(?! src=\"/(?:static|web)/)|<style|\sstyle=|\son\w+=", zh.text)


@pytest.mark.parametrize("path", ["/approve", "/supervise", "/retrieve", "/all", "/alarms"])
async def test_pages_of_others_say_which_rule(house: DeskHouse, path: str) -> None:
    page = await house.ask("nobody", "GET", path)
    assert page.status_code == 403
    assert "R3.3" in page.text


@pytest.mark.parametrize("account", PEOPLE)
async def test_nobody_is_offered_a_page_that_is_refused(house: DeskHouse, account: str) -> None:
    """Every link that somebody is shown, followed two steps deep, opens."""
    application = await house.file()
    await house.ask("qian.duo", "GET", f"/api/applications/{application}")  # a refusal for the alarms
    seen: set[str] = set()
    async with house.person(account) as http:
        http.follow_redirects = True
        todo = ["/"]
        for _ in range(3):
            found: list[str] = []
            for path in todo:
                page = await http.get(path)
                assert page.status_code == 200, (path, page.text)
                assert not re.search("您(的账号)?无权", page.text), path
                found += [link for link in re.findall(r'href="(/[^"#]*)"', page.text) if "/web/" not in link]
            seen.update(todo)
            of_applications = sorted({f for f in found if f.startswith("/applications/")} - seen)[:5]
            others = {f for f in found if not f.startswith(("/applications/", "/api/"))}
            todo = [*sorted(others - seen), *of_applications]
    assert ("/apply" in seen) == (
        account
        in (
            *("wang.fang", "li.lei", "han.mei", "chen.gang", "sun.wei", "zhao.yi"),
            *("qian.duo", "luo.min", "he.ping", "yu.hua"),
        )
    )
    assert ("/reception" in seen) == (account == "wu.qian")


async def test_nobody_signed_in_is_sent_to_sign_in_and_back(house: DeskHouse) -> None:
    async with httpx.AsyncClient(base_url=house.url, follow_redirects=True, timeout=60) as http:
        page = await http.get("/approve")
        assert heading(page) == "登录"
        assert 'name="next" value="/approve"' in page.text
        body = {"id": "li.lei", "password": PASSWORD, "next": "/approve"}
        assert heading(await http.post("/login", data=body)) == "待我审批"


async def test_the_undertaking_on_the_page_is_the_one_on_paper(house: DeskHouse) -> None:
    words = Path(forms.__file__).with_name("forms") / "words.typ"
    texts = re.findall(r'undertaking-text: "(.*?)"', words.read_text(encoding="utf-8"))
    for language, text in zip(("zh", "en"), texts, strict=True):
        page = await read(house, "wang.fang", f"/apply?lang={language}")
        assert text in page.text


async def test_what_people_write_is_never_markup(house: DeskHouse) -> None:
    evil = '<script>alert(1)</script>"><img src=x>'
    application = await house.file(reason=evil, relation=evil, documents=[evil])
    for account in ("wang.fang", "li.lei"):
        page = await house.ask(account, "GET", f"/applications/{application}")
        assert "<script>" not in page.text
        assert "<img src=x" not in page.text


async def test_a_form_that_is_wrong_keeps_what_was_written(house: DeskHouse) -> None:
    async with house.person("wang.fang") as http:
        form = {
            "cameras": "s001/gate",
            "start": "2026-03-02T08:00",
            "end": "2026-03-02T09:00",
            "reason": "书包",
        }
        page = await http.post("/apply", data=form | {"password": "wrong", "undertaking": "on"})
        assert page.status_code == 403
        assert "密码错误" in page.text
        assert "书包</textarea>" in page.text
        assert 'value="2026-03-02T08:00"' in page.text
        assert 'value="s001/gate" checked' in page.text
        assert "wrong" not in page.text
        missing = await http.post("/apply", data={k: v for k, v in form.items() if k != "start"})
        assert (missing.status_code, "请填写：开始时间。" in missing.text) == (422, True)
        two_schools = await http.post("/apply", data=form | {"cameras": ["s001/gate", "s002/gate"]})
        assert "只能选择同一所学校的点位" in two_schools.text


async def test_withdrawing_is_asked_twice_and_at_the_end(house: DeskHouse) -> None:
    application = await house.file()
    page = await house.ask("wang.fang", "GET", f"/applications/{application}")
    assert page.text.index('id="withdraw"') < page.text.index("确认撤回") < page.text.rindex("</details>")
    assert page.text.index("签字栏") < page.text.index('id="withdraw"')
    assert page.text.count(f'action="/applications/{application}/withdraw') == 1
    assert "已撤回" in (await post(house, "wang.fang", f"/applications/{application}/withdraw")).text


def due(page: httpx.Response) -> str | None:
    """The step that is marked as the one to be done now."""
    found = re.search(r'<li class="now" aria-current="step">(.*?)</li>', page.text)
    return found[1] if found else None


async def post(house: DeskHouse, account: str, path: str, **form: str) -> httpx.Response:
    """Press a button; answers the page that follows."""
    async with house.person(account) as http:
        http.follow_redirects = True
        return await http.post(path, data=form)


async def test_a_copy_by_its_buttons(house: DeskHouse) -> None:
    """Everybody does their part on the pages alone."""
    outsider = {k: v for k, v in POLICE.items() if k != "manner"}
    filed = await post(
        house,
        "wu.qian",
        "/reception",
        cameras="s001/gate",
        start="2026-03-02T08:00:00",
        end="2026-03-02T09:00:00",
        manner="copy",
        reason="盗窃案",
        undertaking="on",
        password=PASSWORD,
        **outsider,
    )
    number = heading(filed)
    application = str(filed.url).rsplit("/", 1)[1]
    path = f"/applications/{application}"
    digest = (await house.show(application))["digest"]
    decision = {"digest": digest, "opinion": "同意", "decision": "approve", "password": PASSWORD}
    listed = await house.ask("li.lei", "GET", "/approve")
    assert number in listed.text
    once = await post(house, "li.lei", f"{path}/decide", **decision)
    assert "1/2" in once.text
    table = once.text[once.text.index("签字栏") : once.text.index("<h2>录像</h2>")]
    assert table.count("<th>") == 3  # and the first, where the text was cut
    assert re.search(r"李雷.*?校长室 · 校领导", table, re.DOTALL)
    assert re.search(r"吴倩.*?代张警官见证.*?门卫室 · 接待岗", table, re.DOTALL)
    assert due(once) == "2 审批"
    twice = await post(house, "li.lei", f"{path}/decide", **decision)
    assert (twice.status_code, "须由另一人再签" in twice.text) == (403, True)
    await post(house, "han.mei", f"{path}/decide", **decision)
    await house.export(application, {"view/gate.mp4": b"m" * 100})
    await house.until(application, status="ready")
    assert due(await house.ask("li.lei", "GET", path)) == "4 交付"
    await house.do("zhou.jie", "/api/training/ack")
    opened = await post(house, "chen.gang", f"{path}/supervise", present="张警官\n吴倩")
    assert "陈刚 监督至" in opened.text
    opened = await read(house, "chen.gang", f"/applications/{application}")
    assert "监督人：陈刚；在场人：张警官、吴倩" in opened.text
    viewing = await post(house, "zhou.jie", f"{path}/view")
    assert "<video" in viewing.text
    stop = str(viewing.url).removeprefix(house.url)
    assert heading(await post(house, "chen.gang", f"{stop}/stop")) == number
    released = await post(house, "zhou.jie", f"{path}/release", recipient="张警官", password=PASSWORD)
    assert "取出证据包" in released.text
    assert due(released) == "5 记录"
    await post(house, "chen.gang", f"{path}/close_supervision")
    await post(house, "zhou.jie", f"{path}/record", content="一人翻墙", outcome="交警方", copies="1")
    record = (await house.show(application))["record"]["digest"]
    for account in ("zhou.jie", "chen.gang", "wu.qian"):
        signed = await post(house, account, f"{path}/sign", digest=record, password=PASSWORD)
        assert signed.status_code == 200, signed.text
    assert due(signed) == "6 办结"
    assert re.findall(r'<li class="done">(.*?)</li>', signed.text) == [
        "✓ 申请",
        "✓ 审批",
        "✓ 导出",
        "✓ 交付",
        "✓ 记录",
    ]
    no_receipt = await post(house, "wu.qian", f"{path}/declare", declaration="transferred", password=PASSWORD)
    assert "请填写：回执。" in no_receipt.text
    await post(house, "wu.qian", f"{path}/declare", declaration="destroyed", password=PASSWORD)
    closed = await post(house, "li.lei", f"{path}/close")
    assert "已办结" in closed.text
    assert due(closed) is None
    assert "✓ 办结" in closed.text
    assert (await house.show(application))["outcome"] == "destroyed"
    assert (await post(house, "li.lei", f"{path}/nonsense")).status_code == 404


async def test_another_sites_page_cannot_press_buttons(house: DeskHouse) -> None:
    application = await house.file()
    async with house.person("wang.fang") as http:
        for headers in (
            {"origin": "https://evil.example"},
            {"sec-fetch-site": "cross-site"},
            {"origin": "null"},
        ):
            answer = await http.post(f"/applications/{application}/withdraw", headers=headers)
            assert answer.status_code == 403
    assert (await house.show(application))["status"] == "filed"
