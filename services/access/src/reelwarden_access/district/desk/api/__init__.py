"""The HTTP API: everything that a person does at the desk, for programs."""

from fastapi import APIRouter

from reelwarden_access.district.desk.api import (
    applying,
    attaching,
    extending,
    overseeing,
    retrieving,
    streaming,
    supervising,
)

router = APIRouter(prefix="/api")
for part in (applying, attaching, extending, retrieving, supervising, streaming, overseeing):
    router.include_router(part.router)
