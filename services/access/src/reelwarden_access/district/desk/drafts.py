"""Drafts of forms: saved, resumed, deleted. Nothing is held for a draft, and after 30 days it is erased."""

import json
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from reelwarden_access.district.desk.desk import About, Desk, Work
from reelwarden_access.district.desk.tables.drafts import SavedDraft
from reelwarden_common.web import Person, Wrong
from reelwarden_common.web.text import N_, Text

KEPT = timedelta(days=30)
"""After the last saving; a draft may name people (PIPL art. 19)."""
MOST = 20
"""Drafts of one person."""
LONGEST = 20_000
"""Characters of one draft."""
_NOT_WRITTEN = frozenset({"password", "save", "show", "undertaking", "attach", "drop"})
"""Signing and promising are done when the form is filed, never before."""


def fields_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """What of a form is kept."""
    return {name: value for name, value in given.items() if name not in _NOT_WRITTEN}


def check_saving(name: str, fields: Mapping[str, Any], known: Collection[str]) -> None:
    """Whether one more draft may be kept.

    Raises:
        Wrong: it is too long, or there are too many.
    """
    if len(json.dumps(fields)) > LONGEST:
        text = Text(N_("This draft is too long to be saved: please shorten what you wrote."))
        raise Wrong("draft_too_long", text, "R4.2")
    if name not in known and len(known) >= MOST:
        text = Text(N_("You have %(most)s drafts: please file or delete some first."), most=MOST)
        raise Wrong("too_many_drafts", text, "R4.2")


class Drafts:
    """What people do with their own drafts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def save(self, who: Person, kind: str, name: str, given: Mapping[str, Any]) -> None:
        """Keep a form as it stands."""

        async def act(work: Work) -> None:
            owner = await work.store.people.actor_id(who.id)
            await work.store.people.one_at_a_time(owner)
            fields = fields_of(given)
            check_saving(name, fields, [one.id for one in await work.store.drafts.of(owner)])
            await work.store.drafts.save(owner, SavedDraft(name, kind, fields, work.now))

        await self._desk.perform(who, About("draft"), act)

    async def of(self, who: Person) -> list[SavedDraft]:
        """One's own drafts."""

        async def act(work: Work) -> list[SavedDraft]:
            return await work.store.drafts.of(await work.store.people.actor_id(who.id))

        return await self._desk.perform(who, About("draft"), act)

    async def fields(self, who: Person, kind: str, name: str) -> Mapping[str, Any]:
        """What was saved of a form; nothing where it was not."""
        saved = [one for one in await self.of(who) if (one.id, one.kind) == (name, kind)]
        return saved[0].fields if saved else {}

    async def delete(self, who: Person, name: str) -> None:
        """Forget one's draft."""

        async def act(work: Work) -> None:
            owner = await work.store.people.actor_id(who.id)
            await work.store.drafts.delete(owner, name)
            await work.store.attachments.forget(owner, name)

        await self._desk.perform(who, About("draft"), act)
