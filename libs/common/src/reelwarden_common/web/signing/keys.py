"""Registering keys of one's own, and proving by one that it is oneself who signs."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reelwarden_common.web.refusals import Missing, Wrong
from reelwarden_common.web.signing import passkeys
from reelwarden_common.web.signing.passkeys import Assertion, Passkey
from reelwarden_common.web.signing.table import PasskeysTable
from reelwarden_common.web.text import N_, Text

MOST_KEYS = 10


@dataclass(frozen=True)
class NewKey:
    """What a browser answers when somebody registers a key, and where it did."""

    name: str
    nonce: str
    credential: Mapping[str, Any]
    rp_id: str
    origin: str


async def proven(
    table: PasskeysTable, actor: str, act: str, assertion: Assertion, now: datetime
) -> dict[str, Any]:
    """What shows that somebody signed an act with their own key; each nonce shows it once.

    Raises:
        Denied: it does not.
    """
    given = passkeys.taken_apart(assertion)
    passkey = await table.lock(given.id, actor)
    if passkey is None or not await table.take_nonce(given.nonce, actor, now):
        raise passkeys.no_proof()
    evidence, counter = passkeys.check(act, assertion, given, passkey)
    await table.used(passkey.id, counter)
    return evidence


async def register(table: PasskeysTable, actor: str, new: NewKey, now: datetime) -> Passkey:
    """Take a key into use.

    Raises:
        Wrong: it does not fit, or there are many already.
    """
    fresh = await table.take_nonce(new.nonce, actor, now)
    challenge = hashlib.sha256(new.nonce.encode()).digest() if fresh else b""
    passkey = passkeys.registered(new.name, new.credential, challenge, new.rp_id, new.origin)
    many = len(await table.of(actor)) >= MOST_KEYS
    if many or not await table.add(actor, passkey, now):
        text = Text(
            N_("This key is registered already, or you have %(most)s keys: remove one."), most=MOST_KEYS
        )
        raise Wrong("unfit_key", text, "R4.2")
    return passkey


async def remove(table: PasskeysTable, actor: str, credential: str, now: datetime) -> None:
    """Take a key out of use; what it signed stays signed.

    Raises:
        Missing: it is none of theirs.
    """
    if not await table.remove(credential, actor, now):
        raise Missing
