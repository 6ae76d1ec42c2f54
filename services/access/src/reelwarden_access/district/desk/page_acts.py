"""What the buttons of an application do."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from reelwarden_access.district.desk.acts.filing import Decision
from reelwarden_access.district.desk.acts.recording import RecordDraft
from reelwarden_access.district.desk.acts.releasing import Handing
from reelwarden_access.district.desk.bodies import (
    Confirming,
    Deciding,
    Declaring,
    Recording,
    Releasing,
    ReviewingParts,
    Signing,
    Supervising,
)
from reelwarden_access.district.desk.office import Office
from reelwarden_access.district.desk.page_fields import taken
from reelwarden_common.web import Missing, Person

Form = Mapping[str, Any]
PageAct = Callable[[Office, Person, str, Form], Awaitable[str | None]]
"""Does it; returns where to go, if not back to the application."""


async def _approve(office: Office, who: Person, application: str, form: Form) -> None:
    body = taken(Deciding, form)
    act = office.reject if form.get("decision") == "reject" else office.approve
    await act(who, application, Decision(body.digest, body.opinion), body.proof)


async def _interest(office: Office, who: Person, application: str, _: Form) -> None:
    await office.declare_interest(who, application)


async def _advise(office: Office, who: Person, application: str, form: Form) -> None:
    body = taken(Deciding, form)
    await office.advise(who, application, Decision(body.digest, body.opinion), body.proof)


async def _withdraw(office: Office, who: Person, application: str, _: Form) -> None:
    await office.withdraw(who, application)


async def _export(office: Office, who: Person, application: str, _: Form) -> None:
    await office.export_again(who, application)


async def _supervise(office: Office, who: Person, application: str, form: Form) -> str:
    body = taken(Supervising, {**form, "present": str(form.get("present", "")).splitlines()})
    await office.open_supervision(who, application, body.present, body.minutes)
    return f"/applications/{application}/supervision"


async def _close_supervision(office: Office, who: Person, application: str, _: Form) -> None:
    await office.close_supervision(who, application)


async def _view(office: Office, who: Person, application: str, _: Form) -> str:
    viewing, _export = await office.start_viewing(who, application)
    return f"/viewings/{viewing.id}"


async def _release(office: Office, who: Person, application: str, form: Form) -> None:
    body = taken(Releasing, form)
    await office.release(who, application, Handing(body.recipient, body.medium), body.signed)


async def _record(office: Office, who: Person, application: str, form: Form) -> None:
    body = taken(Recording, form)
    await office.fill_record(who, application, RecordDraft(body.content, body.outcome, body.copies))


async def _sign(office: Office, who: Person, application: str, form: Form) -> None:
    body = taken(Signing, form)
    await office.sign_record(who, application, body.digest, body.proof)


async def _declare(office: Office, who: Person, application: str, form: Form) -> None:
    body = taken(Declaring, form)
    await office.declare(who, application, body.declaration, body.note, body.signed)


async def _close(office: Office, who: Person, application: str, _: Form) -> None:
    await office.close(who, application)


async def _stop_release(office: Office, who: Person, application: str, form: Form) -> None:
    await office.stop_release(who, application, taken(Confirming, form).signed)


async def _review_parts(office: Office, who: Person, application: str, form: Form) -> None:
    body = taken(ReviewingParts, form)
    await office.review_parts(who, application, body.opinion, body.signed)


class _Acts(dict[str, PageAct]):
    def __missing__(self, act: str) -> PageAct:
        raise Missing


ACTS: Mapping[str, PageAct] = _Acts(
    decide=_approve,
    interest=_interest,
    advise=_advise,
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
    stop_release=_stop_release,
    review_parts=_review_parts,
)
