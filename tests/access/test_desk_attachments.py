"""Papers of a form: what is taken, who sees them, what signatures cover, when content goes (R4.2)."""

import asyncio
import hashlib
import io
import json
import re
import uuid
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pypdf import PdfReader

from reelwarden_access import verify
from reelwarden_access.district.desk.attachment import MB
from reelwarden_access.district.desk.drafts import KEPT
from reelwarden_access.district.desk.tables.attachments import PART, AttachmentsTable
from reelwarden_access.district.desk.to_sign import digest_of_form
from tests.support.desk import PASSWORD, POLICE, DeskHouse, filing
from tests.support.papers import archive, bomb, document, picture

Upload = tuple[str, tuple[str, bytes, str]]


def upload(name: str = "介绍信.pdf", content: bytes | None = None, word: str = "application/pdf") -> Upload:
    """A file as a browser sends it."""
    return ("files", (name, document() if content is None else content, word))


async def stage(house: DeskHouse, form: str, *files: Upload, account: str = "wang.fang") -> httpx.Response:
    async with house.person(account) as http:
        return await http.post(f"/api/forms/{form}/attachments", files=files)


async def filed_with(house: DeskHouse, *files: Upload, account: str = "wang.fang", **changes: Any) -> str:
    """An application with papers."""
    form = uuid.uuid4().hex
    assert (await stage(house, form, *files, account=account)).status_code == 200
    return await house.file(account, id=form, **changes)


async def kept(house: DeskHouse) -> tuple[int, int]:
    """How many papers and parts the database holds."""
    async with house.database() as database:
        papers = await database.fetchval("SELECT count(*) FROM access.attachments")
        return papers, await database.fetchval("SELECT count(*) FROM access.attachment_parts")


async def test_papers_come_with_the_form_stand_in_it_and_are_read_by_those_who_decide(
    house: DeskHouse,
) -> None:
    form, large = uuid.uuid4().hex, document(padding=2 * PART + 1)
    path = f"/apply?form={form}"
    day = (datetime.now(UTC) - timedelta(days=1)).date()
    written = {"cameras": "s001/gate", "start": f"{day}T08:00", "end": f"{day}T09:00", "reason": "书包"}
    async with house.person("wang.fang") as http:
        sent = await http.post(path, data=written | {"attach": "files"}, files=[upload(content=large)])
        assert "移除 介绍信.pdf" in sent.text
        wrong = await http.post(
            path,
            data=written | {"password": "x", "undertaking": "on"},
            files=[upload("照片.JPG", picture("JPEG"))],
        )
        assert (wrong.status_code, "移除 照片.jpg" in wrong.text) == (403, True)
        dropped = re.findall(r'name="drop" value="(\w+)"', wrong.text)[0]
        one = await http.post(path, data=written | {"attach": "files", "drop": dropped})
        assert "移除 介绍信.pdf" not in one.text
        sign = written | {"password": PASSWORD, "undertaking": "on"}
        done = await http.post(path, data=sign, files=[upload(content=large)])
        assert done.headers["location"] == f"/applications/{form}"
        again = await http.post(path, data=sign, files=[upload(content=large)])
        assert again.headers["location"] == f"/applications/{form}"
    shown = await house.show(form)
    assert [(a["name"], a["sha256"]) for a in shown["form"]["attachments"]] == [
        ("照片.jpg", hashlib.sha256(picture("JPEG")).hexdigest()),
        ("介绍信.pdf", hashlib.sha256(large).hexdigest()),
    ]
    assert shown["digest"] == digest_of_form(shown["form"]) == shown["signatures"][0]["digest"]
    page = await house.ask("li.lei", "GET", f"/applications/{form}?lang=en")
    link = re.findall(r'href="(/api/applications/\w+/attachments/\w+)"', page.text)[1]
    got = await house.ask("li.lei", "GET", link)
    assert got.content == large
    assert got.headers["content-type"] == "application/pdf"
    assert got.headers["content-disposition"].startswith(
        'attachment; filename="attachment.pdf"; filename*=UTF-8'
    )
    assert "sandbox" in got.headers["content-security-policy"]
    assert got.headers["x-content-type-options"] == "nosniff"
    printed = await house.ask("li.lei", "GET", f"/api/applications/{form}/forms/application.pdf?lang=zh")
    text = "".join(p.extract_text() for p in PdfReader(io.BytesIO(printed.content)).pages)
    assert hashlib.sha256(large).hexdigest() in text.replace("\n", "")
    for account in ("nobody", "qian.duo", "luo.min"):  # another school's, and nobody's
        assert (await house.ask(account, "GET", link)).status_code == 403
    other = await house.file("wang.fang")
    assert (await house.ask("li.lei", "GET", link.replace(form, other))).status_code == 404


async def test_a_paper_added_later_is_signed_anew_and_seen(house: DeskHouse) -> None:
    application = await filed_with(house, upload())
    before = await house.show(application)
    path = f"/applications/{application}/attach"
    async with house.person("wang.fang") as http:
        wrong = await http.post(path, data={"password": "x"}, files=[upload("回执.png", picture())])
        assert (wrong.status_code, "密码错误" in wrong.text, "回执.png" in wrong.text) == (403, True, True)
        assert (await house.show(application))["digest"] == before["digest"]
        assert (await http.post(path, data={"password": PASSWORD})).status_code == 303
    after = await house.show(application)
    assert [a["name"] for a in after["attachments"]] == ["介绍信.pdf", "回执.png"]
    assert after["digest"] == digest_of_form(after["form"]) == after["signatures"][0]["digest"]
    assert after["digest"] != before["digest"] == after["earlier_forms"][0]["digest"]
    page = await house.ask("li.lei", "GET", f"/applications/{application}")
    assert "补充了附件" in page.text
    old = {"digest": before["digest"], "opinion": "同意", "password": PASSWORD}
    refused = await house.ask("li.lei", "POST", f"/api/applications/{application}/approve", old)
    assert refused.json()["error"]["code"] == "other_form"
    await house.approve(application, "li.lei")
    late = await stage(house, application, upload("晚到.png", picture(colour="red")))
    assert (late.status_code, late.json()["error"]["code"]) == (409, "wrong_state")
    signed = await house.ask(
        "wang.fang", "POST", f"/api/applications/{application}/attachments", {"password": PASSWORD}
    )
    assert signed.status_code == 409
    assert (await house.show(application))["digest"] == after["digest"]


async def test_after_the_first_signature_nothing_is_added(house: DeskHouse) -> None:
    application = await house.file()
    digest = (await house.show(application))["digest"]
    opinion = {"digest": digest, "opinion": "属实", "password": PASSWORD}
    await house.do("chen.gang", f"/api/applications/{application}/advise", opinion)
    late = await stage(house, application, upload())
    assert (late.status_code, late.json()["error"]["code"]) == (409, "form_signed")
    assert "attach" not in (await house.show(application, "wang.fang"))["may"]
    others = await stage(house, await house.file(), upload(), account="li.lei")
    assert (others.status_code, others.json()["error"]["code"]) == (403, "not_yours")


async def test_extensions_and_cases_have_papers_too(house: DeskHouse) -> None:
    form, day = uuid.uuid4().hex, datetime.now(UTC).date()
    body = {
        k: v
        for k, v in filing(id=form).items()
        if k in ("school", "cameras", "start", "end", "reason", "password", "id")
    }
    body |= {"until": str(day + timedelta(days=20)), "source": "case", "case_number": "A-7"}
    await stage(house, form, upload("立案通知.pdf"), account="chen.gang")
    await house.do("chen.gang", "/api/extensions", body)
    async with house.person("chen.gang") as http:
        await http.post(
            f"/extensions/{form}/attach", data={"password": PASSWORD}, files=[upload("补充.png", picture())]
        )
    shown = (await house.ask("li.lei", "GET", f"/api/extensions/{form}")).json()
    assert [a["name"] for a in shown["form"]["attachments"]] == ["立案通知.pdf", "补充.png"]
    assert shown["digest"] == digest_of_form(shown["form"]) == shown["signatures"][0]["digest"]
    assert "补充了附件" in (await house.ask("li.lei", "GET", f"/extensions/{form}")).text
    link = f"/api/extensions/{form}/attachments/{shown['attachments'][0]['id']}"
    assert (await house.ask("sun.wei", "GET", link)).content == document()
    assert (await house.ask("qian.duo", "GET", link)).status_code == 403
    printed = await house.ask("li.lei", "GET", f"/api/extensions/{form}/form.pdf")
    text = "".join(p.extract_text() for p in PdfReader(io.BytesIO(printed.content)).pages)
    assert hashlib.sha256(document()).hexdigest() in text.replace("\n", "")
    await house.do(
        "sun.wei", f"/api/extensions/{form}/approve", {"digest": shown["digest"], "password": PASSWORD}
    )
    late = await stage(house, form, upload("晚到.png", picture(colour="red")), account="chen.gang")
    assert late.status_code == 409


REFUSED: dict[str, tuple[list[Upload], int, str]] = {
    "a renamed program": ([upload(content=b"MZ" + bytes(9000))], 422, "file_type"),
    "nothing": ([upload(content=b"")], 422, "file_empty"),
    "a picture and an archive": (
        [upload("a.jpg", picture("JPEG") + archive(), "image/jpeg")],
        422,
        "file_hides",
    ),
    "a bomb": ([upload("a.png", bomb(), "image/png")], 422, "file_pixels"),
    "one too large": ([upload(content=bytes(11 * MB))], 413, "file_too_large"),
    "too much together": ([upload(f"{n}.pdf", bytes(9 * MB)) for n in range(4)], 413, "files_too_large"),
    "too many": ([upload(f"{n}.pdf", b"%%PDF-%d" % n) for n in range(11)], 413, "too_many_files"),
    "10,000 parts": ([upload(f"{n}.pdf", b"") for n in range(10_000)], 400, "no_form"),
    "one good, one bad": ([upload(), upload("b.pdf", b"MZ")], 422, "file_type"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_is_refused_leaves_nothing(house: DeskHouse, what: str) -> None:
    files, status, code = REFUSED[what]
    before = await kept(house)
    said = await stage(house, uuid.uuid4().hex, *files)
    assert (said.status_code, said.json()["error"]["code"], said.json()["error"]["rule"]) == (
        status,
        code,
        "R4.2",
    )
    assert await kept(house) == before


async def test_whoever_files_nothing_attaches_nothing(house: DeskHouse) -> None:
    assert (await stage(house, uuid.uuid4().hex, upload(), account="zhou.jie")).status_code == 403
    form = uuid.uuid4().hex
    await stage(house, form, upload("她的.pdf"), account="sun.wei")
    await house.file("wang.fang", id=form)  # somebody else's papers do not come into one's form
    assert "attachments" not in (await house.show(form))["form"]


async def test_an_upload_that_breaks_off_leaves_nothing(house: DeskHouse) -> None:
    before = await kept(house)
    async with house.person("wang.fang") as http:
        cookie = "; ".join(f"{k}={v}" for k, v in http.cookies.items())
    host, port = house.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /api/forms/{uuid.uuid4().hex}/attachments HTTP/1.1\r\nhost: {host}:{port}\r\n"
    head += f"cookie: {cookie}\r\ncontent-type: multipart/form-data; boundary=x\r\n"
    head += "content-length: 5000000\r\n\r\n"
    part = '--x\r\ncontent-disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n'
    writer.write(head.encode() + part.encode() + document() + bytes(1_500_000))
    await writer.drain()
    writer.close()
    assert await reader.read() == b""
    assert await kept(house) == before


async def test_papers_lie_in_the_package_and_verify_says_so(house: DeskHouse, tmp_path: Any) -> None:
    application = await filed_with(house, upload("证件.jpg", picture("JPEG")), account="wu.qian", **POLICE)
    await house.ready(application, "li.lei", "han.mei")
    await house.do("zhou.jie", "/api/training/ack")
    await house.do("chen.gang", f"/api/applications/{application}/supervision", {"present": ["张警官"]})
    body = {"recipient": "张警官", "password": PASSWORD}
    released = await house.do("zhou.jie", f"/api/applications/{application}/release", body)
    target = tmp_path / "package.zip"
    target.write_bytes((await house.ask("zhou.jie", "GET", released["download"])).content)
    assert verify.verify(target).intact
    with zipfile.ZipFile(target) as opened:
        assert opened.read("data/forms/attachments/01.jpg") == picture("JPEG")
        named = json.loads(opened.read("data/forms/application.json"))["attachments"][0]
    assert named["sha256"] == hashlib.sha256(picture("JPEG")).hexdigest()


async def test_content_goes_in_time_and_what_was_never_filed_goes_first(house: DeskHouse) -> None:
    over, open_one = await filed_with(house, upload()), await filed_with(house, upload())
    await house.do("wang.fang", f"/api/applications/{over}/withdraw")
    waiting, drafted = uuid.uuid4().hex, uuid.uuid4().hex
    for form in (waiting, drafted):
        await stage(house, form, upload())
    await house.ask("wang.fang", "POST", f"/apply?form={drafted}")
    async with house.person("wang.fang") as http:
        await http.post(f"/apply?form={drafted}", data={"save": "draft", "reason": "x"})
    now = datetime.now(UTC)
    async with house.database() as database, database.transaction():
        await database.execute("SET LOCAL search_path = access")
        table = AttachmentsTable(database)  # type: ignore[arg-type]
        old = now + timedelta(seconds=1) - KEPT
        await database.execute("UPDATE attachments SET added_at = $1 WHERE signed_at IS NULL", old - KEPT)
        await table.expire(old)
        left = {r["subject"] for r in await database.fetch("SELECT subject FROM attachments")}
        assert {over, open_one, drafted} <= left
        assert waiting not in left
        await table.erase(now - timedelta(days=1), now)
        assert (await table.of(over))[0].erased_at is None
        await table.erase(now + timedelta(seconds=1), now)
        assert (await table.of(over))[0].erased_at == now
        assert (await table.of(open_one))[0].erased_at is None
    shown = await house.show(over)
    assert "SHA-256" in (await house.ask("li.lei", "GET", f"/applications/{over}")).text
    gone = f"/api/applications/{over}/attachments/{shown['attachments'][0]['id']}"
    assert (await house.ask("li.lei", "GET", gone)).status_code == 404
    async with house.person("wang.fang") as http:
        await http.post(f"/drafts/{drafted}/delete")
        assert "移除" not in (await http.get(f"/apply?form={drafted}")).text


async def endless(size: int) -> AsyncIterator[bytes]:
    yield b'--x\r\ncontent-disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n'
    for _ in range(size // MB):
        yield bytes(MB)


@pytest.mark.parametrize("path", ["/login", "/applications/x/decide"])
async def test_nobody_fills_the_disk_with_a_form(house: DeskHouse, path: str) -> None:
    """Also where no files are meant, and before anybody has signed in."""
    headers = {"content-type": "multipart/form-data; boundary=x"}
    async with house.person("chen.gang") as http:
        try:
            said = await http.post(path, content=endless(20 * MB), headers=headers)
        except (httpx.WriteError, httpx.ReadError):
            return  # the desk had heard enough, and hung up
    assert said.status_code in (400, 413), said.text
