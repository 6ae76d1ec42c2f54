"""Pages: templates in both languages, the navigation, and how times are shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from reelwarden_common.district import PersonRole
from reelwarden_common.web.i18n import (
    CHINESE,
    ENGLISH,
    LANGUAGE_COOKIE,
    LANGUAGES,
    Catalogue,
    jinja_callables,
    language_of,
    read_catalogue,
)
from reelwarden_common.web.people import Person
from reelwarden_common.web.text import Text

_OWN = "reelwarden_common.web"
_YEAR = 31_536_000


@dataclass(frozen=True)
class Section:
    """An entry of the navigation, for people with one of the roles (none given: for everybody)."""

    path: str
    label: str
    """Marked with `N_`."""
    roles: tuple[PersonRole, ...] = ()

    def shown_to(self, person: Person | None) -> bool:
        """Whether this person sees it."""
        return person is not None and (not self.roles or person.holds_somewhere(*self.roles))


def folder_of(package: str, name: str) -> Path:
    """A folder of files inside a package."""
    return Path(str(resources.files(package) / name))


class Pages:
    """Renders templates of a service on top of the shared layout."""

    def __init__(self, package: str, zone: str, shared: Mapping[str, Any]) -> None:
        self._catalogues = {CHINESE: read_catalogue([_OWN, package]), ENGLISH: Catalogue({})}
        self._zone = ZoneInfo(zone)
        self._environments = {
            language: self._environment(package, language, shared) for language in LANGUAGES
        }

    def _environment(self, package: str, language: str, shared: Mapping[str, Any]) -> Environment:
        catalogue = self._catalogues[language]
        environment = Environment(
            loader=FileSystemLoader([folder_of(package, "templates"), folder_of(_OWN, "templates")]),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
        )
        install: Callable[..., None] = environment.install_gettext_callables  # type: ignore[attr-defined]
        install(**jinja_callables(catalogue), newstyle=True)
        environment.filters["say"] = catalogue.say
        environment.filters["local"] = self.local
        environment.filters["minutes"] = self.minutes
        environment.globals.update(shared, language=language)
        return environment

    def local(self, moment: datetime | str | None) -> str:
        """A moment (or one in ISO 8601, as forms keep it) in the district's zone, to the second."""
        return self._shown(moment, "%Y-%m-%d %H:%M:%S")

    def minutes(self, moment: datetime | str | None) -> str:
        """A moment in the district's zone, to the minute."""
        return self._shown(moment, "%Y-%m-%d %H:%M")

    def _shown(self, moment: datetime | str | None, form: str) -> str:
        if not moment:
            return "—"
        at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return at.astimezone(self._zone).strftime(form)

    def say(self, request: Request, text: Text | str) -> str:
        """A text in the language of the request."""
        return self._catalogues[language_of(request)].say(text)

    def say_in(self, language: str, text: Text | str) -> str:
        """A text in a language."""
        return self._catalogues[language].say(text)

    def draw(self, language: str, template: str, values: Mapping[str, Any]) -> str:
        """A part of a page."""
        return self._environments[language].get_template(template).render(values)

    def render(
        self,
        request: Request,
        template: str,
        values: Mapping[str, Any],
        sections: Sequence[Section],
        status: int,
    ) -> HTMLResponse:
        """A page; `?lang=` is remembered."""
        language = language_of(request)
        person = values.get("person")
        text = (
            self._environments[language]
            .get_template(template)
            .render(
                request=request,
                here=request.url.path,
                sections=[s for s in sections if s.shown_to(person)],
                other_language=_in_other(request, language),
                **{"person": None, **values},
            )
        )
        response = HTMLResponse(text, status_code=status)
        response.headers["content-language"] = language
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=_YEAR, samesite="lax", path="/")
        return response


def _in_other(request: Request, language: str) -> str:
    """The same page in the other language, as a relative address: right behind any proxy."""
    query = {**request.query_params, "lang": ENGLISH if language == CHINESE else CHINESE}
    return "?" + urlencode(query)
