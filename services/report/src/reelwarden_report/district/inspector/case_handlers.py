"""Facts about holds, applications and what people did: ids and codes only."""

from collections.abc import Mapping

from reelwarden_common.envelope import Envelope
from reelwarden_common.events import access, retention
from reelwarden_common.events.base import Event
from reelwarden_common.messaging.delivery import Handler
from reelwarden_report.district.inspector.domain import Cause, Kind
from reelwarden_report.district.inspector.store import InspectorStore

MOST_SPANS = 5
"""Named in one finding; the hold itself keeps all."""


async def on_hold_asked(event: retention.HoldAsked, envelope: Envelope, store: InspectorStore) -> None:
    await store.hold(envelope.school, event.hold, "asked")


async def on_hold_decided(event: retention.HoldDecided, envelope: Envelope, store: InspectorStore) -> None:
    """Approved, renewed, or its release was stopped: it goes on."""
    await store.hold(envelope.school, event.hold, "decided")
    await store.hold_goes_on(envelope, event.hold.id)


async def on_hold_frozen(event: retention.HoldFrozen, envelope: Envelope, store: InspectorStore) -> None:
    await store.hold(envelope.school, event.hold, "frozen")


async def on_hold_in_force(event: retention.HoldInForce, envelope: Envelope, store: InspectorStore) -> None:
    """The site answers for a hold; what was already gone is named."""
    await store.hold_in_force(envelope.school, event)
    await store.over(envelope.school, Kind.HOLD, [event.hold])
    if event.gone:
        spans = [[s.camera, s.start.isoformat(), s.end.isoformat()] for s in event.gone[:MOST_SPANS]]
        facts = {"gone": spans, "cause": event.cause}
        await store.open(envelope.school, Cause(Kind.HOLD_GONE, event.hold, event.gone[0].camera, facts))


async def on_hold_released(event: retention.HoldReleased, envelope: Envelope, store: InspectorStore) -> None:
    await store.hold_ended(envelope, event.hold, event.cause, "released", event.effective_at)
    await store.over(envelope.school, Kind.HOLD, [event.hold])


async def on_hold_lapsed(event: retention.HoldLapsed, envelope: Envelope, store: InspectorStore) -> None:
    await store.hold_ended(envelope, event.hold, event.cause, "lapsed", envelope.time)
    await store.over(envelope.school, Kind.HOLD, [event.hold])


async def on_filed(event: access.ApplicationFiled, envelope: Envelope, store: InspectorStore) -> None:
    facts = {"applicant": event.applicant, "spans": event.spans, "purpose": event.purpose}
    await store.step(
        event.application,
        "filed",
        facts,
        envelope,
        status="filed",
        number=event.number,
        manner=event.manner.value,
        outsider=event.outsider,
    )


async def on_extension_filed(event: access.ExtensionFiled, envelope: Envelope, store: InspectorStore) -> None:
    await store.extension(envelope.school, event)


async def on_approved(event: access.ApplicationApproved, envelope: Envelope, store: InspectorStore) -> None:
    facts = {"approvers": event.approvers, "roles": event.approver_roles, "form": event.form_digest}
    await store.step(event.application, "approved", facts, envelope, status="approved")


async def on_rejected(event: access.ApplicationRejected, envelope: Envelope, store: InspectorStore) -> None:
    facts = {"approver": event.approver, "reason": event.reason}
    await store.step(event.application, "rejected", facts, envelope, status="rejected")


async def on_withdrawn(event: access.ApplicationWithdrawn, envelope: Envelope, store: InspectorStore) -> None:
    await store.step(event.application, "withdrawn", {}, envelope, status="withdrawn")


async def on_lapsed(event: access.ApplicationLapsed, envelope: Envelope, store: InspectorStore) -> None:
    await store.step(event.application, "lapsed", {"reason": event.reason}, envelope, status="lapsed")


async def on_closed(event: access.ApplicationClosed, envelope: Envelope, store: InspectorStore) -> None:
    await store.step(event.application, "closed", {"outcome": event.outcome}, envelope, status="closed")


async def on_export_ready(event: access.ExportReady, envelope: Envelope, store: InspectorStore) -> None:
    facts = {"files": len(event.files), "gaps": len(event.gaps), "manifest": event.manifest}
    await store.step(event.application, "exported", facts, envelope)
    await store.over(envelope.school, Kind.EXPORT, [event.application])


async def on_export_failed(event: access.ExportFailed, envelope: Envelope, store: InspectorStore) -> None:
    await store.step(event.application, "export-failed", {"reason": event.reason}, envelope)
    facts = {"reason": event.reason, "application": event.application}
    await store.open(envelope.school, Cause(Kind.EXPORT, event.application, facts=facts))


async def on_viewing_started(event: access.ViewingStarted, envelope: Envelope, store: InspectorStore) -> None:
    facts = {"viewing": event.viewing, "retriever": event.retriever, "supervisor": event.supervisor}
    await store.step(event.application, "viewing-started", facts, envelope)


async def on_viewing_stopped(event: access.ViewingStopped, envelope: Envelope, store: InspectorStore) -> None:
    facts = {"viewing": event.viewing, "by": event.by, "reason": event.reason}
    await store.step(event.application, "viewing-stopped", facts, envelope)


async def on_copy_released(event: access.CopyReleased, envelope: Envelope, store: InspectorStore) -> None:
    """A copy left: from now on its use-by date is watched (R4.4)."""
    facts = {"package": event.package, "recipient": event.recipient, "supervisor": event.supervisor}
    await store.step(event.application, "copy-released", facts, envelope, use_by=event.use_by)


async def on_record_signed(event: access.RecordSigned, envelope: Envelope, store: InspectorStore) -> None:
    facts = {"signer": event.signer, "capacity": event.capacity, "complete": event.complete}
    await store.step(event.application, "record-signed", facts, envelope)


async def on_use_declared(event: access.UseDeclared, envelope: Envelope, store: InspectorStore) -> None:
    facts = {"declaration": event.declaration}
    await store.step(event.application, "use-declared", facts, envelope, use_declared=event.declaration)


async def on_task_due(_event: access.TaskDue, _envelope: Envelope, _store: InspectorStore) -> None:
    """Heard for those who want to be told; nothing is wrong yet."""


async def on_task_overdue(event: access.TaskOverdue, envelope: Envelope, store: InspectorStore) -> None:
    """A step of an application was not done in time."""
    facts = {
        "number": event.number,
        "task": event.task,
        "for_role": event.for_role,
        "since": event.deadline.isoformat(),
        "application": event.application,
    }
    key = f"{event.application}:{event.task}"
    await store.open(envelope.school, Cause(Kind.TASK, key, facts=facts))


async def on_task_done(event: access.TaskDone, envelope: Envelope, store: InspectorStore) -> None:
    await store.over(envelope.school, Kind.TASK, [f"{event.application}:{event.task}"])


async def on_still(event: access.StillTaken, envelope: Envelope, store: InspectorStore) -> None:
    facts = {"viewing": event.viewing, "retriever": event.retriever, "digest": event.digest}
    await store.step(event.application, "still-taken", facts, envelope)


async def on_parts_combined(event: access.PartsCombined, envelope: Envelope, store: InspectorStore) -> None:
    """Four people were too many for the school: the district looks at it."""
    facts = {"number": event.number, "parts": list(event.parts), "application": event.application}
    await store.step(event.application, "parts-combined", {"actor": event.actor, **facts}, envelope)
    await store.open(envelope.school, Cause(Kind.PARTS, event.application, facts=facts))


async def on_parts_reviewed(event: access.PartsReviewed, envelope: Envelope, store: InspectorStore) -> None:
    await store.step(event.application, "parts-reviewed", {"actor": event.actor}, envelope)
    await store.over(envelope.school, Kind.PARTS, [event.application])


async def on_sweep_confirmed(event: access.SweepConfirmed, envelope: Envelope, store: InspectorStore) -> None:
    await store.sweep_confirmed(envelope, event)
    await store.over(envelope.school, Kind.SWEEP, [event.sweep])


async def on_training(
    _event: access.TrainingAcknowledged, _envelope: Envelope, _store: InspectorStore
) -> None:
    """Heard for the custody log's sake; who was trained is the desk's to know."""


async def on_training_counted(
    event: access.TrainingCounted, envelope: Envelope, store: InspectorStore
) -> None:
    """How many know the rules in force; who does not, only the desk knows (R6, R7)."""
    await store.trained(envelope.school, event)


async def on_access_changed(event: access.AccessChanged, _: Envelope, store: InspectorStore) -> None:
    """Whoever left has no session here either, at once (R3.3)."""
    await store.access_changed(event)


CASE_HANDLERS: Mapping[type[Event], Handler[InspectorStore]] = {
    retention.HoldAsked: on_hold_asked,
    retention.HoldDecided: on_hold_decided,
    retention.HoldFrozen: on_hold_frozen,
    retention.HoldInForce: on_hold_in_force,
    retention.HoldReleased: on_hold_released,
    retention.HoldLapsed: on_hold_lapsed,
    access.ApplicationFiled: on_filed,
    access.ExtensionFiled: on_extension_filed,
    access.ApplicationApproved: on_approved,
    access.ApplicationRejected: on_rejected,
    access.ApplicationWithdrawn: on_withdrawn,
    access.ApplicationLapsed: on_lapsed,
    access.ApplicationClosed: on_closed,
    access.ExportReady: on_export_ready,
    access.ExportFailed: on_export_failed,
    access.ViewingStarted: on_viewing_started,
    access.ViewingStopped: on_viewing_stopped,
    access.CopyReleased: on_copy_released,
    access.RecordSigned: on_record_signed,
    access.UseDeclared: on_use_declared,
    access.TaskDue: on_task_due,
    access.TaskOverdue: on_task_overdue,
    access.TaskDone: on_task_done,
    access.StillTaken: on_still,
    access.PartsCombined: on_parts_combined,
    access.PartsReviewed: on_parts_reviewed,
    access.SweepConfirmed: on_sweep_confirmed,
    access.TrainingAcknowledged: on_training,
    access.TrainingCounted: on_training_counted,
    access.AccessChanged: on_access_changed,
}
