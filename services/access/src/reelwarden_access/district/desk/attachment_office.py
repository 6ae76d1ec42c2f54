"""What can be done with the papers of a form, for the API and the pages alike (R4.2)."""

from collections.abc import AsyncIterator, Sequence
from functools import partial

from starlette.datastructures import UploadFile

from reelwarden_access.district.desk.acts import attaching
from reelwarden_access.district.desk.attachment import Attachment, Limits
from reelwarden_access.district.desk.desk import About, Desk
from reelwarden_access.district.desk.uploads import looked_at
from reelwarden_common.web import Person
from reelwarden_common.web.signing.passkeys import Proof


class Attachments:
    """The acts about papers, each in its transaction, with refusals recorded.

    Args:
        desk: Lets people act.
        limits: How much may be attached.
    """

    def __init__(self, desk: Desk, limits: Limits) -> None:
        self._desk = desk
        self.limits = limits

    async def stage(self, who: Person, subject: str, files: Sequence[UploadFile]) -> list[Attachment]:
        """Look at files and keep them for a form that is to be signed; all of them, or none."""
        if not files:
            return await self.of(who, subject)
        async with looked_at(files, self.limits) as papers:
            act = partial(attaching.stage, subject=subject, papers=papers, limits=self.limits)
            return await self._desk.perform(who, About("attach", application=subject, extension=subject), act)

    async def of(self, who: Person, subject: str) -> list[Attachment]:
        """One's own papers of a form."""
        act = partial(attaching.of_form, subject=subject)
        return await self._desk.perform(who, About("attach"), act)

    async def forget(self, who: Person, subject: str, attachments: Sequence[str]) -> None:
        """Take papers back that wait."""
        if attachments:
            act = partial(attaching.forget, subject=subject, attachments=attachments)
            await self._desk.perform(who, About("attach"), act)

    async def add(self, who: Person, kind: str, name: str, proof: Proof) -> str:
        """Sign an application or extension anew, with the papers that wait."""
        about = About("attach", **{kind: name})
        act = partial(attaching.add, kind=kind, name=name)
        return await self._desk.perform(who, about, act, proof)

    async def to_sign(self, who: Person, kind: str, name: str) -> str:
        """The digest of what would be signed: what an own key signs."""
        act = partial(attaching.to_sign, kind=kind, name=name)
        return await self._desk.perform(who, About("attach", **{kind: name}), act)

    async def readable(self, who: Person, kind: str, subject: str, attachment: str) -> Attachment:
        """A paper that one may read."""
        about = About("read_attachment", **{kind: subject})
        act = partial(attaching.readable, kind=kind, subject=subject, attachment=attachment)
        return await self._desk.perform(who, about, act)

    async def content(self, paper: Attachment) -> AsyncIterator[bytes]:
        """Its bytes, part by part, each in a transaction of its own: a slow reader holds nothing up."""
        number = 0
        while True:
            async with self._desk.units.begin() as store:
                part = await store.attachments.part(paper.id, number)
            if part is None:
                return
            yield part
            number += 1
