"""Chinese first: every sentence that a person may read is in the catalogue of its service."""

import re
from collections.abc import Iterator
from importlib import resources
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import extract
from jinja2.ext import babel_extract

from reelwarden_common.web.i18n import read_catalogue

SHARED = "reelwarden_common.web"
PACKAGES = (SHARED, "reelwarden_access.district.desk")
_CHINESE = re.compile(r"[\u4e00-\u9fff]|^%\(text\)s$|^API$")
_HOLE = re.compile(r"%\((\w+)\)s")


def messages(package: str) -> Iterator[tuple[str, str]]:
    """All marked sentences of a package, with where they stand."""
    root = Path(str(resources.files(package)))
    for path in sorted(root.rglob("*.py")):
        found = extract("python", BytesIO(path.read_bytes()), keywords={"N_": None})
        yield from ((str(m), f"{path.name}:{line}") for line, m, _, _ in found)
    for path in sorted(root.rglob("*.html")):
        source = BytesIO(path.read_bytes())
        for line, _, message, _ in babel_extract(source, ("_", "gettext"), (), {}):
            first = message[0] if isinstance(message, tuple) else message
            if first:
                yield first, f"{path.name}:{line}"


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_is_said_in_chinese(package: str) -> None:
    catalogue = read_catalogue([SHARED, package])
    missing = {m: where for m, where in messages(package) if not _CHINESE.search(catalogue.gettext(m))}
    assert not missing, "\n".join(f'{where}: "{message}"' for message, where in missing.items())


@pytest.mark.parametrize("package", PACKAGES)
def test_translations_keep_the_values(package: str) -> None:
    catalogue = read_catalogue([SHARED, package])
    for message, where in messages(package):
        assert set(_HOLE.findall(message)) == set(_HOLE.findall(catalogue.gettext(message))), where


def test_nothing_is_translated_that_nobody_says() -> None:
    for package in PACKAGES:
        said = {message for message, _ in messages(package)} | {message for message, _ in messages(SHARED)}
        kept = read_catalogue([package])._messages
        assert not set(kept) - said, package
