"""Forms that bring files: a stream that has a limit, files on disk, looked at before they are kept."""

import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser

from reelwarden_access.district.desk.acts.attaching import Paper
from reelwarden_access.district.desk.attachment import (
    Limits,
    check_sizes,
    clean_name,
    too_large_together,
)
from reelwarden_access.district.desk.paper_looker import kinds_of
from reelwarden_access.district.desk.paper_looks import SUFFIXES
from reelwarden_common.web.refusals import Wrong
from reelwarden_common.web.text import N_, Text

FIELDS = "files"
"""The name under which forms send files."""
_MOST_FIELDS = 300
_AROUND = 1_000_000
"""Bytes of a form that are no files."""
_HEARD_OUT = 8
"""So many times too large, a body is still heard to its end, so that the browser hears why."""
_CHUNK = 64 * 1024
TAKES_FILES = (
    r"/(apply|reception|extend)(/to-sign)?|/(applications|extensions)/[^/]+/attach"
    r"|/api/forms/[^/]+/attachments|/plans/[^/]+|/paper-forms/[^/]+/[^/]+"
)
"""The paths whose forms are read here."""


@dataclass(frozen=True)
class Sent:
    """A form as it came: its fields, and its files by the names that the sender gave."""

    fields: FormData
    files: Sequence[UploadFile]


@asynccontextmanager
async def form_with_files(request: Request, limits: Limits) -> AsyncIterator[Sent]:
    """Read a form; what is more than may be is counted and thrown away, never kept.

    Raises:
        Wrong: it is too large, or no form.
    """
    body = _counted(request.stream(), limits)
    kind = request.headers.get("content-type", "")
    try:
        if kind.startswith("multipart/form-data"):
            parser = MultiPartParser(
                request.headers, body, max_files=limits.most + 1, max_fields=_MOST_FIELDS
            )
            form = await parser.parse()
        else:
            form = await FormParser(request.headers, body, max_fields=_MOST_FIELDS).parse()
    except (MultiPartException, FormParserError) as error:
        text = Text(N_("The form did not arrive whole, or has too many parts: please send it again."))
        raise Wrong("no_form", text, "R4.2", status=400) from error
    try:
        files = [one for one in form.getlist(FIELDS) if isinstance(one, UploadFile) and one.filename]
        yield Sent(form, files)
    finally:
        await form.close()


def heard_out(limits: Limits) -> int:
    """How many bytes of a form are read at all."""
    return (limits.in_all + _AROUND) * (_HEARD_OUT + 1)


async def _counted(stream: AsyncGenerator[bytes, None], limits: Limits) -> AsyncGenerator[bytes, None]:
    most, size = limits.in_all + _AROUND, 0
    async for chunk in stream:
        size += len(chunk)
        if size <= most:
            yield chunk
        elif size > most * _HEARD_OUT:
            break
    if size > most:
        raise too_large_together(limits)


@asynccontextmanager
async def looked_at(files: Sequence[UploadFile], limits: Limits) -> AsyncIterator[list[Paper]]:
    """Files as papers, each what its content says; they lie on disk until this ends.

    Raises:
        Wrong: one is too large. NotTakenFile: one is no paper that may be attached.
    """
    names = [clean_name(one.filename or "", Path(one.filename or "").suffix[:10]) for one in files]
    check_sizes([(name, one.size or 0) for name, one in zip(names, files, strict=True)], (), limits)
    with tempfile.TemporaryDirectory(prefix="reelwarden-") as folder:
        paths = [Path(folder) / str(number) for number in range(len(files))]
        for path, one in zip(paths, files, strict=True):
            await _keep(one, path)
        kinds = await kinds_of(list(zip(names, paths, strict=True)))
        yield [
            Paper(clean_name(name, SUFFIXES[kind]), kind, path, path.stat().st_size)
            for name, kind, path in zip(names, kinds, paths, strict=True)
        ]


async def _keep(one: UploadFile, path: Path) -> None:
    with path.open("wb") as target:
        while chunk := await one.read(_CHUNK):
            target.write(chunk)
