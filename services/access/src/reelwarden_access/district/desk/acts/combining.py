"""Two parts by one person: flagged when it happens, looked at by the district (R4.3)."""

from reelwarden_access.district.desk import domain, retrieval, to_sign
from reelwarden_access.district.desk.acts.signing import Signed, keep_signature
from reelwarden_access.district.desk.application import Actor, Application, Capacity
from reelwarden_access.district.desk.desk import Work
from reelwarden_common.district import PersonRole
from reelwarden_common.events.access import PartsCombined, PartsReviewed


async def note_parts(work: Work, application: Application, actor: Actor, part: Capacity) -> None:
    """Flag it where somebody who approved supervises or retrieves; the rules have let it pass."""
    if actor.id not in application.approvers:
        return
    parts = (Capacity.APPROVER.value, part.value)
    if await work.store.combined.add(application.id, (actor.id, actor.name), parts, work.now):
        work.store.publish(
            application.school,
            PartsCombined(application=application.id, number=application.number, actor=actor.id, parts=parts),
        )


async def review(work: Work, application_id: str, opinion: str, signed: Signed) -> Application:
    """A district officer has looked at it, and says what they think."""
    application, actor = await work.lock(application_id)
    combined = await work.store.combined.of(application.id)
    retrieval.check_parts_review(actor, waiting=any(one.reviewed_at is None for one in combined))
    domain.check_opinion(opinion)
    shown = to_sign.review_parts(application, [(one.name, one.parts) for one in combined])
    await keep_signature(work, actor, application.id, shown, signed, (PersonRole.DISTRICT_OFFICER,))
    await work.store.combined.review(application.id, (actor.id, actor.name), opinion.strip(), work.now)
    work.store.publish(application.school, PartsReviewed(application=application.id, actor=actor.id))
    return application
