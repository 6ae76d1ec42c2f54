"""What the desk and the dashboard share: people, sessions, languages, layout, guards, errors.

    web = Web(settings, config, "reelwarden_access.district.desk", sections)
    app = web.make_app("Desk", "0.1.0")

    @app.get("/applications")
    async def applications(request: Request, person: SignedIn) -> Response:
        return web.render(request, "applications.html", {...})

A service keeps its own `templates/`, `static/` and `locale/zh/messages.po` beside its role.
"""

from reelwarden_common.district import PersonRole
from reelwarden_common.web.app import Web
from reelwarden_common.web.guard import MaybePerson, SignedIn, require
from reelwarden_common.web.i18n import Catalogue
from reelwarden_common.web.pages import Section
from reelwarden_common.web.people import People, Person
from reelwarden_common.web.refusals import Denied, Missing, NotSignedIn, TooOften, Wrong
from reelwarden_common.web.settings import WebSettings
from reelwarden_common.web.text import N_, Text

__all__ = [
    "N_",
    "Catalogue",
    "Denied",
    "MaybePerson",
    "Missing",
    "NotSignedIn",
    "People",
    "Person",
    "PersonRole",
    "Section",
    "SignedIn",
    "Text",
    "TooOften",
    "Web",
    "WebSettings",
    "Wrong",
    "require",
]
