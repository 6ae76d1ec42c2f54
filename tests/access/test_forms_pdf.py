"""Both forms as an office would accept them: every field, both languages, one page, fonts in the file."""

import io
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pypdf import PdfReader

from reelwarden_access.district.desk.forms import (
    ApplicationForm,
    FormSpan,
    Lang,
    Opinion,
    RecordForm,
    Signature,
    application_form_pdf,
    checkpoint_in_short,
    record_form_pdf,
)

DAY = datetime(2026, 3, 2, tzinfo=UTC)
NOTE = "reelwarden.example/s001\n421\nq83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ\n\n— reelwarden.example/s001 x\n"


def _signed(name: str, role: str, hours: int = 0) -> Signature:
    return Signature(name, role, DAY + timedelta(hours=hours), "3f9a" * 16)


SPANS = (
    FormSpan("校门（校门口）", DAY, DAY + timedelta(seconds=95)),
    FormSpan("操场（操场北）", DAY + timedelta(hours=14), DAY + timedelta(hours=18)),
)
APPLICATION = ApplicationForm(
    number="s001-2026-0001",
    school="第一小学",
    date=DAY,
    zone="Asia/Shanghai",
    checkpoint=NOTE,
    applicant="王芳",
    unit="三年级组",
    capacity="guardian",
    identity="身份证 110101199001011234",
    phone="13800000000",
    relation="班主任",
    reason="学生在校门口滑倒，需还原经过。",
    spans=SPANS,
    manner="view",
    materials=("家长情况说明", "医院诊断书"),
    undertaking=_signed("王芳", "申请人"),
    department=Opinion("approved", _signed("赵敏", "年级组长", 1), "情况属实。"),
    safety=Opinion("approved", _signed("陈刚", "安全管理部门", 2), "同意查看。"),
    leader=Opinion("rejected", _signed("周校长", "校领导", 3), "另行处理。"),
    valid_until=DAY + timedelta(days=7),
)
RECORD = RecordForm(
    number="s001-2026-0001-R",
    school="第一小学",
    date=DAY,
    zone="Asia/Shanghai",
    checkpoint=NOTE,
    application_number="s001-2026-0001",
    retrieved_at=DAY,
    retriever="李强",
    unit="示范区公安分局",
    purpose="案件调查",
    content="一名男子推自行车经过校门。",
    spans=SPANS,
    gaps=(FormSpan("校门（校门口）", DAY + timedelta(seconds=20), DAY + timedelta(seconds=40)),),
    operator="孙操作",
    supervisor="陈刚",
    present=("张警官", "刘警官"),
    outcome="已提供拷贝一份",
    copied=True,
    copies=3,
    medium="加密U盘",
    package="ab" * 32,
    recipient="张警官（警号012345）",
    recipient_signature=_signed("张警官", "接收人"),
    use_by=DAY + timedelta(days=30),
    declaration="destroyed",
    signatures=(_signed("李强", "调取人"), _signed("陈刚", "监督人")),
    acts=(
        ("交付拷贝", replace(_signed("孙操作", "操作员"), key="9c0d" * 16)),
        ("声明使用情况", _signed("吴倩", "门卫")),
    ),
)


def _read(pdf: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(pdf))


def _text(pdf: bytes) -> str:
    """All text, without the line breaks and spaces that only layout puts in."""
    return "".join("".join(page.extract_text().split()) for page in _read(pdf).pages)


def _printed(form: ApplicationForm | RecordForm, lang: Lang) -> bytes:
    if isinstance(form, ApplicationForm):
        return application_form_pdf(form, lang)
    return record_form_pdf(form, lang)


CHINESE = {
    "application": """监控录像调取申请表 编号 日期 申请人 单位/部门 身份 证件号 联系电话 与当事人关系 调取事由
        监控点位 起止时间 方式 查看 拷贝 相关材料 保密承诺 部门意见 安全管理部门意见 校领导签字 有效期""",
    "record": """监控录像调取记录表 申请编号 调取时间 调取人 单位 使用目的 录像内容 监控点位 操作员 监督人
        在场人 结果 是否拷贝 份数 介质 哈希 接收人签字 归还/销毁 相关人员签字""",
}
ENGLISH = {
    "application": """Application No. Date Applicant Unit Capacity Identity Telephone Relation Reason Cameras
        times Manner View Copy Supporting Undertaking Department Safety leader Valid""",
    "record": """Record Applicationno. Timeofretrieval Retrieved Unit Purpose Whatthefootageshows Cameras
        Operator Supervisor Present Outcome Copied Copies Medium Digest Recipient Returnedordestroyed
        Signatures""",
}


@pytest.mark.parametrize("form", [APPLICATION, RECORD], ids=["application", "record"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_field_of_the_rules_is_on_the_form(form: ApplicationForm | RecordForm, lang: Lang) -> None:
    text = _text(_printed(form, lang))
    kind = "application" if isinstance(form, ApplicationForm) else "record"
    for label in (CHINESE if lang == "zh" else ENGLISH)[kind].split():
        assert label in text, label
    assert ("R4.2" if kind == "application" else "R4.3") in text


def _values(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Signature):
        return [value.name, value.role, value.digest[:16], value.key[:16]]
    if isinstance(value, Opinion):
        return [value.text, *_values(value.signature)]
    if isinstance(value, FormSpan):
        return [value.camera]
    return [text for one in value for text in _values(one)] if isinstance(value, tuple) else []


CODES = {"zone", "checkpoint", "capacity", "manner", "declaration"}


@pytest.mark.parametrize("form", [APPLICATION, RECORD], ids=["application", "record"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_everything_that_was_filled_in_is_printed(form: ApplicationForm | RecordForm, lang: Lang) -> None:
    text = _text(_printed(form, lang))
    for field in fields(form):
        if field.name not in CODES:
            for value in _values(getattr(form, field.name)):
                assert "".join(value.split()) in text, (field.name, value)
    assert "reelwarden.example/s001·421·q83vEjRWeJCrze8SNFZ4" in text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_times_are_local_and_codes_are_words(lang: Lang) -> None:
    application, record = _text(_printed(APPLICATION, lang)), _text(_printed(RECORD, lang))
    first, second = {
        "zh": ("2026年3月2日08:00:00至08:01:35", "2026年3月2日22:00:00至2026年3月3日02:00:00"),
        "en": ("2026-03-0208:00:00to08:01:35", "2026-03-0222:00:00to2026-03-0302:00:00"),
    }[lang]
    for text in (application, record):
        assert first in text
        assert second in text
    assert {"zh": "监护人", "en": "Guardian"}[lang] in application
    assert {"zh": "已销毁", "en": "Destroyed"}[lang] in record


@pytest.mark.parametrize("form", [APPLICATION, RECORD], ids=["application", "record"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_it_is_one_a4_page_with_its_fonts_inside(form: ApplicationForm | RecordForm, lang: Lang) -> None:
    (page,) = _read(_printed(form, lang)).pages
    assert (round(page.mediabox.width), round(page.mediabox.height)) == (595, 842)
    resources: Any = page["/Resources"]
    for font in resources["/Font"].values():
        descriptor = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert descriptor.keys() & {"/FontFile2", "/FontFile3"}


@pytest.mark.parametrize("form", [APPLICATION, RECORD], ids=["application", "record"])
def test_equal_forms_give_equal_bytes(form: ApplicationForm | RecordForm) -> None:
    assert _printed(form, "zh") == _printed(form, "zh")
    assert _printed(form, "zh") != _printed(replace(form, number="s001-2026-0009"), "zh")


def test_an_unsigned_form_can_be_signed_by_hand() -> None:
    empty = ApplicationForm(number="s001-2026-0099", school="第一小学", date=DAY, zone="Asia/Shanghai")
    text = _text(_printed(empty, "zh"))
    assert text.count("签字：") == 4
    assert "签名摘要" not in text
    blank = RecordForm(number="x", school="第一小学", date=DAY, zone="Asia/Shanghai")
    assert len(_read(_printed(blank, "en")).pages) == 1


def test_a_form_about_a_leader_has_the_districts_opinion() -> None:
    assert "区教育局意见" not in _text(_printed(APPLICATION, "zh"))
    concerned = replace(APPLICATION, district=Opinion("approved", _signed("郑局", "教育局")))
    assert "区教育局意见" in _text(_printed(concerned, "zh"))


@pytest.mark.parametrize("length", [300, 900])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_long_reason_stays_on_the_page(length: int, lang: Lang) -> None:
    long = replace(APPLICATION, reason="因学生在校门口滑倒，" * (length // 10), spans=SPANS * 2)
    pdf = _printed(long, lang)
    assert len(_read(pdf).pages) == 1
    assert _text(pdf).count("因学生在校门口滑倒，") == length // 10


def test_what_does_not_fit_on_one_page_goes_on_on_the_next() -> None:
    endless = replace(APPLICATION, reason="因学生在校门口滑倒，" * 600)
    pdf = _printed(endless, "zh")
    assert len(_read(pdf).pages) > 1
    assert _text(pdf).count("滑") == 600
    assert "第2页" in _text(pdf)


def test_what_people_write_is_shown_and_never_run() -> None:
    hostile = '#read("/etc/passwd") *粗* $x$ <a> @b \\ #panic()'
    text = _text(_printed(replace(APPLICATION, reason=hostile, applicant="#emph[王]"), "zh"))
    assert "".join(hostile.split()) in text
    assert "#emph[王]" in text


@pytest.mark.parametrize("note", ["", "nonsense", "a\nb\nc", "one line"])
def test_a_note_that_is_no_checkpoint_is_not_printed(note: str) -> None:
    assert checkpoint_in_short(note) == ""
    assert "存证日志" not in _text(_printed(replace(APPLICATION, checkpoint=note), "zh"))


def test_a_name_with_a_character_that_the_font_lacks_is_told_by_number() -> None:
    """生僻字: an empty box would be nobody's name."""
    text = _text(_printed(replace(APPLICATION, applicant="王𠮷"), "zh"))
    assert "王〔U+20BB7〕" in text
