"""Registering keys of one's own, and proving by one that it is oneself who signs."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reelwarden_access.district.desk import passkeys
from reelwarden_access.district.desk.passkeys import Assertion, Passkey
from reelwarden_access.district.desk.store import DeskStore
from reelwarden_common.web import Missing, Person, Text, Wrong
from reelwarden_common.web.text import N_

MOST_KEYS = 10


@dataclass(frozen=True)
class NewKey:
    """What a browser answers when somebody registers a key, and where it did."""

    name: str
    nonce: str
    credential: Mapping[str, Any]
    rp_id: str
    origin: str


async def proven(store: DeskStore, who: Person, act: str, assertion: Assertion) -> dict[str, Any]:
    """What shows that somebody signed an act with their own key; each nonce shows it once.

    Raises:
        Denied: it does not.
    """
    given = passkeys.taken_apart(assertion)
    actor = await store.people.actor_id(who.id)
    passkey = await store.passkeys.lock(given.id, actor)
    if passkey is None or not await store.passkeys.take_nonce(given.nonce, actor, store.clock()):
        raise passkeys.no_proof()
    evidence, counter = passkeys.check(act, assertion, given, passkey)
    await store.passkeys.used(passkey.id, counter)
    return evidence


async def nonce(store: DeskStore, who: Person) -> str:
    """For one registration or signature."""
    return await store.passkeys.nonce(await store.people.actor_id(who.id), store.clock())


async def own(store: DeskStore, who: Person) -> Sequence[Passkey]:
    """Somebody's keys in use."""
    return await store.passkeys.of(await store.people.actor_id(who.id))


async def register(store: DeskStore, who: Person, new: NewKey) -> Passkey:
    """Take a key into use.

    Raises:
        Wrong: it does not fit, or there are many already.
    """
    actor = await store.people.actor_id(who.id)
    fresh = await store.passkeys.take_nonce(new.nonce, actor, store.clock())
    challenge = hashlib.sha256(new.nonce.encode()).digest() if fresh else b""
    passkey = passkeys.registered(new.name, new.credential, challenge, new.rp_id, new.origin)
    many = len(await store.passkeys.of(actor)) >= MOST_KEYS
    if many or not await store.passkeys.add(actor, passkey, store.clock()):
        text = Text(
            N_("This key is registered already, or you have %(most)s keys: remove one."), most=MOST_KEYS
        )
        raise Wrong("unfit_key", text, "R4.2")
    return passkey


async def remove(store: DeskStore, who: Person, credential: str) -> None:
    """Take a key out of use; what it signed stays signed."""
    if not await store.passkeys.remove(credential, await store.people.actor_id(who.id), store.clock()):
        raise Missing
