"""What each signed act without a form of its own is bound to: what the page shows of it, as it is now."""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Protocol

import rfc8785

Shown = dict[str, Any]
GIVEN_WHEN_FILED = ("number", "filed_at", "changed_at")
"""Fields of a filed form that its signer could not have seen."""


def as_written(form: Mapping[str, Any]) -> Shown:
    """A form as its applicant saw it: what their own key signs."""
    return {name: value for name, value in form.items() if name not in GIVEN_WHEN_FILED}


def digest_of_form(form: Mapping[str, Any]) -> str:
    """What a signature is bound to: SHA-256 of the form's canonical JSON (RFC 8785)."""
    return hashlib.sha256(rfc8785.dumps(dict(form))).hexdigest()


class Filed(Protocol):
    """An application or an extension."""

    @property
    def number(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def form_digest(self) -> str: ...


def release(filed: Filed, export: str) -> Shown:
    """A copy leaves: of this application, with this export (the digest of its list of files)."""
    return {"kind": "release", "number": filed.number, "form": filed.form_digest, "export": export}


def declaration(filed: Filed, package: str) -> Shown:
    """What became of a copy: of this package."""
    return {"kind": "declare", "number": filed.number, "form": filed.form_digest, "package": package}


def review_parts(filed: Filed, combined: Collection[tuple[str, Collection[str]]]) -> Shown:
    """Who held which parts."""
    parts = [{"name": name, "parts": list(held)} for name, held in combined]
    return {"kind": "review_parts", "number": filed.number, "form": filed.form_digest, "parts": parts}


def review_paper(filed: Filed, sheet: str) -> Shown:
    """A numbered paper form that was entered as this application."""
    return {"kind": "review_paper", "number": filed.number, "form": filed.form_digest, "sheet": sheet}


def stop_release(filed: Filed) -> Shown:
    """A release that waits; each stop makes another version of what was filed."""
    found = {"number": filed.number, "form": filed.form_digest, "version": filed.version}
    return {"kind": "stop_release", **found}


def confirm_sweep(sweep: Mapping[str, Any]) -> Shown:
    """An erasure that the brake stopped: how much, how old, why."""
    names = ("school", "id", "reason", "segments", "bytes", "oldest", "newest", "stopped_at")
    return {"kind": "confirm_sweep", **{name: _plain(sweep[name]) for name in names}}


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
