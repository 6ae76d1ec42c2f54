"""What people can be told of, by whom, and how soon."""

from enum import StrEnum

from reelwarden_common.district import PersonRole
from reelwarden_common.web.text import N_


class Notice(StrEnum):
    """Kinds of notices."""

    SERIOUS = "finding-serious"
    WARNING = "finding-warning"
    INFO = "finding-info"
    TASK = "task"
    HOLD = "hold"
    VIOLATION = "violation"
    REPORT = "report"


class When(StrEnum):
    """How soon a person is told."""

    NOW = "now"
    DIGEST = "digest"
    OFF = "off"


_SEES = (
    PersonRole.LEADER,
    PersonRole.SAFETY,
    PersonRole.AUDITOR,
    PersonRole.DISTRICT_OFFICER,
    PersonRole.DISTRICT_OPERATOR,
)
_DECIDES = (PersonRole.LEADER, PersonRole.SAFETY, PersonRole.DISTRICT_OFFICER)
TOLD_TO = {
    Notice.SERIOUS: _SEES,
    Notice.WARNING: _SEES,
    Notice.INFO: _SEES,
    Notice.TASK: _DECIDES,
    Notice.HOLD: _SEES,
    Notice.VIOLATION: _DECIDES,
    Notice.REPORT: _SEES,
}
"""Who may be told: who sees it on the pages, too."""
AT_FIRST = {
    Notice.SERIOUS: When.NOW,
    Notice.WARNING: When.DIGEST,
    Notice.INFO: When.OFF,
    Notice.TASK: When.NOW,
    Notice.HOLD: When.DIGEST,
    Notice.VIOLATION: When.DIGEST,
    Notice.REPORT: When.DIGEST,
}
"""Until a person says otherwise."""
NAMES = {
    Notice.SERIOUS: N_("Serious findings"),
    Notice.WARNING: N_("Warnings"),
    Notice.INFO: N_("Notes"),
    Notice.TASK: N_("Applications that wait for a decision"),
    Notice.HOLD: N_("Holds that end"),
    Notice.VIOLATION: N_("Violations"),
    Notice.REPORT: N_("Written reports"),
}
