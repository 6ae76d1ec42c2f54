"""The lists of applications: filtered, page by page, and as a table for spreadsheets."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from reelwarden_access.district.desk.api.office_of import At
from reelwarden_access.district.desk.application import Status
from reelwarden_access.district.desk.domain import MAY_APPLY, MAY_DECIDE
from reelwarden_access.district.desk.office import Office
from reelwarden_access.district.desk.page_words import WORDS
from reelwarden_access.district.desk.paper_form import MAY_ENTER
from reelwarden_access.district.desk.wanted import MOST_IN_A_TABLE, PAGE, Wanted, wanted
from reelwarden_common.district import PersonRole
from reelwarden_common.web import Missing, Person, SignedIn, Web
from reelwarden_common.web.tables import as_csv
from reelwarden_common.web.text import N_

DOORS = (
    ("/apply", N_("File an application"), MAY_APPLY),
    ("/reception", N_("File for a visitor"), (PersonRole.RECEPTION,)),
    ("/drafts", N_("Drafts"), (*MAY_APPLY, PersonRole.RECEPTION)),
)
LISTS: Mapping[str, tuple[str, str]] = {
    "mine": (N_("My applications"), N_("You have not filed any application yet.")),
    "approve": (N_("To approve"), N_("Nothing waits for your signature.")),
    "supervise": (N_("To supervise"), N_("Nothing waits for your supervision.")),
    "retrieve": (N_("Retrieve"), N_("Nothing is to be retrieved.")),
    "all": (N_("All applications"), N_("There are no applications yet.")),
}
AT_HOME = Wanted(most=5)
"""As many of those that wait for a signature stand on the first page: a tap leads to the form."""
FILTERS = ("status", "school", "since", "until", "number")
COLUMNS = ("number", "status", "school", "school_name", "applicant", "outsider", "manner", "start", "end")
router = APIRouter(include_in_schema=False)


@router.get("/")
async def mine(request: Request, office: At, person: SignedIn) -> Response:
    """My applications."""
    return await _list(request, office, person, "mine")


@router.get("/approve")
async def to_approve(request: Request, office: At, person: SignedIn) -> Response:
    """What waits for my signature."""
    return await _list(request, office, person, "approve")


@router.get("/supervise")
async def to_supervise(request: Request, office: At, person: SignedIn) -> Response:
    """What waits for my supervision."""
    return await _list(request, office, person, "supervise")


@router.get("/retrieve")
async def to_retrieve(request: Request, office: At, person: SignedIn) -> Response:
    """What is to be retrieved."""
    return await _list(request, office, person, "retrieve")


@router.get("/all")
async def all_applications(request: Request, office: At, person: SignedIn) -> Response:
    """Every application of my schools."""
    return await _list(request, office, person, "all")


@router.get("/lists/{view}.csv")
async def table(request: Request, office: At, person: SignedIn, view: str) -> Response:
    """A list as a table, as its filters say: to whom the list is shown."""
    if view not in LISTS:
        raise Missing
    asked = wanted(request.query_params, office.config.time_zone).all_at_once(MOST_IN_A_TABLE)
    found = await office.listed(person, view, asked)
    return Response(
        as_csv([one.model_dump(mode="json") for one in found], COLUMNS),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{view}.csv"'},
    )


async def _list(request: Request, office: Office, person: Person, view: str) -> Response:
    asked = wanted(request.query_params, office.config.time_zone)
    found = await office.listed(person, view, asked)
    title, empty = LISTS[view]
    doors = [(path, label) for path, label, roles in DOORS if person.holds_somewhere(*roles)]
    decides = view == "mine" and person.holds_somewhere(*MAY_DECIDE)
    given = {name: request.query_params.get(name, "") for name in FILTERS}
    page = asked.skip // PAGE + 1
    schools = [s for s in office.config.schools if person.holds(s.id, *PersonRole)]
    values: dict[str, Any] = {
        "title": title,
        "empty": empty,
        "applications": found[:PAGE],
        "doors": doors if view == "mine" else [],
        "to_decide": await office.listed(person, "approve", AT_HOME) if decides else [],
        "deciding": view == "approve",
        "given": given,
        "filtered": asked.filtered,
        "statuses": list(Status) if view in ("mine", "all") else [],
        "schools": schools,
        "with_paper": [s for s in schools if view == "supervise" and person.holds(s.id, *MAY_ENTER)],
        "page": page,
        "before": _address(given, page - 1) if page > 1 else None,
        "after": _address(given, page + 1) if len(found) > PAGE else None,
        "table": f"/lists/{view}.csv{_address(given)}",
        **WORDS,
    }
    web: Web = request.app.state.web
    return web.render(request, "list.html", values)


def _address(given: Mapping[str, str], page: int = 1) -> str:
    """The same list with the same filters, at a page."""
    query = {name: value for name, value in given.items() if value}
    return "?" + urlencode(query | ({"page": str(page)} if page > 1 else {}))
