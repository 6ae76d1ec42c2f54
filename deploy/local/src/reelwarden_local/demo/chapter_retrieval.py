"""Steps 3 and 4: applied for, held, refused where the rules refuse, approved, viewed, copied, signed."""

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import httpx

from reelwarden_access import verify
from reelwarden_local.demo.people import Someone
from reelwarden_local.demo.scene import SCHOOL, Scene, Span
from reelwarden_local.demo.story import Story
from reelwarden_local.demo.witness import until
from reelwarden_local.words import Words

POLICE = "李警官"


def _span(span: Span) -> dict[str, Any]:
    return {"cameras": [span.camera], "start": span.start.isoformat(), "end": span.end.isoformat()}


def _refused(story: Story, answer: httpx.Response, rules: str, zh: str, en: str) -> None:
    body = answer.json().get("error", {}) if answer.is_error else {}
    story.prove(
        rules,
        zh,
        en,
        holds=answer.status_code == httpx.codes.FORBIDDEN and bool(body.get("rule")),
        status=answer.status_code,
        code=body.get("code"),
        rule=body.get("rule"),
    )


async def applied(scene: Scene, story: Story) -> None:
    """Filed, held, in force; three attempts refused and recorded."""
    teacher = await scene.person("wang.fang")
    filed = await teacher.post(
        "/api/applications",
        {
            "school": SCHOOL,
            **_span(scene.viewed),
            "manner": "view",
            "reason": "学生书包遗失，需要查看经过",
            "undertaking": True,
            "password": teacher.password,
        },
    )
    reception = await scene.person("sun.qian")
    police = await reception.post(
        "/api/applications",
        {
            "school": SCHOOL,
            **_span(scene.copied),
            "manner": "copy",
            "reason": "侦办盗窃案",
            "undertaking": True,
            "password": reception.password,
            "outsider": "police",
            "name": POLICE,
            "unit": "城关派出所",
            "identity_document": "警官证 000123",
            "authority_document": "调取证据通知书 城公调字〔2026〕7 号",
        },
    )
    scene.applications = {"view": filed["id"], "copy": police["id"]}
    story.prove(
        "R4.2 R4.4",
        f"教师申请查看 {filed['number']}；公安经接待登记申请拷贝 {police['number']}",
        f"a teacher applies to view ({filed['number']}), the police for a copy ({police['number']})",
        holds=bool(filed["id"] and police["id"]),
    )
    for manner in ("view", "copy"):
        await _in_force(scene, story, manner)
    await _refusals(scene, story, filed["id"])


async def _in_force(scene: Scene, story: Story, manner: str) -> None:
    officer = await scene.person("chen.an")

    async def look() -> dict[str, Any] | None:
        shown: dict[str, Any] = await officer.get(f"/api/applications/{scene.applications[manner]}")
        states = {hold["state"] for hold in shown["holds"]}
        return shown if shown["holds"] and states <= {"in_force", "gone"} else None

    shown = await until(Words("录像保全生效", f"the hold of the {manner} in force"), look)
    hold = shown["holds"][0]
    span = scene.viewed if manner == "view" else scene.copied
    held = [row for row in await scene.witness.indexed(SCHOOL, span.camera) if span.covers(row)]
    vault = scene.witness.storages[SCHOOL] / ".reelwarden" / "vault"
    vaulted = {_digest(path) for path in vault.rglob("*") if path.is_file()}
    story.prove(
        "R3.1",
        "录像立即保全，学校报告已生效：每一段都在保全库中，摘要核对无误"
        + ("；缺口另行写明" if hold["gaps"] else ""),
        "held at once; the site reports it in force: every segment in its vault, digests checked"
        + ("; the gap is named" if hold["gaps"] else ""),
        holds=bool(held) and all(row.digest in vaulted for row in held),
        segments=len(held),
        gone=len(hold["gone"]),
        gaps=len(hold["gaps"]),
    )


async def _refusals(scene: Scene, story: Story, application: str) -> None:
    stranger = await scene.person("zhao.ming")
    answer = await stranger.ask(
        "POST",
        "/api/applications",
        json={
            "school": SCHOOL,
            **_span(scene.viewed),
            "reason": "想看看",
            "undertaking": True,
            "password": stranger.password,
        },
    )
    _refused(story, answer, "R3.3", "无权人员申请被拒绝", "someone without the right is refused")
    teacher = await scene.person("wang.fang")
    shown = await teacher.get(f"/api/applications/{application}")
    answer = await teacher.ask(
        "POST",
        f"/api/applications/{application}/approve",
        json={"digest": shown["digest"], "password": teacher.password},
    )
    _refused(story, answer, "R4.2", "申请人审批自己的申请被拒绝", "the applicant's own approval is refused")
    leader = await scene.person("li.xiaozhang")
    await _approve(leader, scene.applications["copy"])
    supervisor = await scene.person("liu.an")
    answer = await supervisor.ask(
        "POST", f"/api/applications/{scene.applications['copy']}/supervision", json={"present": [POLICE]}
    )
    _refused(story, answer, "R4.4", "只有一个签字的拷贝被拒绝", "a copy with one signature is refused")
    denials = await (await scene.person("wu.shen")).get("/api/denials")
    story.prove(
        "R3.3 R5.2",
        "每次被拒绝的尝试都有记录，审计员可见",
        "each refused attempt is recorded; the auditor sees them",
        holds=len(denials) >= 3,  # noqa: PLR2004 - the three above
        recorded=len(denials),
    )


async def _approve(signer: Someone, application: str) -> None:
    shown = await signer.get(f"/api/applications/{application}")
    await signer.post(
        f"/api/applications/{application}/approve",
        {"digest": shown["digest"], "opinion": "同意", "password": signer.password},
    )


async def retrieved(scene: Scene, story: Story) -> None:
    """Approved, exported, viewed under supervision, the copy released once, both record forms signed."""
    await _approve(await scene.person("li.xiaozhang"), scene.applications["view"])
    await _approve(await scene.person("chen.an"), scene.applications["copy"])
    for manner in ("view", "copy"):
        await _exported(scene, story, manner)
    for name in ("zhou.cao", "liu.an", "chen.an"):
        await (await scene.person(name)).post("/api/training/ack")
    await _viewed(scene, story)
    await _copied(scene, story)


async def _exported(scene: Scene, story: Story, manner: str) -> None:
    officer = await scene.person("liu.an")
    application = scene.applications[manner]

    async def look() -> dict[str, Any] | None:
        shown: dict[str, Any] = await officer.get(f"/api/applications/{application}")
        return shown if shown["export"] and shown["export"]["ready_at"] else None

    shown = await until(Words("录像导出完成", f"the footage part of the {manner}"), look)
    kinds = {file["kind"] for file in shown["export"]["files"]}
    wanted = {"view", "gaps"} if manner == "view" else {"view", "gaps", "native"}
    story.prove(
        "R4.2",
        "审核签字后，学校导出录像，缺口写明"
        if manner == "view"
        else "两人签字后，学校导出原始录像段与查看件",
        "after the signature the site exports; gaps are stated"
        if manner == "view"
        else "after two signatures the site exports native segments and a viewing copy",
        holds=kinds >= wanted and (manner == "copy" or scene.past is None or bool(shown["export"]["gaps"])),
        files=len(shown["export"]["files"]),
        gaps=len(shown["export"]["gaps"]),
        sources=",".join(shown["export"]["sources"]),
    )


async def _viewed(scene: Scene, story: Story) -> None:
    application = scene.applications["view"]
    operator, supervisor = await scene.person("zhou.cao"), await scene.person("liu.an")
    answer = await operator.ask("POST", f"/api/applications/{application}/viewings")
    _refused(
        story, answer, "R4.3", "没有监督，操作员打不开录像", "without supervision the operator cannot open it"
    )
    await supervisor.post(f"/api/applications/{application}/supervision", {"present": ["王芳"]})
    viewing = await operator.post(f"/api/applications/{application}/viewings")
    video = next(file for file in viewing["files"] if file["kind"] == "view")
    part = await operator.ask("GET", video["url"], headers={"range": "bytes=0-65535"})
    outside = await supervisor.ask("GET", video["url"], headers={"range": "bytes=0-1"})
    story.prove(
        "R4.3",
        "安全部门开启监督后，操作员在浏览器中查看（分段读取），他人取不到",
        "under supervision the operator views it in the browser (range requests); nobody else can fetch it",
        holds=part.status_code == httpx.codes.PARTIAL_CONTENT
        and part.content[4:8] == b"ftyp"
        and outside.status_code == httpx.codes.FORBIDDEN,
        range=part.headers.get("content-range", "").removeprefix("bytes "),
        gaps=len(viewing["gaps"]),
    )
    await operator.post(f"/api/viewings/{viewing['viewing']}/stop")
    await _record(scene, story, "view", ("zhou.cao", "liu.an", "wang.fang"))
    await supervisor.post(f"/api/applications/{application}/supervision/close")
    await supervisor.post(f"/api/applications/{application}/close")


async def _copied(scene: Scene, story: Story) -> None:
    application = scene.applications["copy"]
    operator, supervisor = await scene.person("zhou.cao"), await scene.person("liu.an")
    await supervisor.post(f"/api/applications/{application}/supervision", {"present": [POLICE]})
    handing = {"recipient": POLICE, "medium": "U 盘 0421", "password": operator.password}
    released = await operator.post(f"/api/applications/{application}/release", handing)
    taken = await operator.ask("GET", released["download"])
    package = scene.state / taken.headers["content-disposition"].partition('filename="')[2].rstrip('"')
    package.write_bytes(taken.content)
    again = await operator.ask("POST", f"/api/applications/{application}/release", json=handing)
    story.prove(
        "R4.3 R4.4",
        "证据包只交付一次，交给申请中写明的接收人；再次交付被拒绝",
        "the package is released once, to the recipient named; a second release is refused",
        holds=hashlib.sha256(taken.content).hexdigest() == released["package"] and again.is_error,
        bytes=len(taken.content),
        again=again.status_code,
    )
    _verified(story, package)
    await _record(scene, story, "copy", ("zhou.cao", "liu.an", "sun.qian"))
    await supervisor.post(f"/api/applications/{application}/supervision/close")
    reception = await scene.person("sun.qian")
    await reception.post(
        f"/api/applications/{application}/declaration",
        {"declaration": "transferred", "note": "回执 2026-118", "password": reception.password},
    )
    closed = await supervisor.post(f"/api/applications/{application}/close")
    story.prove(
        "R4.4",
        "使用情况已申报（移交案件，有回执），申请结案",
        "the use is declared (transferred to a case, with receipt), the application closed",
        holds=bool(closed["number"]),
    )


def _verified(story: Story, package: Path) -> None:
    good = verify.verify(package)
    spoiled = package.with_suffix(".spoiled.zip")
    content = bytearray(package.read_bytes())
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size)
    content[largest.header_offset + 200 + largest.file_size // 2] ^= 0xFF
    spoiled.write_bytes(bytes(content))
    bad = verify.verify(spoiled)
    story.prove(
        "R3.2 R4.3",
        "证据包离线验证通过；改动其中一个字节即被发现",
        "the package verifies offline; one changed byte in it is found",
        holds=good.intact and not bad.intact,
        problems=len(bad.problems),
        files=len(zipfile.ZipFile(package).namelist()),
    )


async def _record(scene: Scene, story: Story, manner: str, signers: tuple[str, str, str]) -> None:
    application = scene.applications[manner]
    operator = await scene.person(signers[0])
    filled = await operator.post(
        f"/api/applications/{application}/record",
        {"content": "画面清晰，见申请所述经过", "outcome": "已查看" if manner == "view" else "已拷贝"},
    )
    shown: dict[str, Any] = {}
    for name in signers:
        signer = await scene.person(name)
        shown = await signer.post(
            f"/api/applications/{application}/record/sign",
            {"digest": filled["digest"], "password": signer.password},
        )
    sizes = {}
    for form in ("application", "record"):
        for lang in ("zh", "en"):
            answer = await operator.ask(
                "GET", f"/api/applications/{application}/forms/{form}.pdf?lang={lang}"
            )
            (scene.state / f"{manner}-{form}-{lang}.pdf").write_bytes(answer.content)
            sizes[f"{form}-{lang}"] = len(answer.content) if answer.content.startswith(b"%PDF") else 0
    story.prove(
        "R4.2 R4.3",
        "调取记录表由操作员、监督人、接收人签字；两种表格均有中英文 PDF",
        "the record form is signed by all three; both forms exist as PDF, Chinese and English",
        holds=not shown["record"]["missing"] and all(sizes.values()),
        signatures=len(shown["record"]["signatures"]),
        pdf_bytes=sum(sizes.values()),
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
