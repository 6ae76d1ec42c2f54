"""Sentences about findings and codes, for people; Chinese lies in `locale/`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from reelwarden_common.web import N_, Text
from reelwarden_report.district.inspector.domain import Kind
from reelwarden_report.district.inspector.task_words import of_tasks, task

SENTENCES = {
    Kind.GAP: N_("Nothing is recorded from %(start)s to %(end)s (%(duration)s)."),
    Kind.REJECTED: N_("%(count)s file(s) could not be taken as footage: %(reason)s. First: %(locator)s"),
    Kind.LOST: N_("%(count)s segment(s) of %(day)s vanished before they were due, not by our hand."),
    Kind.ALTERED: N_("The recording of %(start)s was changed after it had been indexed: %(locator)s"),
    Kind.CONFLICT: N_("Two different recordings claim the same start, %(start)s. Both are kept."),
    Kind.CUT_OFF: N_("The school has not been heard of since %(since)s. Its state is unknown."),
    Kind.SILENT: N_("The camera has recorded nothing new since %(since)s."),
    Kind.CLOCK: N_("The camera's clock is off by %(seconds)s s."),
    Kind.SITE_CLOCK: N_(
        "The clock of the school's server is not believed since %(since)s, and nothing is erased there: "
        "%(reason)s. See to its time source (NTP)."
    ),
    Kind.DISK: N_("The disk holds about %(days)s day(s) of footage; %(wanted)s are required."),
    Kind.UNBOUND: N_("The storage folder is not the one bound to this school: unmounted or exchanged?"),
    Kind.READ_ONLY: N_("The storage cannot be written to: nothing is kept for holds, and nothing erased."),
    Kind.VAULT: N_("Held footage takes %(taken)s GB of the disk; it should stay below %(budget)s GB."),
    Kind.DAYS: N_("Footage of %(held)s day(s) is held; %(wanted)s are required."),
    Kind.FORECAST: N_("At this rate %(count)s camera(s) will hold fewer days than required: %(cameras)s"),
    Kind.HOLD: N_("A hold that was asked for at %(since)s is not in force yet."),
    Kind.HOLD_GONE: N_("A hold is in force, but part of its footage was gone before: %(spans)s"),
    Kind.REVIEW: N_("The footage kept for %(number)s is let go at %(until)s: review it, or let it end."),
    Kind.PLAN: N_("The school refused a retention plan (version %(version)s): %(reason)s"),
    Kind.ANEW: N_(
        "The plans for this school begin anew (series %(epoch)s): the district's database was restored, or "
        "somebody else signs with its key. Find out which."
    ),
    Kind.SWEEP: N_("An erasure of %(segments)s segment(s) stopped and waits for a person: %(reason)s"),
    Kind.CORRUPT: N_("A backup read back differs from what was stored: %(key)s (%(reason)s)"),
    Kind.BACKUP: N_("Backups do not get on: %(why)s"),
    Kind.UNREAD: N_("%(count)s backup copies were not read back in time; the longest waits since %(since)s."),
    Kind.RESTORE: N_("A lost segment could not be restored: %(reason)s"),
    Kind.DRILL: N_("A restore drill brought back only %(restored)s of %(sampled)s segment(s)."),
    Kind.EXPORT: N_("An export for an application failed: %(reason)s"),
    Kind.MORNING: N_("The morning page of %(day)s was not signed by 09:00."),
    Kind.TASK: N_("Application %(number)s: %(task)s, overdue since %(since)s. Whose task: %(for_role)s."),
    Kind.PARTS: N_("Application %(number)s: one person held two parts (%(parts)s). The district reviews it."),
    Kind.DENIED: N_("Someone was refused (%(act)s), rule %(rule)s. The attempt is recorded."),
    Kind.DEAD_LETTER: N_("A message was refused by %(role)s and waits for a person: %(detail)s"),
}
MANY_GAPS = N_("%(count)s gaps, %(sum)s in all; the longest from %(start)s to %(end)s (%(duration)s).")
FULL = N_("At this rate the disk is full in about %(full)s day(s), and nothing more can be recorded.")
FULL_AND_SHORT = N_(
    "At this rate the disk is full in about %(full)s day(s), and nothing more can be recorded."
    " %(count)s camera(s) will hold fewer days than required: %(cameras)s"
)
MOST_NAMED = 5
"""Cameras in one sentence; the dashboard and the report list all."""
KINDS = {
    Kind.GAP: N_("Gap"),
    Kind.REJECTED: N_("Unusable file"),
    Kind.LOST: N_("Lost footage"),
    Kind.ALTERED: N_("Altered footage"),
    Kind.CONFLICT: N_("Conflicting footage"),
    Kind.CUT_OFF: N_("Cut off"),
    Kind.SILENT: N_("Camera silent"),
    Kind.CLOCK: N_("Clock off"),
    Kind.SITE_CLOCK: N_("Server clock in doubt"),
    Kind.DISK: N_("Disk too small"),
    Kind.UNBOUND: N_("Wrong storage"),
    Kind.READ_ONLY: N_("Storage read-only"),
    Kind.VAULT: N_("Much held footage"),
    Kind.DAYS: N_("Too few days held"),
    Kind.FORECAST: N_("Too few days ahead"),
    Kind.HOLD: N_("Hold not reached"),
    Kind.HOLD_GONE: N_("Held footage incomplete"),
    Kind.REVIEW: N_("Review due"),
    Kind.PLAN: N_("Plan refused"),
    Kind.ANEW: N_("Plans begin anew"),
    Kind.SWEEP: N_("Erasure stopped"),
    Kind.CORRUPT: N_("Corrupt backup"),
    Kind.BACKUP: N_("Backup failing"),
    Kind.UNREAD: N_("Backups not read back"),
    Kind.RESTORE: N_("Restore failed"),
    Kind.DRILL: N_("Drill failed"),
    Kind.EXPORT: N_("Export failed"),
    Kind.MORNING: N_("Morning page not signed"),
    Kind.TASK: N_("Overdue task"),
    Kind.PARTS: N_("Two parts by one person"),
    Kind.DENIED: N_("Refused access"),
    Kind.DEAD_LETTER: N_("Undelivered message"),
}
ROLES = {
    "intake": N_("the intake of events"),
    "scanner": N_("the scanner at the school"),
    "reaper": N_("the eraser at the school"),
    "exporter": N_("the exporter at the school"),
    "replicator": N_("the backup at the school"),
    "notary": N_("the custody log at the school"),
    "index": N_("the index"),
    "keeper": N_("the retention plans"),
    "desk": N_("the retrieval desk"),
    "ledger": N_("the backup ledger"),
    "registrar": N_("the custody log of the district"),
    "inspector": N_("the inspection"),
    "messenger": N_("the messages to programs and people"),
}
ACTS = {
    "file": N_("filing an application"),
    "approve": N_("approving"),
    "reject": N_("rejecting"),
    "withdraw": N_("withdrawing"),
    "advise": N_("giving the department's opinion"),
    "declare_interest": N_("declaring an interest of one's own"),
    "review_parts": N_("reviewing two parts by one person"),
    "supervise": N_("supervising"),
    "release": N_("releasing a copy"),
    "take": N_("taking a copy"),
    "record": N_("filling in the record"),
    "sign": N_("signing"),
    "declare": N_("declaring the use"),
    "close": N_("closing"),
    "restore": N_("asking for a restore"),
    "read": N_("reading an application"),
    "list": N_("listing applications"),
    "view": N_("opening footage"),
    "still": N_("taking a still"),
    "presence": N_("noting who is present"),
    "coverage": N_("asking what footage exists"),
    "denials": N_("reading refused attempts"),
    "lost": N_("reading lost segments"),
    "sweeps": N_("reading stopped erasures"),
    "train": N_("acknowledging the rules"),
    "trained": N_("seeing who knows the rules"),
    "export_again": N_("exporting again"),
    "close_supervision": N_("ending supervision"),
    "second_factor": N_("managing one's own second factor"),
    "reset_factor": N_("resetting somebody's second factor"),
    "end_access": N_("ending somebody's access"),
    "name_deputy": N_("naming a deputy"),
    "revoke_deputy": N_("taking a deputy back"),
    "give_access_back": N_("giving somebody's access back"),
    "sign_in": N_("signing in with wrong passwords"),
    "stop_viewing": N_("stopping a viewing"),
    "confirm_sweep": N_("confirming an erasure"),
    "extend": N_("asking to keep footage longer"),
    "grant": N_("approving an extension"),
    "refuse": N_("rejecting an extension"),
    "review": N_("reviewing an extension"),
    "withdraw_extension": N_("withdrawing an extension"),
    "end": N_("ending an extension"),
    "stop_release": N_("stopping a release"),
    "read_extension": N_("reading an extension"),
    "extensions": N_("listing extensions"),
    "draft": N_("keeping a draft"),
    "keys": N_("using keys of one's own"),
    "attach": N_("attaching a file"),
    "read_attachment": N_("reading an attached file"),
    "plan": N_("changing a floor plan"),
    "read_plan": N_("looking at a floor plan"),
    "paper_forms": N_("looking at numbered paper forms"),
    "print_paper": N_("printing numbered paper forms"),
    "void_paper": N_("declaring a paper form void"),
    "enter_paper": N_("entering a paper form"),
    "review_paper": N_("reviewing a paper form"),
    "sign_report": N_("signing a report"),
    "sign_morning": N_("signing a morning page"),
    "publish_rules": N_("publishing rules"),
}
"""What people tried at the desk, or where they sign at the dashboard."""
HINTS = {
    "malformed": N_(
        "This is no message of ours, or one of another release. Replaying helps only after an update of this "
        "part; otherwise find out who says it, then dismiss it."
    ),
    "early": N_(
        "It came before what it builds on. Once that has come, replay it: it takes effect once, in order."
    ),
    "refused": N_(
        "It was understood and cannot be done as it is. Mend what the reason names, then replay it; "
        "dismiss it when it no longer matters."
    ),
    "unforeseen": N_(
        "A fault of the software: five attempts failed. Report it with the log of this part; replay it "
        "after the update."
    ),
}
"""What a dead letter's fault means, and what to do."""
CODES = {
    "replayed": N_("handled again"),
    "dismissed": N_("dismissed"),
    "gone": N_("no longer there"),
    "info": N_("Note"),
    "warning": N_("Warning"),
    "serious": N_("Serious"),
    "daily": N_("Daily inspection"),
    "weekly": N_("Weekly inspection"),
    "monthly": N_("Monthly inspection"),
    "asked": N_("asked for"),
    "decided": N_("approved"),
    "in-force": N_("in force"),
    "released": N_("released"),
    "lapsed": N_("ended"),
    "frozen": N_("frozen at the school"),
    "filed": N_("filed"),
    "approved": N_("approved"),
    "rejected": N_("rejected"),
    "withdrawn": N_("withdrawn"),
    "verified": N_("read back and right"),
    "unverified": N_("not read back yet"),
    "erased": N_("erased"),
    "closed": N_("closed"),
    "view": N_("view"),
    "copy": N_("copy"),
    "truncated": N_("truncated"),
    "empty": N_("empty"),
    "differs": N_("content differs"),
    "damaged": N_("damaged"),
    "no-video": N_("no video in it"),
    "unreadable": N_("unreadable"),
    "unreadable-name": N_("name without a readable time"),
    "unreadable-time": N_("no readable time"),
    "clock-implausible": N_("impossible time"),
    "symlink-outside": N_("link that leaves the storage"),
    "unknown-camera": N_("of no registered camera"),
    "duplicate": N_("duplicate"),
    "mended": N_("mended"),
    "accepted": N_("accepted"),
    "by-itself": N_("over, as the facts show"),
    "application": N_("application"),
    "extension": N_("extension"),
    "case": N_("case"),
    "freeze": N_("local freeze"),
    "forged": N_("forged"),
    "outdated": N_("outdated"),
    "below-floor": N_("below the school's own floor"),
    "other-school": N_("of another school"),
    "malformed": N_("malformed"),
    "first-sweep": N_("the first erasure at this school"),
    "too-many": N_("more than the catalogue lets expect"),
    "mismatch": N_("a file is not what the catalogue says"),
    "storage-unbound": N_("the storage is not the bound one"),
    "clock-behind-plan": N_("the clock is behind the plan"),
    "clock-jumped": N_("the clock jumped"),
    "clock-unconfirmed": N_("nobody confirmed the clock"),
    "clock-unheard": N_("the eraser has not judged it yet"),
    "exported": N_("exported"),
    "export-failed": N_("export failed"),
    "viewing-started": N_("viewing began"),
    "viewing-stopped": N_("viewing ended"),
    "copy-released": N_("copy released"),
    "still-taken": N_("still taken"),
    "parts-combined": N_("two parts by one person"),
    "parts-reviewed": N_("two parts by one person reviewed"),
    "record-signed": N_("record signed"),
    "use-declared": N_("use declared"),
    "use-overdue": N_("Copy not declared in time"),
    "record-overdue": N_("Record form not signed in time"),
    "unauthorised-signer": N_("Signing without the right to"),
    "footage-altered": N_("Footage changed after it was recorded"),
    "repeated-pair": N_("The same two people again and again"),
    "small-school": N_("One person in two roles (a small school's exception)"),
    "reported": N_("Reported by a person"),
    "standing": N_("all open ones"),
    "open": N_("Open"),
    "acknowledged": N_("Seen"),
    "in-work": N_("Being mended"),
    "false-alarm": N_("False alarm"),
    "owner": N_("given to"),
    "due": N_("deadline set"),
    "escalated": N_("stood for too long: handed up to"),
    "leader": N_("School leader"),
    "safety": N_("Safety department"),
    "retriever": N_("Retriever"),
    "district_officer": N_("District officer"),
    "auditor": N_("Auditor"),
    "minor": N_("Minor"),
    "grave": N_("Grave"),
    "recorded": N_("noted down"),
    "graded": N_("graded"),
    "handled": N_("a measure was taken"),
    "police": N_("police"),
    "court": N_("court"),
    "district": N_("district"),
    "returned": N_("returned"),
    "destroyed": N_("destroyed"),
    "transferred": N_("transferred to a case"),
    "full": N_("full"),
    "incremental": N_("incremental"),
    "missing": N_("not there"),
    "corrupt": N_("content differs"),
    "occupied": N_("another file lies in its place"),
    "outside-storage": N_("its place is outside the storage"),
    "unknown-segment": N_("nobody knows where it belongs"),
    "deadline": N_("not ready before the approval ran out"),
    "nothing-there": N_("no footage in the approved spans"),
    "bad-request": N_("the order could not be read"),
    "internal": N_("a fault of the exporter; its log says more"),
    "instructed": N_("instructed"),
    "disciplined": N_("disciplined"),
    "referred": N_("referred to the law"),
    "unfounded": N_("unfounded"),
    **ROLES,
}
FORMATS = {
    "cloudevents": N_("a program (CloudEvents)"),
    "wecom": N_("a chat of WeCom"),
    "dingtalk": N_("a chat of DingTalk"),
}
"""Who reads a webhook."""
OUTCOMES = ("unfounded", "instructed", "disciplined", "referred")
"""What the safety department may decide about a violation, by severity (R5.2)."""


CAUSES = {
    "maintenance": N_("Maintenance, announced"),
    Kind.LOST: N_("Footage lost"),
    Kind.REJECTED: N_("Unusable file"),
    Kind.UNBOUND: N_("Wrong storage"),
    Kind.DISK: N_("Disk full or too small"),
    Kind.SILENT: N_("Camera silent"),
    Kind.CUT_OFF: N_("School cut off"),
    "unexplained": N_("Unexplained"),
}
"""What makes gaps."""


def cause(value: str) -> Text:
    """What made a gap."""
    return Text(CAUSES.get(value, value))


MOST_DAYS = 365
_MOMENTS = ("start", "end", "since", "until")


def sentence(kind: str, facts: Mapping[str, Any], zone: ZoneInfo, camera: Callable[[str], str] = str) -> Text:
    """What a finding says: codes in words, moments in the district's zone, lengths as h:mm:ss.

    `camera` turns a camera's id into its name.
    """
    shown = dict(facts)
    for key in _MOMENTS:
        if isinstance(shown.get(key), str):
            moment = datetime.fromisoformat(shown[key]).astimezone(zone)
            shown[key] = moment.strftime("%Y-%m-%d %H:%M:%S")
    for key, say in (("reason", code), ("role", code), ("act", act)):
        if isinstance(shown.get(key), str):
            shown[key] = say(shown[key])
    shown |= of_tasks(shown)
    if "gone" in shown:
        shown["spans"] = ", ".join(
            f"{camera(of)} {_span(start, end, zone)}" for of, start, end in shown["gone"]
        )
    for key, name in (("length", "duration"), ("total", "sum")):
        if key in shown:
            shown[name] = duration(shown[key])
    if "short" in shown:
        shown["count"] = len(shown["short"])
        shown["cameras"] = _short(shown["short"], camera)
    message = _message(Kind(kind), shown)
    try:
        message % shown
    except (KeyError, ValueError):
        return Text(N_("%(kind)s: %(facts)s"), kind=kind, facts=dict(facts))
    return Text(message, **shown)


def _message(kind: Kind, shown: Mapping[str, Any]) -> str:
    """The sentence of a kind that fits what is known."""
    if kind is Kind.GAP and shown.get("count", 1) > 1:
        return MANY_GAPS
    if shown.get("full") is not None:
        return FULL_AND_SHORT if shown.get("short") else FULL
    return SENTENCES[kind]


def _short(cameras: Sequence[tuple[str, float, int]], name_of: Callable[[str], str]) -> str:
    named = [f"{name_of(one)} {days:g} / {wanted}" for one, days, wanted in cameras[:MOST_NAMED]]
    return ", ".join([*named, "…"] if len(cameras) > MOST_NAMED else named)


def _span(start: str, end: str, zone: ZoneInfo) -> str:
    first, last = (datetime.fromisoformat(moment).astimezone(zone) for moment in (start, end))
    return f"{first:%Y-%m-%d %H:%M:%S}–{last:%H:%M:%S}"


def duration(seconds: float) -> str:
    """A length as h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def name(kind: str) -> Text:
    """A kind's short name."""
    return Text(KINDS[Kind(kind)]) if kind in KINDS else code(kind)


def task_named(what: str) -> Text:
    """What is to be done at the desk."""
    return task(what)


def hint(fault: str | None) -> Text:
    """What can be done about a dead letter."""
    return Text(HINTS.get(fault or "", HINTS["unforeseen"]))


def act(value: str) -> Text:
    """What somebody tried at the desk."""
    return Text(ACTS.get(value, value))


def forecast(days: float) -> Text:
    """For how many days of footage the disk has room; nobody can say more than a year ahead."""
    if days > MOST_DAYS:
        return Text(N_("room for more than a year"))
    return Text(N_("room for about %(days)s days"), days=round(days))


def code(value: str) -> Text:
    """A code in words, or as it is where no words are known."""
    return Text(CODES.get(value, value))
