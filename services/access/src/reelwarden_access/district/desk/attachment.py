"""Papers that belong to a form: police report, letter of introduction, a scan (R4.2). Pure rules."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from reelwarden_access.district.desk.application import Actor, Application, Status
from reelwarden_access.district.desk.domain import check_status
from reelwarden_access.district.desk.extension import Extension, ExtensionStatus
from reelwarden_access.district.desk.extension import check_status as check_extension_status
from reelwarden_common.web.refusals import Denied, Wrong
from reelwarden_common.web.text import N_, Text

MB = 1_000_000
_LONGEST_NAME = 100
_MOST_WAITING = 5
"""So many forms' worth of papers may lie about without being filed, for one person."""


@dataclass(frozen=True)
class Limits:
    """How much may be attached; every number is a setting."""

    each: int = 10 * MB
    """Bytes of one paper."""
    in_all: int = 30 * MB
    """Bytes of all papers of one form."""
    most: int = 10
    """Papers of one form."""


@dataclass(frozen=True)
class Attachment:
    """A paper, without its content."""

    id: str
    subject: str
    """The application or extension, also one that is to be."""
    owner: str
    name: str
    media_type: str
    size: int
    digest: str
    """SHA-256 of the content."""
    added_at: datetime
    signed_at: datetime | None = None
    """Since when it stands in the form that is signed; None: it waits for that."""
    erased_at: datetime | None = None

    @property
    def in_form(self) -> dict[str, object]:
        """As it stands in the form, so that every signature covers it."""
        return {"name": self.name, "type": self.media_type, "size": self.size, "sha256": self.digest}


def clean_name(sent: str, suffix: str) -> str:
    r"""A file's name as people know it, with nothing in it that leads anywhere or is not seen.

    >>> clean_name("..\\..\\etc/介绍信.PDF", ".pdf")
    '介绍信.pdf'
    """
    last = sent.replace("\\", "/").rsplit("/", 1)[-1]
    composed = unicodedata.normalize("NFC", last)
    seen = "".join(c for c in composed if not unicodedata.category(c).startswith("C"))
    stem = re.sub(r"[:*?\"<>|]", "-", re.sub(r"\.\w{1,5}$", "", seen)).strip(" .")[:_LONGEST_NAME]
    return f"{stem or 'file'}{suffix}"


def check_sizes(sizes: Collection[tuple[str, int]], already: Collection[Attachment], limits: Limits) -> None:
    """Whether some more files may be attached to a form.

    Raises:
        Wrong: one is too large, or they are too many, or too large together.
    """
    for name, size in sizes:
        if size > limits.each:
            text = Text(
                N_("%(name)s is larger than %(most)s MB: please scan it in grey, or with fewer dots."),
                name=name,
                most=limits.each // MB,
            )
            raise Wrong("file_too_large", text, "R4.2", status=413)
    if len(sizes) + len(already) > limits.most:
        text = Text(N_("At most %(most)s files, please: scan several pages into one PDF."), most=limits.most)
        raise Wrong("too_many_files", text, "R4.2", status=413)
    if sum(size for _, size in sizes) + sum(one.size for one in already) > limits.in_all:
        raise too_large_together(limits)


def too_large_together(limits: Limits) -> Wrong:
    """All papers of one form weigh too much."""
    text = Text(N_("All files together: at most %(most)s MB, please."), most=limits.in_all // MB)
    return Wrong("files_too_large", text, "R4.2", status=413)


def check_waiting(waiting: int, limits: Limits) -> None:
    """Files that were never filed do not pile up."""
    if waiting > _MOST_WAITING * limits.in_all:
        text = Text(N_("Too many files of yours wait for a form: file or delete your drafts first."))
        raise Wrong("files_waiting", text, "R4.2", status=413)


def check_adding(application: Application, actor: Actor) -> None:
    """Until the first opinion or decision is signed: what was signed does not change."""
    _check_own(application.filer, actor)
    check_status(application, Status.FILED)
    if application.approvals or application.opinions:
        raise _signed()


def check_adding_to_extension(extension: Extension, actor: Actor) -> None:
    """Until it is decided."""
    _check_own(extension.filer, actor)
    check_extension_status(extension, ExtensionStatus.FILED)
    if extension.version > 1:
        raise _signed()


def _check_own(filer: str, actor: Actor) -> None:
    """Papers are added by whoever filed the form: the new form is signed by them."""
    if filer != actor.id:
        text = Text(N_("Only whoever filed the form adds papers to it, for they sign it (R4.2)."))
        raise Denied("not_yours", text, "R4.2")


def _signed() -> Wrong:
    text = Text(N_("Somebody has signed this form already, so it does not change any more (R4.2)."))
    return Wrong("form_signed", text, "R4.2", status=409)
