"""Forms and reports must come out the same everywhere, and show data as it is."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pypdf import PdfReader

from reelwarden_common.pdf import NotRendered, render_pdf, render_pictures

TEMPLATE = """
#let data = json(bytes(sys.inputs.data))
#set text(font: "Noto Sans SC")
姓名：#data.name
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "name.typ"
    path.write_text(TEMPLATE, encoding="utf-8")
    return path


def _text(pdf: bytes) -> str:
    return PdfReader(io.BytesIO(pdf)).pages[0].extract_text()


def test_equal_data_give_equal_bytes_and_the_moment_is_in_the_metadata(template: Path) -> None:
    moment = datetime(2026, 3, 2, 8, tzinfo=UTC)
    first = render_pdf(template, {"name": "王芳"}, moment=moment)
    assert first == render_pdf(template, {"name": "王芳"}, moment=moment)
    metadata = PdfReader(io.BytesIO(first)).metadata
    assert metadata is not None
    assert metadata.creation_date == moment


def test_the_font_is_embedded(template: Path) -> None:
    page = PdfReader(io.BytesIO(render_pdf(template, {"name": "王芳"}))).pages[0]
    (font,) = page["/Resources"]["/Font"].values()  # type: ignore[index]
    descendant = font.get_object()["/DescendantFonts"][0].get_object()
    assert "NotoSansSC" in descendant["/BaseFont"]
    assert descendant["/FontDescriptor"].get_object().keys() & {"/FontFile2", "/FontFile3"}


@pytest.mark.parametrize(
    "name", ["#panic()", "*王* _芳_ $x$", '"] #read("/etc/passwd")', "@王 <芳>", "\\ \x00 王"]
)
def test_what_people_write_is_shown_and_never_run(template: Path, name: str) -> None:
    text = _text(render_pdf(template, {"name": name})).replace("\n", "")
    assert "王" in text or "panic" in text or "passwd" in text


def test_a_missing_field_is_named(template: Path) -> None:
    with pytest.raises(NotRendered, match=r'name\.typ: .*"name"'):
        render_pdf(template, {})


def test_pages_can_be_had_as_pictures(template: Path) -> None:
    (page,) = render_pictures(template, {"name": "王芳"})
    assert page.startswith(b"\x89PNG")
