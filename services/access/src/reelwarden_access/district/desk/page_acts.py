"""What the buttons of an application do."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from reelwarden_access.district.desk.acts.filing import Decision
from reelwarden_access.district.desk.acts.recording import RecordDraft
from reelwarden_access.district.desk.acts.releasing import Handing
from reelwarden_access.district.desk.application import Declaration
from reelwarden_access.district.desk.office import Office
from reelwarden_common.web import Missing, Person, Wrong
from reelwarden_common.web.text import N_, Text

Form = Mapping[str, Any]
PageAct = Callable[[Office, Person, str, Form], Awaitable[str | None]]
"""Does it; returns where to go, if not back to the application."""


def _text(form: Form, name: str, most: int = 2000) -> str:
    return str(form.get(name, ""))[:most]


async def _approve(office: Office, who: Person, application: str, form: Form) -> None:
    decision = Decision(_text(form, "digest"), _text(form, "opinion"))
    act = office.reject if form.get("decision") == "reject" else office.approve
    await act(who, application, decision, _text(form, "password"))


async def _withdraw(office: Office, who: Person, application: str, _: Form) -> None:
    await office.withdraw(who, application)


async def _export(office: Office, who: Person, application: str, _: Form) -> None:
    await office.export_again(who, application)


async def _supervise(office: Office, who: Person, application: str, form: Form) -> None:
    await office.open_supervision(who, application, _text(form, "present").splitlines())


async def _close_supervision(office: Office, who: Person, application: str, _: Form) -> None:
    await office.close_supervision(who, application)


async def _view(office: Office, who: Person, application: str, _: Form) -> str:
    viewing, _export = await office.start_viewing(who, application)
    return f"/viewings/{viewing.id}"


async def _release(office: Office, who: Person, application: str, form: Form) -> None:
    handing = Handing(_text(form, "recipient", 200), _text(form, "medium", 200))
    await office.release(who, application, handing, _text(form, "password"))


async def _record(office: Office, who: Person, application: str, form: Form) -> None:
    copies = _text(form, "copies", 2) or "1"
    draft = RecordDraft(
        _text(form, "content"), _text(form, "outcome"), int(copies) if copies.isdecimal() else 1
    )
    await office.fill_record(who, application, draft)


async def _sign(office: Office, who: Person, application: str, form: Form) -> None:
    await office.sign_record(who, application, _text(form, "digest"), _text(form, "password"))


async def _declare(office: Office, who: Person, application: str, form: Form) -> None:
    try:
        declaration = Declaration(_text(form, "declaration"))
    except ValueError as error:
        text = Text(N_("Please fill in: %(field)s."), field=Text(N_("Declaration")))
        raise Wrong("field_missing", text, "R4.4") from error
    await office.declare(who, application, declaration, _text(form, "note"))


async def _close(office: Office, who: Person, application: str, _: Form) -> None:
    await office.close(who, application)


class _Acts(dict[str, PageAct]):
    def __missing__(self, act: str) -> PageAct:
        raise Missing


ACTS: Mapping[str, PageAct] = _Acts(
    decide=_approve,
    withdraw=_withdraw,
    export_again=_export,
    supervise=_supervise,
    close_supervision=_close_supervision,
    view=_view,
    release=_release,
    record=_record,
    sign=_sign,
    declare=_declare,
    close=_close,
)
