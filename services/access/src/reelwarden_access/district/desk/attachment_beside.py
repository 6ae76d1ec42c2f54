"""Papers beside a form: taken with it, and shown with it."""

from collections.abc import Collection
from typing import Any

from fastapi import Request

from reelwarden_access.district.desk.attachment import MB
from reelwarden_access.district.desk.attachment_office import Attachments
from reelwarden_access.district.desk.uploads import Sent
from reelwarden_common.web import Person
from reelwarden_common.web.refusals import Wrong
from reelwarden_common.web.text import N_, Text


def papers_of(request: Request) -> Attachments:
    """The acts about papers."""
    papers: Attachments = request.app.state.attachments
    return papers


async def take_papers(request: Request, person: Person, form: str, sent: Sent) -> None:
    """Keep the files that came with a form, and forget those that were ticked.

    Raises:
        Wrong: a file is not taken; or the form has no id under which files could wait.
    """
    if sent.files and not form:
        text = Text(N_("Please open the form anew, then attach the files."))
        raise Wrong("no_form", text, "R4.2", status=400)
    dropped = [one for one in sent.fields.getlist("drop") if isinstance(one, str)]
    await papers_of(request).forget(person, form, dropped)
    await papers_of(request).stage(person, form, sent.files)


async def papers_beside(
    request: Request, person: Person, form: str, may: Collection[str] = ("attach",)
) -> dict[str, Any]:
    """What a page with a form shows: the papers that wait for it, and how much may be attached."""
    limits = papers_of(request).limits
    own = await papers_of(request).of(person, form) if "attach" in may else []
    waiting = [one for one in own if one.signed_at is None]
    return {
        "waiting_papers": waiting,
        "adding_papers": bool(waiting) or "add" in request.query_params or request.method == "POST",
        "most_files": limits.most,
        "most_each": limits.each // MB,
        "most_in_all": limits.in_all // MB,
    }
