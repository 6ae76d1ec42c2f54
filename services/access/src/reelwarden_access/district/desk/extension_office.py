"""What can be done about keeping footage for longer, for the API and the pages alike (R3.1)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

from reelwarden_access.district.desk import extension_reading
from reelwarden_access.district.desk.acts import extending
from reelwarden_access.district.desk.acts.filing import Decision
from reelwarden_access.district.desk.acts.releasing import NewestCheckpoint
from reelwarden_access.district.desk.acts.signing import Signed
from reelwarden_access.district.desk.application import Rules
from reelwarden_access.district.desk.desk import About, Desk, Work
from reelwarden_access.district.desk.extension import Extension, ExtensionDraft
from reelwarden_access.district.desk.extension_reading import ExtensionShort, ExtensionShown
from reelwarden_access.district.desk.forms import Lang
from reelwarden_access.district.desk.sheets import Sheets
from reelwarden_common.web import Person
from reelwarden_common.web.signing.passkeys import Proof

T = TypeVar("T")


class ExtensionOffice:
    """The acts about extensions, each in its transaction, with refusals recorded."""

    def __init__(self, desk: Desk, sheets: Sheets, checkpoint: NewestCheckpoint) -> None:
        self._desk = desk
        self._sheets = sheets
        self._checkpoint = checkpoint
        self.config = desk.config

    @property
    def rules(self) -> Rules:
        """The numbers in force."""
        return self._desk.rules

    async def file(self, who: Person, draft: ExtensionDraft, proof: Proof) -> Extension:
        """Ask to keep footage for longer, signed."""
        about = About("extend", school=draft.school)
        return await self._desk.perform(who, about, lambda work: extending.file(work, draft), proof)

    async def to_file(self, who: Person, draft: ExtensionDraft) -> str:
        """The digest of what would be filed: what an own key signs."""
        about = About("extend", school=draft.school)
        return await self._desk.perform(who, about, lambda work: extending.content_to_sign(work, draft))

    async def approve(self, who: Person, name: str, decision: Decision, proof: Proof) -> Extension:
        """Sign an approval."""
        return await self._on(who, "grant", name, partial(extending.approve, decision=decision), proof)

    async def reject(self, who: Person, name: str, decision: Decision, proof: Proof) -> Extension:
        """Sign a rejection."""
        return await self._on(who, "refuse", name, partial(extending.reject, decision=decision), proof)

    async def review(
        self, who: Person, name: str, decision: Decision, until: datetime, proof: Proof
    ) -> Extension:
        """Sign a review that renews it."""
        act = partial(extending.review, decision=decision, until=until)
        return await self._on(who, "review", name, act, proof)

    async def finish(self, who: Person, name: str, decision: Decision, proof: Proof) -> Extension:
        """Sign that its purpose is achieved."""
        return await self._on(who, "end", name, partial(extending.finish, decision=decision), proof)

    async def withdraw(self, who: Person, name: str) -> Extension:
        """Take it back before it is decided."""
        return await self._on(who, "withdraw_extension", name, extending.withdraw)

    async def stop_release(self, who: Person, name: str, signed: Signed) -> Extension:
        """Take a waiting release back."""
        act = partial(extending.stop_release, signed=signed)
        return await self._on(who, "stop_release", name, act, signed.proof)

    async def show(self, who: Person, name: str) -> ExtensionShown:
        """One extension with everything."""
        return await self._on(who, "read_extension", name, extension_reading.show)

    async def listed(self, who: Person) -> list[ExtensionShort]:
        """One's own, and those of the schools where one has to do with them."""
        return await self._desk.perform(who, About("extensions"), extension_reading.listed)

    async def printed(self, who: Person, name: str, lang: Lang) -> tuple[str, bytes]:
        """延期保存申请表 as PDF, with its file name; the newest custody checkpoint is printed on it."""
        shown = await self.show(who, name)
        checkpoint = await self._checkpoint(shown.school, shown.id)
        made = await asyncio.to_thread(self._sheets.extension, shown, lang, checkpoint)
        return f"{shown.number}-extension-{lang}.pdf", made

    async def _on(
        self,
        who: Person,
        act: str,
        name: str,
        work: Callable[[Work, str], Awaitable[T]],
        proof: Proof | None = None,
    ) -> T:
        about = About(act, extension=name)
        return await self._desk.perform(who, about, lambda w: work(w, name), proof)
