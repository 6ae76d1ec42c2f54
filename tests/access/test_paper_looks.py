"""What may be attached is told by its content: a name and the browser's word count for nothing (R4.2)."""

import sys
from pathlib import Path

import pytest

from reelwarden_access.district.desk.attachment import clean_name
from reelwarden_access.district.desk.paper_looker import NotTakenFile, kinds_of, redrawn
from reelwarden_access.district.desk.paper_looks import JPEG, PDF, PNG, NotTaken, kind_of
from reelwarden_common.errors import Refused
from tests.support.papers import archive, bomb, document, picture

GOOD = {PNG: picture(), JPEG: picture("JPEG"), PDF: document(pages=3)}
BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "a program": (b"MZ\x90\x00" + bytes(4000), "type"),
    "words": ("介绍信".encode(), "type"),
    "a page": (b"<html><script>alert(1)</script>", "type"),
    "a drawing with scripts": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "type"),
    "an archive": (archive(), "type"),
    "an old picture": (picture("GIF"), "type"),
    "a picture that begins late": (b"\n" + picture(), "type"),
    "half a picture": (picture("JPEG", (900, 900))[:3000], "damaged"),
    "a picture with a torn chunk": (picture().replace(b"IDAT", b"JDAT"), "damaged"),
    "a heading alone": (b"%PDF-1.7\n" + b"x" * 500, "damaged"),
    "half a document": (document()[:200], "damaged"),
    "a bomb": (bomb(), "pixels"),
    "a picture and an archive": (picture("JPEG") + archive(), "hides"),
    "a picture and a page": (picture() + b"<html><script>alert(1)</script>", "hides"),
    "a document and an archive": (document() + archive(), "hides"),
    "a document that is a picture": (picture("JPEG")[:20] + b"%PDF-1.7" + picture("JPEG")[20:], "hides"),
    "a document with a script": (document(script="app.alert(1)"), "hides"),
    "a document with a program": (document(enclosed=b"MZ"), "hides"),
    "a locked document": (document(password="geheim"), "locked"),
}


@pytest.mark.parametrize("kind", GOOD)
def test_papers_are_taken(tmp_path: Path, kind: str) -> None:
    (tmp_path / "x.exe").write_bytes(GOOD[kind])
    assert kind_of(tmp_path / "x.exe") == kind


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_paper_is_not_taken(tmp_path: Path, what: str) -> None:
    content, why = BAD[what]
    (tmp_path / "介绍信.pdf").write_bytes(content)
    with pytest.raises(NotTaken, match=f"^{why}$"):
        kind_of(tmp_path / "介绍信.pdf")


async def test_files_are_looked_at_by_a_process_of_their_own(tmp_path: Path) -> None:
    files = []
    for number, content in enumerate([*GOOD.values(), bomb()]):
        path = tmp_path / str(number)
        path.write_bytes(content)
        files.append((f"{number}.pdf", path))
    assert await kinds_of(files[:3]) == list(GOOD)
    with pytest.raises(NotTakenFile) as refused:
        await kinds_of(files)
    assert (refused.value.code, refused.value.text.values["name"]) == ("file_pixels", "3.pdf")


async def test_a_process_that_dies_of_a_file_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").write_bytes(picture())
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(NotTakenFile, match="damaged"):
        await kinds_of([("x.png", tmp_path / "x")])


async def test_a_picture_that_is_drawn_anew_has_nothing_else_in_it(tmp_path: Path) -> None:
    secret = b"Exif\0\0GPS 39.9N 116.4E"
    hidden = picture("JPEG").replace(
        b"\xff\xd8", b"\xff\xd8\xff\xe1" + (len(secret) + 2).to_bytes(2) + secret, 1
    )
    (tmp_path / "plan.jpg").write_bytes(hidden)
    assert await redrawn("plan.jpg", tmp_path / "plan.jpg", tmp_path / "drawn") == (60, 40, PNG)
    assert kind_of(tmp_path / "drawn") == PNG
    assert b"GPS" not in (tmp_path / "drawn").read_bytes()
    (tmp_path / "plan.pdf").write_bytes(document())
    with pytest.raises(Refused):
        await redrawn("plan.pdf", tmp_path / "plan.pdf", tmp_path / "drawn")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("介绍信.pdf", "介绍信.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("..\\..\\windows\\win.ini", "win.pdf"),
        ("C:\\证据\\报警回执.PDF", "报警回执.pdf"),
        ("a\x00b\r\nSet-Cookie: x.pdf", "abSet-Cookie- x.pdf"),
        ("gnp\u202efdp.exe", "gnpfdp.pdf"),
        ("..", "file.pdf"),
        (".pdf", "file.pdf"),
        ("", "file.pdf"),
        ("长" * 300 + ".pdf", "长" * 100 + ".pdf"),
    ],
)
def test_names_lead_nowhere(sent: str, kept: str) -> None:
    assert clean_name(sent, ".pdf") == kept
