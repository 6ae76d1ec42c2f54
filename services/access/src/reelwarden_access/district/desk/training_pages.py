"""Who has not acknowledged the rules in force: for leaders and the safety department (R6, R7)."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from reelwarden_access.district.desk.api.office_of import At
from reelwarden_access.district.desk.words import ROLE_WORDS
from reelwarden_common.web import SignedIn, Web

router = APIRouter(include_in_schema=False)


@router.get("/training/people")
async def people(request: Request, office: At, person: SignedIn) -> Response:
    """By school, those who have not first."""
    web: Web = request.app.state.web
    values = {"schools": await office.who_is_trained(person), "role_words": ROLE_WORDS}
    return web.render(request, "training_people.html", values)
