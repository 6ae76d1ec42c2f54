"""The record, signed after the package was made: checked beside it, in it, or alone; no byte may change."""

import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import pytest_asyncio
from pypdf import PdfReader

from reelwarden_access import verify
from reelwarden_common.web.signing.statement import in_lines
from tests.access.test_desk_keys import nonce, registered
from tests.support.desk import PASSWORD, POLICE, DeskHouse

FOOTAGE = {"view/gate.mp4": b"v" * 100, "native/gate/a.mp4": b"n" * 700}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def folder(house: DeskHouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package as it was handed over, and its supplement, signed and declared with a key."""
    filed = await house.file("wu.qian", **POLICE)
    path = f"/api/applications/{filed}"
    await house.ready(filed, "li.lei", "han.mei", files=FOOTAGE)
    await house.do("chen.gang", f"{path}/supervision", {"present": ["张警官"]})
    await house.do("zhou.jie", "/api/training/ack")
    released = await house.do("zhou.jie", f"{path}/release", {"recipient": "张警官", "password": PASSWORD})
    package = await house.ask("zhou.jie", "GET", released["download"])
    early = await house.ask("wu.qian", "GET", f"{path}/supplement")
    assert early.status_code == 404
    filled = await house.do("zhou.jie", f"{path}/record", {"content": "一人翻墙", "outcome": "交警方"})
    key = await registered(house, "wu.qian")
    for account in ("zhou.jie", "chen.gang"):
        await house.do(account, f"{path}/record/sign", {"digest": filled["digest"], "password": PASSWORD})
    signed = key.sign(await nonce(house, "wu.qian"), "sign", filled["digest"])
    await house.do("wu.qian", f"{path}/record/sign", {"digest": filled["digest"], "passkey": signed})
    shown = await house.show(filed, "wu.qian")
    declaring = {"declaration": "destroyed", "note": ""}
    digest = shown["to_sign"]["declare"]
    signed = key.sign(await nonce(house, "wu.qian"), "declare", digest, in_lines(**declaring))
    await house.do("wu.qian", f"{path}/declaration", declaring | {"digest": digest, "passkey": signed})
    assert f"{path}/supplement" in (await house.ask("wu.qian", "GET", f"/applications/{filed}")).text
    assert (await house.ask("qian.duo", "GET", f"{path}/supplement")).status_code == 403
    supplement = await house.ask("wu.qian", "GET", f"{path}/supplement")
    target = tmp_path_factory.mktemp("handed-over")
    name = supplement.headers["content-disposition"].partition('filename="')[2].rstrip('"')
    assert name == f"{shown['number']}-record.zip"
    (target / name).write_bytes(supplement.content)
    (target / f"{shown['number']}.zip").write_bytes(package.content)
    return target


def both(folder: Path) -> tuple[Path, Path]:
    (record,) = folder.glob("*-record.zip")
    return folder / record.name.replace("-record", ""), record


def codes(verdict: verify.Verdict) -> list[str]:
    return [one.code for one in verdict.problems]


def test_it_is_checked_beside_the_package_in_it_and_alone(folder: Path, tmp_path: Path) -> None:
    package, record = both(folder)
    beside = verify.verify(package)
    assert beside.intact, verify.report(beside)
    told = verify.report(beside)
    for words in (
        "属于本证据包",
        "吴倩 以本人密钥",
        "吴倩 (declare) 以本人密钥",
        "周杰 (release) 以密码再次确认",
    ):
        assert words in told, told
    with zipfile.ZipFile(package) as opened:
        opened.extractall(tmp_path)
    shutil.copy(record, tmp_path)
    run = [sys.executable, "-I", str(tmp_path / "verify.py"), "--json"]
    inside = subprocess.run(run, capture_output=True, check=False)
    assert inside.returncode == 0, inside.stdout.decode()
    assert "supplement" in {one["code"] for one in json.loads(inside.stdout)["notes"]}
    alone = verify.verify(record)
    assert alone.intact
    assert "package-not-checked" in {one.code for one in alone.notes}
    assert "调取记录补充件" in verify.report(alone)
    elsewhere = verify.verify(Path(shutil.copy(package, tmp_path.parent / "moved.zip")), records=[record])
    assert "supplement" in {one.code for one in elsewhere.notes}


def test_any_changed_byte_is_found_and_named(folder: Path, tmp_path: Path) -> None:
    package, record = both(folder)
    content = record.read_bytes()
    copy = Path(shutil.copy(package, tmp_path))
    with zipfile.ZipFile(record) as opened:
        starts = {
            one.filename: one.header_offset + 30 + len(one.filename.encode()) for one in opened.infolist()
        }
        ends = {one.filename: starts[one.filename] + one.file_size for one in opened.infolist()}
    named = [name for name in starts if name not in (verify.MANIFEST, verify.TAG_LIST, verify.SIGNATURE)]
    with zipfile.ZipFile(record) as opened:
        paper = PdfReader(io.BytesIO(opened.read("data/forms/record.zh.pdf")))
    assert "rw/s001 · 0 · AAAA" in "".join(page.extract_text() for page in paper.pages)
    assert {
        "data/forms/record.json",
        "data/forms/record-signatures.json",
        "data/forms/acts.json",
        "data/forms/record.zh.pdf",
    } < set(named)
    for name, start in starts.items():
        for at in (start, (start + ends[name]) // 2, ends[name] - 1):
            changed = bytearray(content)
            changed[at] ^= 1
            (tmp_path / record.name).write_bytes(changed)
            verdict = verify.verify(copy)
            assert set(codes(verdict)) == {"in-supplement"}, (name, at, codes(verdict))
            if name in named:
                assert name in verify.report(verdict), verify.report(verdict)
    for at in range(0, len(content), 997):
        changed = bytearray(content)
        changed[at] ^= 0x40
        (tmp_path / record.name).write_bytes(changed)
        assert codes(verify.verify(copy)), at


def test_another_packages_record_is_refused(folder: Path, tmp_path: Path) -> None:
    package, record = both(folder)
    for of, problem in ((record, None), (package, "no-supplement"), (tmp_path / "gone.zip", "in-supplement")):
        assert codes(verify.verify(package, records=[of])) == ([problem] if problem else [])
    mine, other = verify.verify(record), verify.verify_alone(package, (), ())
    other.manifest = "0" * 64
    verify.add_supplement(other, record, mine)
    assert codes(other) == ["other-package"]
    other = verify.verify_alone(package, (), ())
    other.form = "0" * 64
    verify.add_supplement(other, record, mine)
    assert codes(other) == ["other-form"]
