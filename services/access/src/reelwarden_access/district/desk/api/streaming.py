"""Bytes on their way to a screen or a medium: ranges of an open viewing, and the package, once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response, StreamingResponse

from reelwarden_access.district.desk.acts.releasing import Parcel
from reelwarden_access.district.desk.acts.retrieving import RangeAsked
from reelwarden_access.district.desk.api.office_of import At
from reelwarden_access.district.desk.office import Office
from reelwarden_common.s3 import CHUNK, S3
from reelwarden_common.web import SignedIn

HELD_BACK = 1024
"""Bytes at the end of a package, without which it is none."""
router = APIRouter(tags=["retrieval"])


def _s3(request: Request) -> S3:
    s3: S3 = request.app.state.s3
    return s3


@router.get("/viewings/{viewing}/files/{file:path}", summary="Stream a file of an open viewing")
async def stream(
    office: At,
    s3: Annotated[S3, Depends(_s3)],
    person: SignedIn,
    viewing: str,
    file: str,
    range: Annotated[str | None, Header()] = None,  # noqa: A002 - the header's name
) -> Response:
    """For its retriever, while viewing and supervision are open; takes `Range` (R4.3)."""
    watched = await office.watch(person, RangeAsked(viewing, file, range))
    span = watched.span
    headers = {"accept-ranges": "bytes", "content-disposition": "inline"}
    if span is None:
        headers["content-range"] = f"bytes */{watched.size}"
        return Response(status_code=416, headers=headers)
    headers["content-length"] = str(span.length)
    if span.partial:
        headers["content-range"] = f"bytes {span.first}-{span.last}/{watched.size}"
    if not span.length:
        return Response(b"", headers=headers, media_type=watched.media_type)
    body = s3.stream(watched.bucket, watched.key, span.first, span.length)
    status = 206 if span.partial else 200
    return StreamingResponse(body, status, headers, media_type=watched.media_type)


@router.get("/applications/{application}/package", summary="Take the released copy")
async def package(office: At, person: SignedIn, application: str) -> Response:
    """By whoever released it, under supervision; over once the last byte was sent (R4.4)."""
    parcel = await office.package(person, application)
    headers = {
        "content-length": str(parcel.release.size),
        "content-disposition": f'attachment; filename="{parcel.name}"',
        "x-package-sha256": parcel.release.digest or "",
    }
    return StreamingResponse(_handing_over(office, parcel), 200, headers, media_type="application/zip")


async def _handing_over(office: Office, parcel: Parcel) -> AsyncIterator[bytes]:
    """The last bytes go out only after it was noted that they do: a second copy can never be whole."""
    left = (parcel.release.size or 0) - HELD_BACK
    with parcel.path.open("rb") as source:
        while left > 0 and (chunk := await asyncio.to_thread(source.read, min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
        await office.taken(parcel.release)
        yield await asyncio.to_thread(source.read)
