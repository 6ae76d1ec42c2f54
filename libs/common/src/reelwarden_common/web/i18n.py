"""Chinese first, English second: gettext catalogues, read from `.po` files at start.

Message ids are the English sentences, so English needs no catalogue.
"""

from collections.abc import Iterable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from babel.messages.pofile import read_po
from starlette.requests import Request

from reelwarden_common.web.text import Text

CHINESE = "zh"
ENGLISH = "en"
LANGUAGES = (CHINESE, ENGLISH)
LANGUAGE_COOKIE = "rw_lang"


class Catalogue:
    """One language's sentences."""

    def __init__(self, messages: Mapping[str, str]) -> None:
        self._messages = dict(messages)

    def gettext(self, message: str) -> str:
        """The sentence in this language, or as it is."""
        return self._messages.get(message, message)

    def ngettext(self, one: str, many: str, count: int) -> str:
        """As gettext; Chinese has one form, English two."""
        return self.gettext(one if count == 1 else many)

    def say(self, text: Text | str) -> str:
        """A text with its values filled in."""
        return self.gettext(text) if isinstance(text, str) else text.said(self.gettext)


def read_catalogue(packages: Iterable[str]) -> Catalogue:
    """The Chinese sentences of all packages, later ones on top."""
    messages: dict[str, str] = {}
    for package in packages:
        messages |= _read(resources.files(package) / "locale" / CHINESE / "messages.po")
    return Catalogue(messages)


def _read(path: Traversable) -> dict[str, str]:
    if not path.is_file():
        return {}
    with path.open("rb") as file:
        found = read_po(file, locale=CHINESE)
    return {str(m.id): str(m.string) for m in found if m.id and m.string and not m.fuzzy}


def language_of(request: Request) -> str:
    """`?lang=`, else the cookie, else what the browser prefers, else Chinese."""
    for wanted in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if wanted in LANGUAGES:
            return wanted
    return _preferred(request.headers.get("accept-language", ""))


def _preferred(header: str) -> str:
    weights: dict[str, float] = {}
    for item in header.split(","):
        tag, _, options = item.strip().partition(";")
        language = tag.strip().split("-")[0].lower()
        if language in LANGUAGES:
            weights[language] = max(weights.get(language, 0.0), _weight(options))
    return ENGLISH if weights.get(ENGLISH, 0.0) > weights.get(CHINESE, 0.0) else CHINESE


def _weight(options: str) -> float:
    name, _, value = options.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def jinja_callables(catalogue: Catalogue) -> dict[str, Any]:
    """What the template engine's i18n extension takes."""
    return {"gettext": catalogue.gettext, "ngettext": catalogue.ngettext}
