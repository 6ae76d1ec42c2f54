"""People's own keys at the dashboard, and how whoever signs here proves that it is they (ADR 0014)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reelwarden_common.messaging.units import Units
from reelwarden_common.web import N_, Denied, People, Person, Text, Wrong
from reelwarden_common.web.refusals import NoPassword
from reelwarden_common.web.signing import keys
from reelwarden_common.web.signing.passkeys import Assertion, Passkey, Proof
from reelwarden_common.web.signing.table import PasskeysTable
from reelwarden_report.district.inspector.refusals import note_here
from reelwarden_report.district.inspector.store import InspectorStore


@dataclass(frozen=True)
class Act:
    """What is signed: where, and the rule that asks for it."""

    name: str
    school: str
    rule: str


@dataclass(frozen=True)
class Sent:
    """What came with a signature: the digest of what was shown, and the proof."""

    digest: str
    proof: Proof

    @classmethod
    def of(cls, digest: str, password: str, passkey: str, words: str = "") -> "Sent":
        """From the fields of a form; `words` is what was written in it."""
        return cls(digest, Assertion(passkey, digest, words) if passkey else password)

    def must_be(self, now: str) -> None:
        """Signed is what is there now.

        Raises:
            Wrong: it has changed since it was shown.
        """
        if self.digest != now:
            other = Text(N_("This is not what was shown: look at it anew, then sign."))
            raise Wrong("other_text", other, "R5.1", 409)


class OwnKeys:
    """Registers keys and checks what they signed; refusals are recorded."""

    def __init__(self, units: Units[InspectorStore], people: People) -> None:
        self._units = units
        self._people = people

    async def own_keys(self, who: Person) -> Sequence[Passkey]:
        """Somebody's keys in use."""
        async with self._units.begin() as store:
            return await PasskeysTable(store.conn).of(who.id)

    async def nonce(self, who: Person, password: str | None = None) -> str:
        """For one use of a key; to register one, the password is needed."""
        if password is not None:
            await self._same_owner(who, password)
        async with self._units.begin() as store:
            return await PasskeysTable(store.conn).nonce(who.id, store.clock())

    async def add_key(self, who: Person, new: keys.NewKey) -> Passkey:
        """Take a key into use."""
        async with self._units.begin() as store:
            return await keys.register(PasskeysTable(store.conn), who.id, new, store.clock())

    async def remove_key(self, who: Person, key: str, password: str) -> None:
        """Take a key out of use."""
        await self._same_owner(who, password)
        async with self._units.begin() as store:
            await keys.remove(PasskeysTable(store.conn), who.id, key, store.clock())

    @asynccontextmanager
    async def signing(self, who: Person, act: Act, sent: Sent) -> AsyncIterator[dict[str, Any] | None]:
        """Prove who signs, then sign; yields what their own key signed, None where it was the password.

        Raises:
            Denied: it is not they, or what happens inside refuses them; the attempt is recorded.
        """
        try:
            yield await self._proven(who, act, sent.proof)
        except Denied as refusal:
            refusal.rule = act.rule
            async with self._units.begin() as store:
                await note_here(store, act.school, who.id, act.name, (refusal.code, act.rule))
            raise

    async def _proven(self, who: Person, act: Act, proof: Proof) -> dict[str, Any] | None:
        if not isinstance(proof, Assertion):
            await self._same_password(who, proof, act.rule)
            return None
        async with self._units.begin() as store:
            return await keys.proven(PasskeysTable(store.conn), who.id, act.name, proof, store.clock())

    async def _same_owner(self, who: Person, password: str) -> None:
        """For changing one's own keys: whoever has no password here signed in just now."""
        if who.voucher is None:
            await self._same_password(who, password, "R5.1")
        elif not who.voucher.is_fresh(datetime.now(UTC)):
            raise NoPassword(fresh=True)

    async def _same_password(self, who: Person, password: str, rule: str) -> None:
        if who.voucher:
            raise NoPassword
        if await self._people.verify(who.id, password) is None:
            raise Denied("wrong_password", Text(N_("The password is wrong, so nothing was signed.")), rule)
