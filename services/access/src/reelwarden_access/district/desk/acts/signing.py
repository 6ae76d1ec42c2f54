"""Signed acts that leave no form of their own: what was shown, what was written with it, by whose hand."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from reelwarden_access.district.desk.application import Actor
from reelwarden_access.district.desk.desk import Work
from reelwarden_access.district.desk.tables.signed_acts import SignedAct
from reelwarden_access.district.desk.to_sign import digest_of_form
from reelwarden_common.district import PersonRole
from reelwarden_common.web.signing.passkeys import Proof


@dataclass(frozen=True)
class Signed:
    """What came with a signed act: the digest of what was shown, what was written, and the proof."""

    digest: str
    words: str
    proof: Proof


async def keep_signature(
    work: Work, actor: Actor, subject: str, shown: dict[str, Any], signed: Signed, roles: Iterable[PersonRole]
) -> None:
    """Check that what was signed is what is there, and keep it with the signer as of now.

    Args:
        work: In which the act is done.
        actor: Whoever signs.
        subject: The application, extension or sweep.
        shown: What the page showed of it, by `to_sign`; its `kind` is the act.
        signed: What was sent.
        roles: Those that give the right; the first that the actor holds is the one they sign in.

    Raises:
        Wrong: it has changed since it was shown.
    """
    digest = digest_of_form(shown)
    work.check_shown(signed.digest, digest)
    role = next((role.value for role in roles if actor.has(role)), "")
    await work.store.signed_acts.add(
        SignedAct(
            act=shown["kind"],
            subject=subject,
            signer=actor.id,
            name=actor.name,
            unit=actor.unit,
            role=role,
            shown=shown,
            digest=digest,
            words=signed.words,
            own_key=work.own_key,
            signed_at=work.now,
        )
    )
