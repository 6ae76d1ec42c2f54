"""My keys: registering keys of one's own, and the nonces for signing with them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field
from webauthn import generate_registration_options, options_to_json
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from reelwarden_common.web import Person, SignedIn
from reelwarden_common.web.refusals import WebRefusal
from reelwarden_common.web.sign_in import MAX_PASSWORD
from reelwarden_common.web.signing.keys import NewKey
from reelwarden_common.web.signing.passkeys import ALGORITHMS, Passkey
from reelwarden_common.web.text import Text

router = APIRouter(include_in_schema=False)
Line = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


class KeyOffice(Protocol):
    """What a service does about people's own keys; it stands in the application's `state.keys`."""

    async def own_keys(self, who: Person) -> Sequence[Passkey]:
        """Somebody's keys in use."""

    async def nonce(self, who: Person, password: str | None = None) -> str:
        """For one use of a key; to register one, the password is needed."""

    async def add_key(self, who: Person, new: NewKey) -> Passkey:
        """Take a key into use."""

    async def remove_key(self, who: Person, key: str, password: str) -> None:
        """Take a key out of use."""


def _office(request: Request) -> KeyOffice:
    found: KeyOffice = request.app.state.keys
    return found


At = Annotated[KeyOffice, Depends(_office)]


async def own_key_ids(request: Request, person: Person) -> list[str]:
    """What a page with something to sign is given as `own_keys`."""
    return [key.id for key in await _office(request).own_keys(person)]


class Beginning(BaseModel):
    """Who wants to register a key gives the password again."""

    password: str = Field(max_length=MAX_PASSWORD)


class Registering(BaseModel):
    """The browser's answer."""

    name: Line = Field(min_length=1)
    nonce: Line
    credential: dict[str, Any]


@router.get("/keys")
async def my_keys(request: Request, office: At, person: SignedIn) -> Response:
    """The keys, and how to add one."""
    return await _page(request, office, person)


async def _page(
    request: Request, office: KeyOffice, person: Person, problem: Text | None = None, status: int = 200
) -> Response:
    values: Mapping[str, Any] = {
        "keys": await office.own_keys(person),
        "second_factor_path": "/second-factor" if request.app.state.web.second else None,
        "problem": problem,
    }
    page: Response = request.app.state.web.render(request, "keys.html", values, status)
    return page


@router.post("/keys/{key}/remove")
async def remove_key(
    request: Request, office: At, person: SignedIn, key: str, password: Annotated[str, Form()] = ""
) -> Response:
    """Take a key out of use."""
    try:
        await office.remove_key(person, key, password)
    except WebRefusal as refusal:
        return await _page(request, office, person, refusal.text, refusal.status)
    return RedirectResponse("/keys", status_code=303)


@router.post("/api/keys/nonce")
async def nonce_to_sign(office: At, person: SignedIn) -> dict[str, str]:
    """For one signature."""
    return {"nonce": await office.nonce(person)}


@router.post("/api/keys/options")
async def options(request: Request, office: At, person: SignedIn, body: Beginning) -> dict[str, Any]:
    """What the browser needs to make a key."""
    nonce = await office.nonce(person, body.password)
    made = generate_registration_options(
        rp_id=request.url.hostname or "",
        rp_name="Reelwarden",
        user_id=hashlib.sha256(person.id.encode()).digest(),
        user_name=person.id,
        user_display_name=person.name,
        challenge=hashlib.sha256(nonce.encode()).digest(),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=base64url_to_bytes(key.id))
            for key in await office.own_keys(person)
        ],
        supported_pub_key_algs=ALGORITHMS,
    )
    return {"nonce": nonce, "options": json.loads(options_to_json(made))}


@router.post("/api/keys", status_code=204)
async def add_key(request: Request, office: At, person: SignedIn, body: Registering) -> None:
    """Register it: at the site where the browser is, as its Origin says (the guard compared it)."""
    origin = request.headers.get("origin", "")
    new = NewKey(body.name, body.nonce, body.credential, request.url.hostname or "", origin)
    await office.add_key(person, new)
