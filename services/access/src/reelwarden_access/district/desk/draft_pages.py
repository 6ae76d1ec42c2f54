"""The page of one's drafts."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from reelwarden_access.district.desk.drafts import KEPT, Drafts
from reelwarden_common.web import SignedIn, Web
from reelwarden_common.web.text import N_

router = APIRouter(include_in_schema=False)
KIND_WORDS = {
    "apply": N_("Application for footage"),
    "reception": N_("Application for footage, received from outside"),
    "extend": N_("Keep footage longer"),
}


@router.get("/drafts")
async def listed(request: Request, person: SignedIn) -> Response:
    """One's own drafts, to go on with or to delete."""
    drafts: Drafts = request.app.state.drafts
    web: Web = request.app.state.web
    values = {"drafts": await drafts.of(person), "kept_days": KEPT.days, "kind_words": KIND_WORDS}
    return web.render(request, "drafts.html", values)


@router.post("/drafts/{name}/delete")
async def delete(request: Request, person: SignedIn, name: str) -> Response:
    """Forget one's draft."""
    drafts: Drafts = request.app.state.drafts
    await drafts.delete(person, name)
    return RedirectResponse("/drafts", status_code=303)
