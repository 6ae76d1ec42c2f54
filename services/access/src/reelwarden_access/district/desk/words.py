"""The words that people read for what programs say; marked for the catalogues."""

from collections.abc import Mapping

from reelwarden_access.district.desk.application import Capacity, Declaration, HoldState, Outsider, Status
from reelwarden_access.district.desk.waiting import Wait
from reelwarden_access.district.desk.watched import MarkKind
from reelwarden_common.district import PersonRole
from reelwarden_common.events.access import Manner
from reelwarden_common.web.text import N_

STATUS_WORDS: Mapping[Status, str] = {
    Status.FILED: N_("waiting for approval"),
    Status.APPROVED: N_("approved, being exported"),
    Status.READY: N_("ready for retrieval"),
    Status.RETRIEVED: N_("viewed"),
    Status.RELEASED: N_("copy released"),
    Status.RECORDED: N_("recorded and signed"),
    Status.CLOSED: N_("closed"),
    Status.REJECTED: N_("rejected"),
    Status.WITHDRAWN: N_("withdrawn"),
    Status.LAPSED: N_("lapsed"),
}
EXTENSION_WORDS: Mapping[str, str] = {
    "filed": N_("waiting for approval"),
    "granted": N_("granted"),
    "ended": N_("ended"),
    "over": N_("end date passed"),
}
SOURCE_WORDS: Mapping[str, str] = {
    "extension": N_("extension of retention"),
    "case": N_("for a case"),
}
OUTCOME_WORDS: Mapping[str, str] = {
    "rejected": N_("rejected"),
    "withdrawn": N_("withdrawn"),
    "not_decided": N_("not decided in time"),
    "achieved": N_("its purpose is achieved"),
    "over": N_("end date passed"),
}
HOLD_WORDS: Mapping[HoldState, str] = {
    HoldState.NOT_YET: N_("not held yet"),
    HoldState.IN_PART: N_("held in part, not complete yet"),
    HoldState.IN_FORCE: N_("held, in force"),
    HoldState.GONE: N_("held, but part was gone already"),
    HoldState.OVER: N_("hold is over"),
}
MANNER_WORDS: Mapping[Manner, str] = {Manner.VIEW: N_("view"), Manner.COPY: N_("copy")}
OUTSIDER_WORDS: Mapping[Outsider, str] = {
    Outsider.STUDENT: N_("student"),
    Outsider.GUARDIAN: N_("guardian"),
    Outsider.POLICE: N_("police"),
    Outsider.COURT: N_("court"),
    Outsider.DISTRICT: N_("district authority"),
    Outsider.OTHER: N_("other"),
}
STAFF_WORD = N_("staff")
ROLE_WORDS: Mapping[PersonRole, str] = {
    PersonRole.APPLICANT: N_("applicant"),
    PersonRole.LEADER: N_("school leader"),
    PersonRole.SAFETY: N_("safety department"),
    PersonRole.RETRIEVER: N_("retriever"),
    PersonRole.RECEPTION: N_("reception"),
    PersonRole.AUDITOR: N_("auditor"),
    PersonRole.DISTRICT_OFFICER: N_("district officer"),
    PersonRole.DISTRICT_OPERATOR: N_("district operator"),
}
SIGNER_WORDS: Mapping[str, str] = {
    **{str(role): word for role, word in ROLE_WORDS.items()},
    "former": N_("no longer in that post"),
}
"""In what role somebody signed."""
CAPACITY_WORDS: Mapping[Capacity, str] = {
    Capacity.APPLICANT: N_("applicant"),
    Capacity.APPROVER: N_("approver"),
    Capacity.DEPARTMENT: N_("department"),
    Capacity.RETRIEVER: N_("operator"),
    Capacity.SUPERVISOR: N_("supervisor"),
    Capacity.RECIPIENT: N_("recipient"),
    Capacity.REVIEWER: N_("reviewer"),
}
DECLARATION_WORDS: Mapping[Declaration, str] = {
    Declaration.RETURNED: N_("returned"),
    Declaration.DESTROYED: N_("destroyed"),
    Declaration.TRANSFERRED: N_("transferred to a case"),
}
STEP_WORDS: Mapping[Status, str] = {
    Status.FILED: N_("Application"),
    Status.APPROVED: N_("Approval"),
    Status.READY: N_("Export"),
    Status.RETRIEVED: N_("Viewing"),
    Status.RELEASED: N_("Release"),
    Status.RECORDED: N_("Record"),
    Status.CLOSED: N_("Closing"),
}
WAIT_WORDS: Mapping[Wait, str] = {
    Wait.HOLD: N_("The school is placing the hold."),
    Wait.EXPORT: N_("The school is exporting the footage."),
    Wait.PACKAGE: N_("The evidence package is being made."),
}
MARK_WORDS: Mapping[MarkKind, str] = {
    MarkKind.PLAY: N_("begins to play"),
    MarkKind.AT: N_("plays"),
    MarkKind.PAUSE: N_("pauses"),
    MarkKind.SEEK: N_("goes to another moment"),
    MarkKind.ENDED: N_("is at the end"),
}
DOUBT_WORDS: Mapping[str, str] = {
    "one_person": N_("applicant, approver, operator and supervisor are not four different people"),
    "no_right": N_("the approver or the supervisor had no right to it"),
    "before_approval": N_("retrieved before it was approved"),
    "too_long": N_("more footage than one application covers"),
    "copy": N_("a copy for somebody who gets none"),
    "leader": N_("it concerns a school leader, and the district did not approve it"),
    "no_authority": N_("police or court without an authority document"),
    "no_unit": N_("no unit is named"),
    "late": N_("entered late"),
}
"""What is not as the rules want it on a paper form."""
ACT_WORDS: Mapping[str, str] = {
    "file": N_("file an application"),
    "draft": N_("keep a draft"),
    "attach": N_("attach a file"),
    "paper_forms": N_("look at numbered paper forms"),
    "print_paper": N_("print numbered paper forms"),
    "void_paper": N_("declare a paper form void"),
    "enter_paper": N_("enter a paper form"),
    "review_paper": N_("review a paper form"),
    "plan": N_("change a floor plan"),
    "read_plan": N_("look at a floor plan"),
    "read_attachment": N_("read an attached file"),
    "approve": N_("approve"),
    "reject": N_("reject"),
    "advise": N_("give the department's opinion"),
    "declare_interest": N_("declare an interest of one's own"),
    "withdraw": N_("withdraw"),
    "export_again": N_("ask for the export again"),
    "supervise": N_("supervise"),
    "close_supervision": N_("close a supervision"),
    "view": N_("open footage"),
    "stop_viewing": N_("stop a viewing"),
    "still": N_("take a still"),
    "presence": N_("note who is present"),
    "release": N_("release a copy"),
    "take": N_("take a copy"),
    "record": N_("fill in a record"),
    "sign": N_("sign a record"),
    "declare": N_("declare the use"),
    "close": N_("close an application"),
    "extend": N_("ask to keep footage longer"),
    "grant": N_("approve an extension"),
    "refuse": N_("reject an extension"),
    "review": N_("review an extension"),
    "withdraw_extension": N_("withdraw an extension"),
    "end": N_("end an extension"),
    "stop_release": N_("stop a release"),
    "review_parts": N_("review two parts by one person"),
    "read_extension": N_("read an extension"),
    "extensions": N_("list extensions"),
    "confirm_sweep": N_("confirm a sweep"),
    "restore": N_("restore footage"),
    "read": N_("read an application"),
    "list": N_("list applications"),
    "denials": N_("read refused attempts"),
    "lost": N_("read lost segments"),
    "sweeps": N_("read stopped sweeps"),
    "coverage": N_("ask what footage exists"),
    "train": N_("acknowledge the rules"),
    "trained": N_("see who knows the rules"),
    "keys": N_("manage their own keys"),
    "sign_in": N_("sign in"),
    "second_factor": N_("manage their own second factor"),
    "reset_factor": N_("reset somebody's second factor"),
    "end_access": N_("end somebody's access"),
    "name_deputy": N_("name a deputy"),
    "revoke_deputy": N_("take a deputy back"),
    "give_access_back": N_("give somebody's access back"),
}
REFUSAL_WORDS: Mapping[str, str] = {
    "not_leader": N_("no leader, nor acting for one"),
    "own_deputy": N_("named themselves as deputy"),
    "principal_involved": N_("as deputy of somebody involved"),
    "not_applicant": N_("no applicant"),
    "not_reception": N_("not at reception"),
    "no_copy": N_("no copy for this person"),
    "own_application": N_("their own application"),
    "district_decides": N_("the district decides"),
    "not_approver": N_("no approver there"),
    "conflict": N_("an interest of their own"),
    "no_opinion": N_("the department was not heard"),
    "not_department": N_("not of the department"),
    "same_signer": N_("signed already"),
    "not_yours": N_("none of theirs"),
    "no_right": N_("no right"),
    "wrong_password": N_("wrong password"),
    "no_password": N_("no password here, or no fresh sign-in"),
    "guessed_at": N_("many wrong passwords at the sign-in page, perhaps somebody else's"),
    "wrong_key": N_("wrong key"),
    "not_retriever": N_("not the operator"),
    "not_approved": N_("not approved yet"),
    "not_apart": N_("two parts by one person"),
    "not_involved": N_("not involved"),
    "viewing_over": N_("the viewing is over"),
    "too_many_stills": N_("too many stills"),
    "not_supervisor": N_("not the supervisor"),
    "expired": N_("the approval has run out"),
    "no_supervision": N_("no supervision"),
    "not_trained": N_("not trained"),
    "released": N_("released already"),
    "view_only": N_("approved for viewing only"),
    "other_recipient": N_("another recipient"),
    "not_safety": N_("not the safety department"),
    "not_declared": N_("the use is not declared"),
    "not_officer": N_("not the district officer"),
}
"""Why somebody was refused, in a few words; the refusal itself told them in a sentence."""
SWEEP_WORDS: Mapping[str, str] = {
    "first-sweep": N_("the first erasure at this school"),
    "too-many": N_("more than is usual"),
    "mismatch": N_("a file is not what the catalogue says; it was put back"),
    "storage-unbound": N_("the storage is not mounted, or is another school's"),
    "clock-unbelievable": N_("the school's clock cannot be believed"),
}
