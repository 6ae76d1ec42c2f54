"""What has to be done with an application, by whom, until when (R4.2-R4.4); pure like `domain`."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from reelwarden_access.district.desk.application import Application, Capacity, Rules, Status
from reelwarden_access.district.desk.policy import signing_of
from reelwarden_common.district import PersonRole
from reelwarden_common.events.access import Manner

REMIND_BEFORE = timedelta(days=2)
"""So long before its deadline a task is due; one with less time is due from its beginning."""


class TaskKind(StrEnum):
    """What is to be done."""

    DECIDE = "decide"
    RETRIEVE = "retrieve"
    RECORD = "record"
    SIGN = "sign"
    DECLARE = "declare"
    CLOSE = "close"
    REVIEW = "review"
    REVIEW_PAPER = "review_paper"


@dataclass(frozen=True)
class Task:
    """A task of a role."""

    kind: TaskKind
    role: PersonRole
    deadline: datetime
    urgent: bool = False

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be told now."""
        return self.urgent or now >= self.deadline - REMIND_BEFORE

    @property
    def above(self) -> PersonRole:
        """Who hears of it when it is overdue."""
        if self.role in (PersonRole.SAFETY, PersonRole.LEADER, PersonRole.DISTRICT_OFFICER):
            return PersonRole.DISTRICT_OFFICER
        return PersonRole.SAFETY


@dataclass(frozen=True)
class Progress:
    """How far an application has got."""

    application: Application
    retrieved_at: datetime | None = None
    """Its last viewing ended, or its copy was handed over."""
    filled_at: datetime | None = None
    signed: Collection[Capacity] = ()
    """Who signed the record."""
    complete_at: datetime | None = None
    unreviewed_since: datetime | None = None
    """Two parts by one person that the district has not looked at."""
    paper_since: datetime | None = None
    """Made on paper, and not reviewed since it was entered."""


def tasks_of(found: Progress, rules: Rules) -> tuple[Task, ...]:
    """What is to be done now."""
    tasks = [*_next(found, rules)]
    if found.unreviewed_since is not None:
        deadline = found.unreviewed_since + rules.review_within
        tasks.append(Task(TaskKind.REVIEW, PersonRole.DISTRICT_OFFICER, deadline))
    if found.paper_since is not None:
        deadline = found.paper_since + rules.paper_within
        tasks.append(Task(TaskKind.REVIEW_PAPER, PersonRole.SAFETY, deadline))
    return tuple(tasks)


def _next(found: Progress, rules: Rules) -> list[Task]:
    asked, within = found.application, rules.record_within
    match asked.status:
        case Status.FILED:
            role = signing_of(asked).signers[0]
            return [Task(TaskKind.DECIDE, role, asked.decide_by, asked.urgent)]
        case Status.APPROVED | Status.READY if asked.valid_until is not None:
            return [Task(TaskKind.RETRIEVE, PersonRole.RETRIEVER, asked.valid_until, asked.urgent)]
        case Status.RETRIEVED | Status.RELEASED:
            return _paper(found, within) + _use(asked)
        case Status.RECORDED:
            declared = asked.manner is Manner.VIEW or asked.declaration is not None
            if declared and found.complete_at is not None:
                return [Task(TaskKind.CLOSE, PersonRole.SAFETY, found.complete_at + within)]
            return _use(asked)
    return []


def _paper(found: Progress, within: timedelta) -> list[Task]:
    """The record: to be filled in, then to be signed by each."""
    if found.filled_at is None:
        if found.retrieved_at is None:
            return []
        return [Task(TaskKind.RECORD, PersonRole.RETRIEVER, found.retrieved_at + within)]
    recipient = PersonRole.RECEPTION if found.application.outsider else PersonRole.APPLICANT
    signers = (
        (Capacity.RETRIEVER, PersonRole.RETRIEVER),
        (Capacity.SUPERVISOR, PersonRole.SAFETY),
        (Capacity.RECIPIENT, recipient),
    )
    missing = next((role for capacity, role in signers if capacity not in found.signed), None)
    return [Task(TaskKind.SIGN, missing, found.filled_at + within)] if missing else []


def _use(asked: Application) -> list[Task]:
    """A copy that is out: what became of it."""
    if asked.use_by is None or asked.declaration is not None:
        return []
    role = PersonRole.RECEPTION if asked.outsider else PersonRole.APPLICANT
    return [Task(TaskKind.DECLARE, role, asked.use_by)]
