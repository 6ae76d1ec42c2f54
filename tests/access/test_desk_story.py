"""The way of an application, from filing to the end, as the rules demand it."""

import hashlib
import zipfile
from datetime import UTC, datetime, timedelta
from io import BytesIO

from reelwarden_common.events.access import (
    ApplicationApproved,
    ApplicationClosed,
    ApplicationFiled,
    CopyReleased,
    RecordSigned,
    RetrievalAuthorised,
    UseDeclared,
    ViewingStarted,
    ViewingStopped,
)
from reelwarden_common.events.base import CameraSpan
from tests.support.desk import PASSWORD, POLICE, DeskHouse


async def test_viewing_from_filing_to_close(house: DeskHouse) -> None:
    application = await house.file(cameras=["gate", "hall"])
    filed = (await house.until_said(ApplicationFiled, application))[0]
    assert [span.camera for span in filed.spans] == ["gate", "hall"]
    assert "王芳" not in filed.model_dump_json()
    await house.approve(application, "li.lei")
    approved = (await house.until_said(ApplicationApproved, application))[0]
    assert (approved.version, approved.approver_roles) == (2, ("leader",))
    authorised = (await house.until_said(RetrievalAuthorised, application))[0]
    assert not authorised.native

    gap_start = datetime.now(UTC) - timedelta(hours=23)
    gap = CameraSpan(camera="gate", start=gap_start, end=gap_start + timedelta(seconds=30))
    await house.export(application, {"view/gate.mp4": bytes(range(256)) * 40}, [gap])
    await house.until(application, status="ready")
    path = f"/api/applications/{application}"
    await house.do("chen.gang", f"{path}/supervision", {"present": ["王芳", "周杰"]})
    await house.do("zhou.jie", "/api/training/ack")
    async with house.person("zhou.jie") as retriever:
        opened = (await retriever.post(f"{path}/viewings")).json()
        url = opened["files"][0]["url"]
        part = await retriever.get(url, headers={"range": "bytes=10-19"})
        assert part.status_code == 206
        assert part.content == bytes(range(10, 20))
        assert part.headers["content-range"] == "bytes 10-19/10240"
        whole = await retriever.get(url)
        assert whole.status_code == 200
        assert whole.content == bytes(range(256)) * 40
        assert (await retriever.get(url, headers={"range": "bytes=10240-"})).status_code == 416
        page = await retriever.get(opened["page"])
        assert page.text.index("缺口：以下时段没有录像") < page.text.index("<video")
        stopped = await retriever.post(f"/api/viewings/{opened['viewing']}/stop")
        assert stopped.status_code == 200
        filled = await retriever.post(
            f"{path}/record", json={"content": "一名学生在校门口拾起书包", "outcome": "已找到失主"}
        )
        digest = filled.json()["digest"]
    started = (await house.until_said(ViewingStarted, application))[0]
    assert started.retriever != started.supervisor
    await house.until_said(ViewingStopped, application)
    for account in ("zhou.jie", "chen.gang", "wang.fang"):
        signing = {"digest": digest, "password": PASSWORD}
        shown = await house.do(account, f"{path}/record/sign", signing)
    assert shown["status"] == "recorded"
    signed = await house.until_said(RecordSigned, application, 3)
    assert [s.complete for s in signed] == [False, False, True]
    assert {s.capacity for s in signed} == {"retriever", "supervisor", "recipient"}
    await house.do("chen.gang", f"{path}/close")
    closed = (await house.until_said(ApplicationClosed, application))[0]
    assert (closed.version, closed.outcome) == (3, "viewed")
    shown = await house.show(application)
    assert shown["viewings"][0]["bytes"] == 10 + 10240
    assert shown["viewings"][0]["requests"] == 2
    for form in ("application", "record"):
        for lang in ("zh", "en"):
            pdf = await house.ask("wang.fang", "GET", f"{path}/forms/{form}.pdf?lang={lang}")
            assert pdf.content.startswith(b"%PDF")


async def test_a_copy_for_the_police_leaves_once(house: DeskHouse) -> None:
    application = await house.file("wu.qian", **POLICE)
    filed = (await house.until_said(ApplicationFiled, application))[0]
    assert filed.outsider == "police"
    await house.approve(application, "li.lei")
    assert (await house.show(application))["status"] == "filed"
    await house.approve(application, "sun.wei")
    assert (await house.until_said(RetrievalAuthorised, application))[0].native
    footage = {"view/gate.mp4": b"m" * 5000, "native/gate/a.mp4": b"n" * 7000, "gaps.json": b"{}"}
    await house.export(application, footage)
    await house.until(application, status="ready")
    path = f"/api/applications/{application}"
    await house.do("chen.gang", f"{path}/supervision", {"present": ["张警官"]})
    await house.do("zhou.jie", "/api/training/ack")
    body = {"recipient": "张警官", "medium": "USB 0421", "password": PASSWORD}
    released = await house.do("zhou.jie", f"{path}/release", body)
    package = await house.ask("zhou.jie", "GET", released["download"])
    assert hashlib.sha256(package.content).hexdigest() == released["package"]
    with zipfile.ZipFile(BytesIO(package.content)) as archive:
        names = archive.namelist()
        assert archive.read("data/footage/native/gate/a.mp4") == b"n" * 7000
    assert {"data/forms/application.zh.pdf", "data/forms/application.en.pdf"} <= set(names)
    assert {"data/forms/application.json", "data/forms/signatures.json"} <= set(names)
    told = (await house.until_said(CopyReleased, application))[0]
    assert (told.package, told.recipient) == (released["package"], "police")
    assert not list(house.settings.packages_dir.glob(f"{application}*"))

    again = await house.ask("zhou.jie", "POST", f"{path}/release", body)
    assert again.status_code == 403
    assert again.json()["error"]["rule"] == "R4.4"
    taken_again = await house.ask("zhou.jie", "GET", released["download"])
    assert taken_again.status_code == 403

    filled = await house.do(
        "zhou.jie", f"{path}/record", {"content": "嫌疑人经过", "outcome": "交警方", "copies": 1}
    )
    for account in ("zhou.jie", "chen.gang", "wu.qian"):
        signing = {"digest": filled["digest"], "password": PASSWORD}
        shown = await house.do(account, f"{path}/record/sign", signing)
    recipient = next(s for s in shown["record"]["signatures"] if s["capacity"] == "recipient")
    assert (recipient["name"], recipient["on_behalf_of"]) == ("吴倩", "张警官")
    early = await house.ask("chen.gang", "POST", f"{path}/close")
    assert early.json()["error"]["rule"] == "R4.4"
    await house.do(
        "wu.qian",
        f"{path}/declaration",
        {"declaration": "transferred", "note": "回执 8", "password": PASSWORD},
    )
    assert (await house.until_said(UseDeclared, application))[0].declaration == "transferred"
    await house.do("li.lei", f"{path}/close")
    assert (await house.until_said(ApplicationClosed, application))[0].outcome == "transferred"
