"""What the rule set in force changes of the desk's numbers (R6): a pure rule."""

from dataclasses import replace
from datetime import timedelta

from reelwarden_access.district.desk.application import Rules
from reelwarden_common.events.report import RuleSettings

LONGEST_FOOTAGE = timedelta(hours=24)
LONGEST_DECISION = timedelta(days=30)
LONGEST_APPROVAL = timedelta(days=30)
LONGEST_USE = timedelta(days=180)
LONGEST_CASE = timedelta(days=180)
"""A version that sets more is heeded up to here only: a slip in it must not open the desk (R4.4, art. 17)."""


def in_force(base: Rules, settings: RuleSettings) -> Rules:
    """The numbers of the settings, where the rule set says others: those, up to what is bearable."""

    def number(said: float | None, unit: timedelta, most: timedelta, otherwise: timedelta) -> timedelta:
        return otherwise if said is None else min(said * unit, most)

    hour, day = timedelta(hours=1), timedelta(days=1)
    return replace(
        base,
        max_footage=number(settings.max_footage_hours, hour, LONGEST_FOOTAGE, base.max_footage),
        decide_within=number(settings.decide_days, day, LONGEST_DECISION, base.decide_within),
        valid_for=number(settings.valid_days, day, LONGEST_APPROVAL, base.valid_for),
        use_within=number(settings.use_days, day, LONGEST_USE, base.use_within),
        case_at_most=number(settings.case_days, day, LONGEST_CASE, base.case_at_most),
    )
