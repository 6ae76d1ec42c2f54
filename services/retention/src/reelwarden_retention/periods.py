"""How one period follows another: longer at once, shorter after the delay. Pure; keeper and reaper share it.

The keeper applies it so that people see what is coming. The reaper applies it again to what it hears, since
a stolen key could leave the delay out.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from reelwarden_common.events.retention import CameraPeriod
from reelwarden_common.period import KeepPeriod
from reelwarden_retention.shapes import CameraPolicy, Superseded


def keep_period(period: CameraPeriod) -> KeepPeriod:
    """The period as the common definition of due takes it."""
    return KeepPeriod(period.days, timedelta(minutes=period.grace_minutes), period.zone)


def spares_as_long(one: CameraPeriod, other: CameraPeriod) -> bool:
    """Whether under `one` nothing is erased earlier than under `other`.

    Another zone moves every midnight, so nothing is promised across zones.
    """
    if not one.managed:
        return True
    if not other.managed or one.zone != other.zone:
        return False
    return one.days >= other.days and one.grace_minutes >= other.grace_minutes


def succeed(known: CameraPolicy | None, heard: CameraPolicy, now: datetime, delay: timedelta) -> CameraPolicy:
    """What counts for a camera once `heard` follows `known`.

    A period that would be shortened goes on counting until `now + delay`, whatever the one who shortens
    it says; one who names a later time is believed.
    """
    waiting = [*heard.superseded, *(known.superseded if known else ())]
    if known is not None and known.period != heard.period:
        waiting.append(Superseded(period=known.period, until=now + delay))
    return CameraPolicy(period=heard.period, superseded=_still_waiting(heard.period, waiting, now))


def _still_waiting(
    period: CameraPeriod, waiting: Iterable[Superseded], now: datetime
) -> tuple[Superseded, ...]:
    longest: dict[CameraPeriod, Superseded] = {}
    for one in waiting:
        if one.until <= now or spares_as_long(period, one.period):
            continue
        before = longest.get(one.period)
        if before is None or before.until < one.until:
            longest[one.period] = one
    return tuple(sorted(longest.values(), key=lambda one: (one.until, one.period.model_dump_json())))


def due(end: datetime, policy: CameraPolicy, *, whoever_erases: bool = False) -> datetime | None:
    """From when footage ending at `end` may be erased by us; None: never by us.

    A superseded period spares what it covers until its own time has passed.

    Args:
        end: of the footage, as it is believed.
        policy: its camera's.
        whoever_erases: count for recorder-managed cameras too: their copies in the vault are ours.
    """
    if not policy.period.managed and not whoever_erases:
        return None
    moments = [keep_period(policy.period).due(end)]
    for one in policy.superseded:
        spared = one.period.managed or whoever_erases
        moments.append(min(keep_period(one.period).due(end), one.until) if spared else one.until)
    return max(moments)


def counting(policy: CameraPolicy, now: datetime) -> CameraPeriod:
    """The one period that best says what counts now: the longest of those that do."""
    periods = [policy.period, *(one.period for one in policy.superseded if one.until > now)]
    return max(periods, key=lambda one: (not one.managed, one.days, one.grace_minutes))
