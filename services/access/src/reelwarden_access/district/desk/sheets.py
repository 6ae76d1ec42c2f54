"""The forms as they are printed: what the desk keeps, put into the words of the forms' language."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from reelwarden_access.district.desk.application import Capacity
from reelwarden_access.district.desk.extension_form import ExtensionForm, Review, extension_form_pdf
from reelwarden_access.district.desk.extension_reading import ExtensionShown, SignedStepShown
from reelwarden_access.district.desk.forms import (
    ApplicationForm,
    FormSpan,
    Lang,
    Opinion,
    RecordForm,
    Signature,
    application_form_pdf,
    record_form_pdf,
)
from reelwarden_access.district.desk.shown import ApplicationShown, SignatureShown, SignedActShown
from reelwarden_access.district.desk.words import ACT_WORDS, CAPACITY_WORDS, DECLARATION_WORDS, SIGNER_WORDS
from reelwarden_common.district import PersonRole
from reelwarden_common.web.text import N_, Text

_AT_THE_RETRIEVAL = (Capacity.RETRIEVER, Capacity.SUPERVISOR, Capacity.RECIPIENT)
"""Where people sign one form in several duties, each says in which."""
Say = Callable[[str, Text | str], str]
"""Says a text in a language."""


class Sheets:
    """Prints forms.

    Args:
        say: The catalogues.
        zone: In which times are printed.
    """

    def __init__(self, say: Say, zone: str) -> None:
        self._say = say
        self._zone = zone

    def application(self, shown: ApplicationShown, lang: Lang, checkpoint: str = "") -> bytes:
        """监控录像调取申请表 as PDF, with the signatures so far."""
        form = shown.form
        decisions = [s for s in shown.signatures if s.capacity is Capacity.APPROVER]
        return application_form_pdf(
            ApplicationForm(
                number=shown.number,
                school=shown.school_name,
                date=shown.filed_at,
                zone=self._zone,
                checkpoint=checkpoint,
                applicant=form["applicant"]["name"],
                unit=form["applicant"]["unit"],
                capacity=form["applicant"]["role"],
                identity=form["applicant"]["identity_document"],
                phone=form["applicant"]["phone"],
                relation=form["applicant"]["relation"],
                reason=form["reason"],
                spans=_spans(form),
                manner=shown.manner.value,
                materials=[t for t in (form["authority_document"], *form["documents"]) if t],
                attachments=_attached(form),
                undertaking=self._undertaking(shown, lang),
                department=self._department(shown, lang),
                safety=self._opinion(shown, decisions, PersonRole.SAFETY, lang),
                leader=self._opinion(shown, decisions, PersonRole.LEADER, lang),
                district=self._opinion(shown, decisions, PersonRole.DISTRICT_OFFICER, lang),
                valid_until=shown.valid_until,
                acts=self._acts(shown.acts, lang, "stop_release", "review_paper"),
            ),
            lang,
        )

    def record(self, shown: ApplicationShown, lang: Lang, checkpoint: str = "") -> bytes:
        """监控录像调取记录表 as PDF, with the signatures so far; there must be a record."""
        assert shown.record is not None  # noqa: S101 - the caller looked
        form = shown.record.form
        by_capacity = {s.capacity: s for s in shown.record.signatures}
        recipient = by_capacity.pop(Capacity.RECIPIENT, None)
        use_by = form.get("use_by")
        return record_form_pdf(
            RecordForm(
                number=f"{shown.number}-R",
                school=shown.school_name,
                date=shown.record.filled_at,
                zone=self._zone,
                checkpoint=checkpoint,
                application_number=shown.number,
                retrieved_at=datetime.fromisoformat(form["retrieved_at"]),
                retriever=form["applicant"]["name"],
                unit=form["applicant"]["unit"],
                purpose=form["purpose"],
                content=form["content"],
                spans=_spans(form),
                gaps=_gaps(form),
                watched=_watched(form),
                stills=_stills(form),
                receipt=shown.declaration_note or "",
                combined=self._combined(form, lang),
                operator=form["operator"]["name"],
                supervisor=form["supervisor"]["name"],
                present=form["present"],
                outcome=form["outcome"],
                copied=form["copied"],
                copies=form.get("copies", 0),
                medium=form.get("medium", ""),
                package=form.get("package") or "",
                recipient=form.get("recipient", ""),
                recipient_signature=self._signature(recipient, lang) if recipient else None,
                use_by=datetime.fromisoformat(use_by) if use_by else None,
                declaration=self._say(lang, DECLARATION_WORDS[shown.declaration])
                if shown.declaration
                else "",
                signatures=[self._signature(s, lang) for s in by_capacity.values()],
                acts=self._acts(shown.acts, lang, "release", "declare", "review_parts"),
            ),
            lang,
        )

    def extension(self, shown: ExtensionShown, lang: Lang, checkpoint: str = "") -> bytes:
        """延期保存申请表 as PDF, with the signatures so far."""
        by_capacity: dict[Capacity, list[SignedStepShown]] = {}
        for step in shown.signatures:
            by_capacity.setdefault(step.capacity, []).append(step)
        reviews = by_capacity.get(Capacity.REVIEWER, [])
        decision = next(iter(by_capacity.get(Capacity.APPROVER, [])), None)
        end = next((step for step in reviews if step.until is None), None)
        return extension_form_pdf(
            ExtensionForm(
                number=shown.number,
                school=shown.school_name,
                date=shown.filed_at,
                zone=self._zone,
                checkpoint=checkpoint,
                source=shown.source.value,
                case_number=shown.form["case_number"],
                reason=shown.form["reason"],
                spans=_spans(shown.form),
                until=datetime.fromisoformat(shown.form["until"]),
                attachments=_attached(shown.form),
                applicant=self._signature(by_capacity[Capacity.APPLICANT][0], lang),
                unit=shown.form["applicant"]["unit"],
                safety=self._signed(decision, lang),
                reviews=[
                    Review(step.opinion, step.until, self._signature(step, lang))
                    for step in reviews
                    if step.until is not None
                ],
                ended=self._signed(end, lang),
                acts=self._acts(shown.acts, lang, "stop_release"),
            ),
            lang,
        )

    def _signed(self, step: SignedStepShown | None, lang: Lang) -> Opinion | None:
        """A step as an opinion: without an end date it refused, or ended."""
        if step is None:
            return None
        decision: Literal["approved", "rejected"] = "approved" if step.until else "rejected"
        return Opinion(decision, self._signature(step, lang), step.opinion)

    def _undertaking(self, shown: ApplicationShown, lang: Lang) -> Signature | None:
        first = next((s for s in shown.signatures if s.capacity is Capacity.APPLICANT), None)
        return self._signature(first, lang) if first else None

    def _opinion(
        self, shown: ApplicationShown, decisions: Sequence[SignatureShown], role: PersonRole, lang: Lang
    ) -> Opinion | None:
        signed = [s for s in decisions if s.role == role]
        if not signed:
            return None
        rejected = shown.status == "rejected" and decisions[-1] in signed
        text = "；".join([signed[0].opinion, *(self._also(s, lang) for s in signed[1:])]).strip("；")
        return Opinion("rejected" if rejected else "approved", self._signature(signed[0], lang), text)

    def _department(self, shown: ApplicationShown, lang: Lang) -> Opinion | None:
        """部门意见: what the department said before the decision."""
        given = [s for s in shown.signatures if s.capacity is Capacity.DEPARTMENT]
        if not given:
            return None
        text = "；".join(s.opinion for s in given)
        return Opinion("heard", self._signature(given[0], lang), text)

    def _combined(self, form: dict[str, Any], lang: Lang) -> str:
        """Who held two parts, in words."""
        return "；".join(
            f"{one['name']}: {' + '.join(self._say(lang, CAPACITY_WORDS[Capacity(p)]) for p in one['parts'])}"
            for one in form.get("combined", ())
        )

    def _also(self, one: SignatureShown, lang: Lang) -> str:
        """A second signature in the same role (a copy needs two signers, R4.4)."""
        when = one.signed_at.astimezone(ZoneInfo(self._zone))
        text = Text(
            N_("second signature: %(name)s, %(when)s, %(digest)s, %(means)s"),
            name=one.name,
            when=f"{when:%Y-%m-%d %H:%M:%S}",
            digest=one.digest[:16],
            means=Text(N_("own key %(key)s"), key=one.fingerprint[:16])
            if one.fingerprint
            else Text(N_("password given again")),
        )
        return f"{one.opinion} {self._say(lang, text)}".strip()

    def _signature(self, one: SignatureShown, lang: Lang) -> Signature:
        name = f"{one.on_behalf_of}（{one.name}）" if one.on_behalf_of else one.name
        if one.as_deputy:
            as_deputy = Text(N_("%(name)s, deputy of %(leader)s"), name=one.name, leader=one.on_behalf_of)
            name = self._say(lang, as_deputy)
        duty, role = CAPACITY_WORDS[one.capacity], self._say(lang, SIGNER_WORDS[one.role])
        held = f"{self._say(lang, duty)} · {role}" if one.capacity in _AT_THE_RETRIEVAL else role
        return Signature(name, held, one.signed_at, one.digest, one.fingerprint)

    def _acts(self, acts: Sequence[SignedActShown], lang: Lang, *wanted: str) -> list[tuple[str, Signature]]:
        """Signed acts without a form of their own, as they are printed."""
        return [
            (
                self._say(lang, ACT_WORDS[one.act]),
                Signature(
                    one.name,
                    self._say(lang, SIGNER_WORDS.get(one.role, one.role)),
                    one.signed_at,
                    one.digest,
                    one.fingerprint,
                ),
            )
            for one in acts
            if one.act in wanted
        ]


def _spans(form: dict[str, Any]) -> list[FormSpan]:
    start, end = (datetime.fromisoformat(form[key]) for key in ("start", "end"))
    return [FormSpan(f"{c['name']}（{c['place']}）", start, end) for c in form["cameras"]]


def _attached(form: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["name"], one["sha256"]) for one in form.get("attachments", ())]


def _gaps(form: dict[str, Any]) -> list[FormSpan]:
    return _named(form, form["gaps"])


def _watched(form: dict[str, Any]) -> list[FormSpan]:
    """What was watched; forms of before do not say."""
    return _named(form, [one for one in form.get("watched", ()) if one["start"] and one["end"]])


def _stills(form: dict[str, Any]) -> list[tuple[str, datetime | None, str]]:
    names = {c["id"]: c["name"] for c in form["cameras"]}
    return [
        (
            names.get(one["camera"], one["camera"]),
            datetime.fromisoformat(one["shown_at"]) if one["shown_at"] else None,
            one["digest"],
        )
        for one in form.get("stills", ())
    ]


def _named(form: dict[str, Any], spans: Sequence[dict[str, Any]]) -> list[FormSpan]:
    """Spans by the cameras' names."""
    names = {c["id"]: c["name"] for c in form["cameras"]}
    return [
        FormSpan(
            names.get(span["camera"], span["camera"]),
            datetime.fromisoformat(span["start"]),
            datetime.fromisoformat(span["end"]),
        )
        for span in spans
    ]
