"""What officers do about alarms, and everybody's acknowledgement of the rules."""

from dataclasses import dataclass

from reelwarden_access.district.desk import retrieval, to_sign
from reelwarden_access.district.desk.acts.signing import Signed, keep_signature
from reelwarden_access.district.desk.desk import Work
from reelwarden_common.district import PersonRole
from reelwarden_common.events.access import RestoreAsked, SweepConfirmed, TrainingAcknowledged
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.web.refusals import Missing


async def confirm_sweep(work: Work, name: str, signed: Signed) -> None:
    """A district officer lets a stopped sweep go on; once is enough."""
    sweep = await work.store.alarms.sweep(name)
    if sweep is None:
        raise Missing
    school = sweep["school"]
    actor = await work.actor(school)
    retrieval.check_sweep(actor)
    shown = to_sign.confirm_sweep(sweep)
    work.check_shown(signed.digest, to_sign.digest_of_form(shown))
    if await work.store.alarms.confirm_sweep(school, name, actor.id, work.now):
        await keep_signature(work, actor, name, shown, signed, (PersonRole.DISTRICT_OFFICER,))
        work.store.publish(school, SweepConfirmed(sweep=name, actor=actor.id))


async def ask_restore(work: Work, segment: str) -> None:
    """The safety department has a lost segment brought back from the backup."""
    school = await work.store.alarms.lost_school(segment)
    if school is None:
        raise Missing
    actor = await work.actor(school)
    retrieval.check_restore(actor)
    if not await work.store.alarms.ask_restore(segment, actor.id, work.now):
        raise Missing
    work.store.publish(school, RestoreAsked(segment=segment, actor=actor.id))


async def acknowledge_training(work: Work) -> int:
    """Whoever acts has read the rules in force and was trained (R6, R7); returns their version."""
    actor = await work.actor(DISTRICT_SCHOOL)
    version = await work.store.people.rules_version(work.now)
    if await work.store.people.acknowledge(actor.id, version, work.now):
        work.store.publish(DISTRICT_SCHOOL, TrainingAcknowledged(actor=actor.id, rules_version=version))
    return version


@dataclass(frozen=True)
class Training:
    """The rules in force, and whether whoever asks acknowledged them."""

    version: int
    acknowledged: bool
    text: str | None
    """Markdown; None if the version came without its text."""


async def training(work: Work) -> Training:
    """What whoever asks is to read and acknowledge."""
    actor = await work.actor(DISTRICT_SCHOOL)
    people = work.store.people
    version = await people.rules_version(work.now)
    return Training(version, await people.trained(actor.id, version), await people.rules_text(version))
