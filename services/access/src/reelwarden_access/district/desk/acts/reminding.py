"""Deadlines: what is due is said once, what is overdue once more, and that it is done (R4.2-R4.4)."""

from datetime import datetime

from reelwarden_access.district.desk.application import Rules
from reelwarden_access.district.desk.store import DeskStore
from reelwarden_access.district.desk.tasks import Progress, Task, tasks_of
from reelwarden_common.events.access import TaskDone, TaskDue, TaskOverdue


async def remind(store: DeskStore, rules: Rules, now: datetime) -> None:
    """Say what is due, what is overdue, and what is done since."""
    standing: set[tuple[str, str]] = set()
    for found in await store.tasks.progress():
        for task in tasks_of(found, rules):
            standing.add((found.application.id, task.kind))
            if task.is_due(now):
                await _tell(store, found, task, now)
    for told in await store.tasks.told():
        gone = (told.application, told.task) not in standing
        if gone and await store.tasks.done(told.application, told.task, now):
            store.publish(told.school, TaskDone(application=told.application, task=told.task))


async def _tell(store: DeskStore, found: Progress, task: Task, now: datetime) -> None:
    application = found.application
    about = {
        "application": application.id,
        "number": application.number,
        "task": task.kind,
        "for_role": task.role,
        "deadline": task.deadline,
        "urgent": task.urgent,
    }
    if await store.tasks.tell_due(application.id, task, now):
        store.publish(application.school, TaskDue.model_validate(about))
    if task.deadline < now and await store.tasks.tell_overdue(application.id, task, now):
        above = {"escalated_to": task.above}
        store.publish(application.school, TaskOverdue.model_validate(about | above))
