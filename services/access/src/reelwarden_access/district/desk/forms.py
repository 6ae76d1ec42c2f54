"""The two forms of the rules as PDF: 监控录像调取申请表 (R4.2) and 监控录像调取记录表 (R4.3).

What is signed is what stands here: equal forms give equal bytes, so that the digest of a form can be
named in events and found again in a package. The templates lie in the folder `forms`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from reelwarden_common.pdf import render_pdf

Lang = Literal["zh", "en"]
_TEMPLATES = Path(__file__).parent / "forms"
_APPLICATION_AS_IT_IS = ["applicant", "unit", "capacity", "identity", "phone", "relation", "reason", "manner"]
_RECORD_AS_IT_IS = [
    "application_number",
    "retriever",
    "unit",
    "purpose",
    "content",
    "operator",
    "supervisor",
    "outcome",
    "copied",
    "copies",
    "medium",
    "package",
    "recipient",
    "declaration",
    "receipt",
    "combined",
]
_SHORT_DIGEST = 16
_SHORT_ROOT = 20
_CHECKPOINT_LINES = 3


@dataclass(frozen=True)
class Signature:
    """One person's signature, as the system took it.

    `role` is the signer's role at that moment, in words of the form's language or both; `digest` is the
    SHA-256 of what was signed, of which the form shows the beginning.
    """

    name: str
    role: str
    at: datetime
    digest: str
    key: str = ""
    """Fingerprint of the key of their own that signed it; empty: the password was given again."""


@dataclass(frozen=True)
class Opinion:
    """意见: a decision with its signature."""

    decision: Literal["approved", "rejected", "heard"]
    """Heard: an opinion that decides nothing."""
    signature: Signature
    text: str = ""


@dataclass(frozen=True)
class FormSpan:
    """点位与时段: a camera by the name that people know, and from when to when."""

    camera: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Sheet:
    """What every form carries."""

    number: str
    school: str
    """The school's name, as the form's heading."""
    date: datetime
    zone: str
    """IANA zone in which times are printed."""
    checkpoint: str = ""
    """The newest custody checkpoint, a signed note; printed short."""
    acts: Sequence[tuple[str, Signature]] = ()
    """Acts signed without a form of their own, in words."""


@dataclass(frozen=True)
class ApplicationForm(Sheet):
    """监控录像调取申请表 with all its fields; an opinion that is None is printed to be signed by hand.

    `capacity`: staff, student, guardian, police, court, district, other (or any text of your own).
    """

    applicant: str = ""
    unit: str = ""
    capacity: str = "staff"
    identity: str = ""
    phone: str = ""
    relation: str = ""
    reason: str = ""
    spans: Sequence[FormSpan] = ()
    manner: Literal["view", "copy"] = "view"
    materials: Sequence[str] = ()
    attachments: Sequence[tuple[str, str]] = ()
    """Attached files by their names, and their SHA-256."""
    undertaking: Signature | None = None
    department: Opinion | None = None
    safety: Opinion | None = None
    leader: Opinion | None = None
    district: Opinion | None = None
    """Only on forms about footage that concerns a school leader: approved one level higher (R4.4)."""
    valid_until: datetime | None = None


@dataclass(frozen=True)
class RecordForm(Sheet):
    """监控录像调取记录表 with all its fields.

    `declaration`: "", returned, destroyed, transferred, overdue (or any text of your own).
    """

    application_number: str = ""
    retrieved_at: datetime | None = None
    retriever: str = ""
    unit: str = ""
    purpose: str = ""
    content: str = ""
    spans: Sequence[FormSpan] = ()
    gaps: Sequence[FormSpan] = ()
    watched: Sequence[FormSpan] = ()
    """What was really played."""
    stills: Sequence[tuple[str, datetime | None, str]] = ()
    """Camera, moment shown, SHA-256 of the picture."""
    receipt: str = ""
    """Of the declaration."""
    combined: str = ""
    """Who held two parts, at a school that is too small for four people."""
    operator: str = ""
    supervisor: str = ""
    present: Sequence[str] = ()
    outcome: str = ""
    copied: bool = False
    copies: int = 0
    medium: str = ""
    package: str = ""
    """SHA-256 of the evidence package."""
    recipient: str = ""
    recipient_signature: Signature | None = None
    use_by: datetime | None = None
    declaration: str = ""
    signatures: Sequence[Signature] = ()


def application_form_pdf(form: ApplicationForm, lang: Lang) -> bytes:
    """The application form as PDF, one A4 page unless its texts are very long."""
    opinions = {
        name: opinion_data(getattr(form, name), form.zone, lang)
        for name in ("department", "safety", "leader", "district")
    }
    data = sheet_data(form, lang, "R3.3, R4.2, R4.4") | opinions
    data |= {name: getattr(form, name) for name in _APPLICATION_AS_IT_IS}
    data |= {
        "spans": spans_data(form.spans, form.zone, lang),
        "materials": list(form.materials),
        "attachments": [{"name": name, "digest": digest} for name, digest in form.attachments],
        "undertaking": signature_data(form.undertaking, form.zone, lang),
        "valid_until": moment_text(form.valid_until, form.zone, lang),
    }
    return render_pdf(_TEMPLATES / "application.typ", data, moment=form.date)


def record_form_pdf(form: RecordForm, lang: Lang) -> bytes:
    """The record form as PDF, one A4 page unless its texts are very long."""
    data = sheet_data(form, lang, "R4.3, R4.4") | {name: getattr(form, name) for name in _RECORD_AS_IT_IS}
    data |= {
        "retrieved_at": moment_text(form.retrieved_at, form.zone, lang),
        "use_by": moment_text(form.use_by, form.zone, lang),
        "spans": spans_data(form.spans, form.zone, lang),
        "gaps": spans_data(form.gaps, form.zone, lang),
        "watched": spans_data(form.watched, form.zone, lang),
        "stills": [
            {
                "camera": camera,
                "period": moment_text(moment, form.zone, lang),
                "digest": digest[:_SHORT_DIGEST],
            }
            for camera, moment, digest in form.stills
        ],
        "present": list(form.present),
        "recipient_signature": signature_data(form.recipient_signature, form.zone, lang),
        "signatures": [signature_data(one, form.zone, lang) for one in form.signatures],
    }
    return render_pdf(_TEMPLATES / "record.typ", data, moment=form.date)


def checkpoint_in_short(note: str) -> str:
    r"""A checkpoint's origin, size and the beginning of its root; empty if the note is none.

    >>> checkpoint_in_short("rw/s001\n42\nq83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ\n\n— rw/s001 …\n")
    'rw/s001 · 42 · q83vEjRWeJCrze8SNFZ4…'
    """
    lines = note.split("\n")
    if len(lines) < _CHECKPOINT_LINES or not lines[1].isdecimal():
        return ""
    return f"{lines[0]} · {lines[1]} · {lines[2][:_SHORT_ROOT]}…"


def sheet_data(form: Sheet, lang: Lang, rules: str) -> dict[str, Any]:
    return {
        "lang": lang,
        "number": form.number,
        "school": form.school,
        "date": _day(form.date, form.zone, lang),
        "rules": rules,
        "checkpoint": checkpoint_in_short(form.checkpoint),
        "acts": [{"act": act, "signature": signature_data(one, form.zone, lang)} for act, one in form.acts],
    }


def opinion_data(one: Opinion | None, zone: str, lang: Lang) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "decision": one.decision,
        "text": one.text,
        "signature": signature_data(one.signature, zone, lang),
    }


def signature_data(one: Signature | None, zone: str, lang: Lang) -> dict[str, str] | None:
    if one is None:
        return None
    return {
        "name": one.name,
        "role": one.role,
        "at": moment_text(one.at, zone, lang),
        "digest": one.digest[:_SHORT_DIGEST],
        "key": one.key[:_SHORT_DIGEST],
    }


def spans_data(spans: Sequence[FormSpan], zone: str, lang: Lang) -> list[dict[str, str]]:
    return [{"camera": one.camera, "period": _period(one, zone, lang)} for one in spans]


def _period(span: FormSpan, zone: str, lang: Lang) -> str:
    start, end = (moment.astimezone(ZoneInfo(zone)) for moment in (span.start, span.end))
    first = moment_text(start, zone, lang)
    last = f"{end:%H:%M:%S}" if end.date() == start.date() else moment_text(end, zone, lang)
    return f"{first} {'至' if lang == 'zh' else 'to'} {last}"


def _day(moment: datetime, zone: str, lang: Lang) -> str:
    local = moment.astimezone(ZoneInfo(zone))
    return f"{local.year}年{local.month}月{local.day}日" if lang == "zh" else f"{local:%Y-%m-%d}"


def moment_text(moment: datetime | None, zone: str, lang: Lang) -> str:
    if moment is None:
        return ""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{_day(local, zone, lang)} {local:%H:%M:%S}"
