"""A role's web application: shared routes, guards and error pages around what the role adds."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from reelwarden_common.district import DistrictConfig
from reelwarden_common.web import api_docs, errors, oidc_pages, sign_in
from reelwarden_common.web.bodies import BodyLimit
from reelwarden_common.web.i18n import language_of
from reelwarden_common.web.oidc import Provider
from reelwarden_common.web.pages import Pages, Section, folder_of
from reelwarden_common.web.people import People, Person
from reelwarden_common.web.second import SecondFactor
from reelwarden_common.web.security import SecurityHeaders
from reelwarden_common.web.session_keeper import SessionKeeper
from reelwarden_common.web.sessions import Session, Sessions
from reelwarden_common.web.settings import WebSettings
from reelwarden_common.web.sign_ins import InMemory, Ledger
from reelwarden_common.web.text import Text


class Web:
    """People, sessions and pages of one role.

    Args:
        settings: With the key of the sessions.
        config: `district.toml`.
        package: Where the role's `templates/`, `locale/` and (if any) `static/` lie.
        sections: The navigation.
        title: What the pages are called, marked with `N_`.
        sign_ins: What all replicas know of wrong passwords and ended sessions.
    """

    def __init__(
        self,
        settings: WebSettings,
        config: DistrictConfig,
        package: str,
        sections: Sequence[Section],
        title: str,
        sign_ins: Ledger | None = None,
    ) -> None:
        self._package = package
        self._sections = tuple(sections)
        self._title = title
        self.sign_ins = sign_ins or InMemory()
        self.second: SecondFactor | None = None
        self.as_now: Callable[[Person], Awaitable[Person]] | None = None
        """Adds what somebody may do only now, as a deputy."""
        self.people = People(config.people, self.sign_ins, config.oidc.grants)
        self.oidc = Provider.of(settings, config.oidc) if settings.oidc_issuer else None
        self.session_key = settings.session_key.get_secret_value()
        lifetime = timedelta(hours=settings.session_hours)
        idle = timedelta(minutes=settings.session_idle_minutes)
        self._zone = ZoneInfo(config.time_zone)
        self.sessions = Sessions(self.session_key, self.people, lifetime, idle)
        self._pages = Pages(
            package,
            config.time_zone,
            {
                "site_title": title,
                "district_name": config.name,
                "desk_url": settings.desk_url,
                "dashboard_url": settings.dashboard_url,
            },
        )

    async def may_come_in(self, account: str) -> bool:
        """Whether somebody's access has not ended, by `district.toml` or by an act at the desk (R3.3)."""
        if self.has_left(account):
            return False
        return not await self.sign_ins.is_over([self.sessions.mark(account)], datetime.now(UTC))

    def has_left(self, account: str) -> bool:
        """Whether somebody's last day in `district.toml` is over."""
        return self.people.has_left(account, datetime.now(self._zone).date())

    def make_app(
        self, version: str, description: str = "", *, longer_bodies: Mapping[str, int] | None = None
    ) -> FastAPI:
        """The application with sign-in, errors, security headers, static files and API pages.

        Args:
            version: Of the release.
            description: For the API's page.
            longer_bodies: Most bytes of a body by the pattern of a path that takes files.
        """
        app = FastAPI(
            title=f"Reelwarden {self._title}",
            version=version,
            description=description,
            docs_url=None,
            redoc_url=None,
            openapi_url="/api/openapi.json",
            responses=errors.RESPONSES,
        )
        app.state.web = self
        app.add_middleware(SessionKeeper)  # inside the guard, which answers when the database is away
        app.add_middleware(BodyLimit, longer=longer_bodies or {})
        errors.add_to(app)
        app.add_middleware(SecurityHeaders)  # outermost, so that error pages carry the headers too
        app.include_router(sign_in.router)
        app.include_router(oidc_pages.router)
        app.include_router(api_docs.router)
        app.mount("/web", StaticFiles(packages=[("reelwarden_common.web", "static")]), name="web")
        static = folder_of(self._package, "static")
        if static.is_dir():
            app.mount("/static", StaticFiles(directory=static), name="static")
        return app

    def render(
        self, request: Request, template: str, values: Mapping[str, Any] | None = None, status: int = 200
    ) -> HTMLResponse:
        """A page in the language of the request; `person` is whoever is signed in unless given."""
        known = {"person": self.sessions.person(request), **(values or {})}
        return self._pages.render(request, template, known, self._sections, status)

    def draw(self, request: Request, template: str, values: Mapping[str, Any]) -> str:
        """A part of a page, in the language of the request: only with the values given."""
        return self._pages.draw(language_of(request), template, values)

    def say(self, request: Request, text: Text | str) -> str:
        """A text in the language of the request."""
        return self._pages.say(request, text)

    def say_in(self, language: str, text: Text | str) -> str:
        """A text in a language, `zh` or `en`."""
        return self._pages.say_in(language, text)

    async def sign_out(self, request: Request, response: Response) -> None:
        """End the session of a request, if it has one."""
        session: Session | None = getattr(request.state, "session", None)
        if session is not None:
            await self.sign_ins.end(self.sessions.names(session)[0], datetime.now(UTC))
        self.sessions.end(request, response)

    def person(self, request: Request) -> Person | None:
        """Whoever is signed in."""
        return self.sessions.person(request)
