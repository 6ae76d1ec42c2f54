"""延期保存申请表 as PDF: what footage is kept for longer, why, until when, and who signed (R3.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reelwarden_access.district.desk.forms import (
    FormSpan,
    Lang,
    Opinion,
    Sheet,
    Signature,
    moment_text,
    opinion_data,
    sheet_data,
    signature_data,
    spans_data,
)
from reelwarden_common.pdf import render_pdf

_TEMPLATE = Path(__file__).parent / "forms" / "extension.typ"


@dataclass(frozen=True)
class Review:
    """复核: somebody looked again, and the footage is kept until another date."""

    opinion: str
    until: datetime
    signature: Signature


@dataclass(frozen=True)
class ExtensionForm(Sheet):
    """延期保存申请表 with all its fields; what is not signed yet is printed to be signed by hand."""

    source: str = "extension"
    """extension or case."""
    case_number: str = ""
    reason: str = ""
    spans: Sequence[FormSpan] = ()
    until: datetime | None = None
    attachments: Sequence[tuple[str, str]] = ()
    applicant: Signature | None = None
    unit: str = ""
    safety: Opinion | None = None
    reviews: Sequence[Review] = ()
    ended: Opinion | None = None


def extension_form_pdf(form: ExtensionForm, lang: Lang) -> bytes:
    """The form as PDF, one A4 page unless its texts are very long."""
    data = sheet_data(form, lang, "R3.1") | {
        "source": form.source,
        "case_number": form.case_number,
        "reason": form.reason,
        "unit": form.unit,
        "attachments": [{"name": name, "digest": digest} for name, digest in form.attachments],
        "spans": spans_data(form.spans, form.zone, lang),
        "until": moment_text(form.until, form.zone, lang),
        "applicant": signature_data(form.applicant, form.zone, lang),
        "safety": opinion_data(form.safety, form.zone, lang),
        "reviews": [
            {
                "opinion": one.opinion,
                "until": moment_text(one.until, form.zone, lang),
                "signature": signature_data(one.signature, form.zone, lang),
            }
            for one in form.reviews
        ],
        "ended": opinion_data(form.ended, form.zone, lang),
    }
    return render_pdf(_TEMPLATE, data, moment=form.date)
