"""The rules from supervision to the end (R4.3, R4.4); pure like `domain`, of which it is the second half."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from reelwarden_access.district.desk.application import (
    Actor,
    Application,
    Capacity,
    Declaration,
    Rules,
    Status,
    Supervision,
)
from reelwarden_access.district.desk.domain import MAY_APPLY, approvals_needed, check_status, required
from reelwarden_common.district import PersonRole
from reelwarden_common.errors import Refused
from reelwarden_common.events.access import ExportReady, Manner
from reelwarden_common.web.refusals import Denied, Wrong
from reelwarden_common.web.text import N_, Text

STILLS_AT_MOST = 30
"""Per viewing."""
RECORD_CAPACITIES = frozenset({Capacity.RETRIEVER, Capacity.SUPERVISOR, Capacity.RECIPIENT})
_FOUR_PEOPLE = N_("Applicant, approver, retriever and supervisor must be four different people (R4.3).")
_ONCE = N_("The copy was released already; it leaves exactly once (R4.4).")
_NO_SUPERVISION = N_("The safety department has not opened the supervision (R4.3).")


def check_export_again(application: Application, actor: Actor, *, failed: bool) -> None:
    """Whoever supervises or retrieves may ask the exporter again, once it has failed."""
    if not actor.has(PersonRole.SAFETY, PersonRole.RETRIEVER):
        text = Text(N_("Only the safety department or a retriever asks for the export again (R4.3)."))
        raise Denied("not_retriever", text, "R4.3")
    check_status(application, Status.APPROVED)
    if not failed:
        raise Wrong("not_failed", Text(N_("The export is still being made.")), "R4.3", status=409)


def _authorised(application: Application) -> None:
    if application.status is Status.FILED:
        missing = approvals_needed(application) - len(application.approvals)
        text = (
            Text(N_("A copy needs two different signatures; %(missing)s missing (R4.4)."), missing=missing)
            if application.manner is Manner.COPY
            else Text(N_("It is not approved yet: nothing is retrieved before (R4.2)."))
        )
        raise Denied("not_approved", text, "R4.4" if application.manner is Manner.COPY else "R4.2")
    if application.status is Status.APPROVED:
        text = Text(N_("The footage is approved but not exported yet; please wait."))
        raise Wrong("not_exported", text, "R4.3", status=409)


def _apart(application: Application, actor: Actor) -> None:
    """Applicant, approver, retriever and supervisor are different people.

    At a school with too few people an approver may supervise, or retrieve: flagged, and reviewed (R4.3).
    """
    approved = actor.id in application.approvers and not application.few_people
    if actor.id == application.filer or approved:
        text = Text(_FOUR_PEOPLE)
        raise Denied("not_apart", text, "R4.3")


class BadExport(Refused):
    """An export that points elsewhere than to its own school's folder: it is not taken."""


def is_plain(name: str) -> bool:
    """Whether a file's name stays below its folder."""
    return not name.startswith("/") and ".." not in name.split("/") and "\\" not in name


def check_export(application: Application, export: ExportReady) -> None:
    """A school's export lies in its own bucket, below the application's number, and nowhere else."""
    ours = export.bucket == f"rw-exports-{application.school}"
    below = export.folder.rstrip("/").split("/")[0] == application.number and ".." not in export.folder
    plain = all(is_plain(file.name) for file in export.files)
    if not (ours and below and plain):
        message = f"{application.number}: the export points to {export.bucket}/{export.folder}"
        raise BadExport(message)


def check_supervision(
    application: Application, actor: Actor, retrievers: Collection[str], present: Sequence[str]
) -> None:
    """R4.3: the safety department opens the supervision and says who is present."""
    if not actor.has(PersonRole.SAFETY):
        raise Denied(
            "not_safety", Text(N_("Only the safety department of this school supervises (R4.3).")), "R4.3"
        )
    _apart(application, actor)
    if actor.id in retrievers:
        text = Text(_FOUR_PEOPLE)
        raise Denied("not_apart", text, "R4.3")
    _authorised(application)
    check_status(application, Status.READY, Status.RETRIEVED, Status.RELEASED)
    if not [name for name in present if name.strip()]:
        required({N_("Present"): ""})


def check_time(minutes: int | None, rules: Rules) -> timedelta:
    """R4.3: for how long a supervision is opened; the longest that may be, where nothing is said."""
    lasting = rules.supervise_at_most if minutes is None else timedelta(minutes=minutes)
    if lasting > rules.supervise_at_most:
        text = Text(
            N_("A supervision lasts at most %(minutes)s minutes (R4.3)."),
            minutes=int(rules.supervise_at_most.total_seconds() // 60),
        )
        raise Wrong("too_long_supervision", text, "R4.3")
    return lasting


def check_none_open(supervision: Supervision | None) -> None:
    """One supervision at a time."""
    if supervision is not None:
        text = Text(N_("A supervision is open already, by %(name)s."), name=supervision.name)
        raise Wrong("already_open", text, "R4.3", status=409)


def check_stopping(actor: Actor, retriever: str, supervisor: str) -> None:
    """R4.3: the retriever stops a viewing, and so may the supervisor."""
    if actor.id not in (retriever, supervisor):
        raise Denied("not_involved", Text(N_("Only retriever or supervisor stops a viewing (R4.3).")), "R4.3")


class ViewingOver(Denied):
    """The viewing of an application was stopped, or its supervision has ended."""

    def __init__(self, application: str) -> None:
        super().__init__("viewing_over", Text(N_("This viewing is over (R4.3).")), "R4.3")
        self.application = application


def check_watching(application: str, actor: Actor, retriever: str, *, over: bool) -> None:
    """R4.3: footage runs for its retriever only, and only while the supervision is open."""
    if actor.id != retriever:
        raise Denied("not_retriever", Text(N_("Only the retriever of this viewing sees it (R4.3).")), "R4.3")
    if over:
        raise ViewingOver(application)


def check_room(supervision: Supervision | None, actor: Actor, name: str) -> Supervision:
    """R4.3: whoever supervises says who comes and goes."""
    found = check_closing(supervision, actor)
    required({N_("Present"): name.strip()})
    return found


def check_closing(supervision: Supervision | None, actor: Actor) -> Supervision:
    """Only whoever supervises ends it."""
    if supervision is None and actor.has(PersonRole.SAFETY):
        raise Wrong("no_supervision", Text(N_("No supervision is open.")), "R4.3", status=409)
    if supervision is None or supervision.supervisor != actor.id:
        raise Denied("not_supervisor", Text(N_("Only the supervisor closes a supervision (R4.3).")), "R4.3")
    return supervision


def check_right(application: Application, actor: Actor) -> None:
    """R3.3, R4.3: an authorised retriever, who neither applied nor approved."""
    if not actor.has(PersonRole.RETRIEVER):
        raise Denied(
            "not_retriever",
            Text(N_("Only an authorised retriever of this school opens footage (R3.3).")),
            "R3.3",
        )
    _apart(application, actor)


def check_retriever(
    application: Application, actor: Actor, supervision: Supervision | None, *, trained: bool, now: datetime
) -> Supervision:
    """R3.3, R4.3, R6, R7: who may open footage, and only under an open supervision."""
    check_right(application, actor)
    _authorised(application)
    check_status(application, Status.READY, Status.RETRIEVED)
    if application.valid_until is not None and now > application.valid_until:
        raise Denied("expired", Text(N_("The approval is no longer valid (R4.2).")), "R4.2")
    if supervision is None:
        text = Text(_NO_SUPERVISION)
        raise Denied("no_supervision", text, "R4.3")
    if supervision.supervisor == actor.id:
        text = Text(_FOUR_PEOPLE)
        raise Denied("not_apart", text, "R4.3")
    if not trained:
        text = Text(N_("Acknowledge the rules in force and your training first (R7)."))
        raise Denied("not_trained", text, "R7")
    return supervision


def check_release(application: Application, recipient: str) -> None:
    """R4.4: a copy leaves once, to the recipient named; asked after `check_right`."""
    if (
        application.status in (Status.RELEASED, Status.RECORDED, Status.CLOSED)
        and application.manner is Manner.COPY
    ):
        raise Denied("released", Text(_ONCE), "R4.4")
    if application.manner is not Manner.COPY:
        raise Denied("view_only", Text(N_("It was approved for viewing: no copy leaves (R4.4).")), "R4.4")
    if recipient.strip() != application.applicant_name:
        raise Denied(
            "other_recipient", Text(N_("The copy leaves only to the recipient named (R4.4).")), "R4.4"
        )


def check_alone(*, taken: bool) -> None:
    """Only one package is ever made."""
    if not taken:
        text = Text(N_("The package is being made by somebody else right now."))
        raise Wrong("being_built", text, "R4.4", status=409)


def check_handing_over(actor: Actor, retriever: str, *, done: bool, supervised: bool) -> None:
    """R4.3, R4.4: the one who released it takes it, supervised, until it was taken whole."""
    if actor.id != retriever:
        text = Text(N_("Only the retriever who released the copy takes it (R4.4)."))
        raise Denied("not_retriever", text, "R4.4")
    if done:
        raise Denied("released", Text(_ONCE), "R4.4")
    if not supervised:
        text = Text(_NO_SUPERVISION)
        raise Denied("no_supervision", text, "R4.3")


def check_first(*, fresh: bool) -> None:
    """R4.4: of two that take a copy at the same time, one gets it."""
    if not fresh:
        raise Denied("released", Text(_ONCE), "R4.4")


def check_record(
    application: Application, actor: Actor, retrievers: Collection[str], *, signed: bool
) -> None:
    """R4.3: whoever retrieved fills in the record, until somebody has signed it."""
    if actor.id not in retrievers:
        raise Denied(
            "not_retriever", Text(N_("Whoever retrieved the footage fills in the record (R4.3).")), "R4.3"
        )
    expected = Status.RELEASED if application.manner is Manner.COPY else Status.RETRIEVED
    check_status(application, expected)
    if signed:
        raise Wrong("signed", Text(N_("The record is signed already and cannot change.")), "R4.3", status=409)


def check_record_fields(content: str, outcome: str) -> None:
    """R4.3: what the footage shows, and what came of it."""
    required({N_("Content"): content.strip(), N_("Outcome"): outcome.strip()})


def signing_capacity(
    application: Application,
    actor: Actor,
    retriever: str,
    supervisor: str,
    signed: Collection[str],
    left: Collection[str] = (),
) -> Capacity:
    """R4.3: who signs the record, as what; reception attests for an outsider.

    For those who `left` and have not signed, the safety department does.
    """
    capacities = {
        retriever: Capacity.RETRIEVER,
        supervisor: Capacity.SUPERVISOR,
        application.filer: Capacity.RECIPIENT,
    }
    capacity = capacities.get(actor.id)
    if capacity is None and actor.has(PersonRole.SAFETY):
        orphaned = (part for who, part in capacities.items() if who in left and part not in signed)
        capacity = next(orphaned, None)
    if capacity is None:
        text = Text(N_("Only retriever, supervisor and recipient sign the record (R4.3)."))
        raise Denied("not_involved", text, "R4.3")
    if capacity in signed:
        raise Wrong("signed", Text(N_("You have signed this form already.")), "R4.3", status=409)
    return capacity


_ROLE_IN = {
    Capacity.RETRIEVER: (PersonRole.RETRIEVER,),
    Capacity.SUPERVISOR: (PersonRole.SAFETY,),
    Capacity.RECIPIENT: (*MAY_APPLY, PersonRole.RECEPTION),
}


def role_in(actor: Actor, capacity: Capacity) -> str:
    """The role that a signature of the record names: the signer's at that moment."""
    held = (role for role in _ROLE_IN[capacity] if actor.has(role))
    return next(held, "former")


def check_still(taken: int) -> None:
    """R4.4: a viewing gives single pictures, not the footage piece by piece."""
    if taken >= STILLS_AT_MOST:
        text = Text(N_("A viewing gives at most %(count)s stills (R4.4)."), count=STILLS_AT_MOST)
        raise Denied("too_many_stills", text, "R4.4")


def check_parts_review(actor: Actor, *, waiting: bool) -> None:
    """R4.3: two parts held by one person are looked at one level higher."""
    if not actor.has(PersonRole.DISTRICT_OFFICER):
        text = Text(N_("Only a district officer reviews two parts held by one person (R4.3)."))
        raise Denied("not_officer", text, "R4.3")
    if not waiting:
        text = Text(N_("Nothing of this application waits for a review (R4.3)."))
        raise Wrong("nothing_to_review", text, "R4.3", status=409)


def check_sweep(actor: Actor) -> None:
    """R3.1: a stopped sweep is looked at one level higher."""
    if not actor.has(PersonRole.DISTRICT_OFFICER):
        raise Denied(
            "not_officer", Text(N_("Only a district officer confirms a stopped sweep (R3.1).")), "R3.1"
        )


def check_restore(actor: Actor) -> None:
    """R3.2: the safety department answers for the footage being whole."""
    if not actor.has(PersonRole.SAFETY, PersonRole.DISTRICT_OFFICER):
        text = Text(N_("Only the safety department of this school restores footage (R3.2)."))
        raise Denied("not_safety", text, "R3.2")


def check_declaration(application: Application, actor: Actor, declaration: Declaration, note: str) -> None:
    """R4.4: by the use-by date the recipient says what became of the copy."""
    if actor.id != application.filer and not actor.has(PersonRole.RECEPTION, PersonRole.SAFETY):
        text = Text(N_("The recipient declares the use, through reception or the safety department (R4.4)."))
        raise Denied("not_yours", text, "R4.4")
    check_status(application, Status.RECORDED)
    if application.manner is not Manner.COPY:
        text = Text(N_("Nothing was copied, so nothing is to be declared."))
        raise Wrong("no_copy", text, "R4.4", status=409)
    if application.declaration is not None:
        text = Text(N_("The use of the copy is declared already, and does not change (R4.4)."))
        raise Wrong("declared", text, "R4.4", status=409)
    if declaration is Declaration.TRANSFERRED and not note.strip():
        required({N_("Receipt"): ""})


def check_close(application: Application, actor: Actor) -> str:
    """Who closes, and with which outcome."""
    if not actor.has(PersonRole.SAFETY, PersonRole.LEADER, PersonRole.DISTRICT_OFFICER):
        text = Text(N_("Only the safety department or a leader closes an application (R4.3)."))
        raise Denied("not_safety", text, "R4.3")
    check_status(application, Status.RECORDED)
    if application.manner is Manner.COPY and application.declaration is None:
        raise Denied("not_declared", Text(N_("The use of the copy is not declared yet (R4.4).")), "R4.4")
    return application.declaration or "viewed"
