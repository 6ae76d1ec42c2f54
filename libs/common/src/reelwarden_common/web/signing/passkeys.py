"""Signing with a key of one's own (WebAuthn): what was signed, by which key, and whether it holds.

The key signs the SHA-256 of a statement: the act, the digest of what was shown, the person's words, a nonce.
`verify.py` has that statement and the arithmetic, so that a package can be checked without the desk.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import bytes_to_base64url, decode_credential_public_key
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.decode_credential_public_key import DecodedEC2PublicKey, DecodedRSAPublicKey
from webauthn.helpers.exceptions import WebAuthnException

from reelwarden_common.web.refusals import Denied, Wrong
from reelwarden_common.web.signing.statement import key_fingerprint, statement
from reelwarden_common.web.text import N_, Text

ALGORITHMS = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
"""Those that `verify.py` can check without a library."""
NONCE_FOR = timedelta(minutes=5)
_P256 = 1


@dataclass(frozen=True)
class Assertion:
    """What a browser sends in place of a password: the key's answer, as the page's script wrote it.

    Args:
        answer: JSON with `nonce` and `credential`.
        digest: Of what was shown and is signed.
        words: What the person wrote with it, such as an opinion.
    """

    answer: str
    digest: str
    words: str = ""


Proof = str | Assertion
"""How somebody shows that they are there: the password again, or their own key."""


@dataclass(frozen=True)
class Passkey:
    """Somebody's registered key."""

    id: str
    """The credential's id, base64url."""
    name: str
    cose: bytes
    counter: int
    rp_id: str
    origin: str

    @property
    def key(self) -> dict[str, str]:
        """The public key as JWK."""
        return jwk_of(self.cose)

    @property
    def fingerprint(self) -> str:
        """By which people know it."""
        return key_fingerprint(self.key)


@dataclass(frozen=True)
class Given:
    """An assertion taken apart; nothing is checked yet."""

    nonce: str
    credential: Mapping[str, Any]
    id: str


def no_proof() -> Denied:
    """The refusal of whatever key does not hold."""
    text = Text(N_("Your key did not sign what is shown here, so nothing was signed. Please try again."))
    return Denied("wrong_key", text, "R4.2")


def taken_apart(assertion: Assertion) -> Given:
    """What was sent.

    Raises:
        Denied: it is no assertion.
    """
    try:
        sent = json.loads(assertion.answer)
        credential = sent["credential"]
        nonce, key = sent["nonce"], credential["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise no_proof() from None
    if not isinstance(nonce, str) or not isinstance(key, str) or not isinstance(credential, dict):
        raise no_proof()
    return Given(nonce, credential, key)


def check(act: str, assertion: Assertion, given: Given, passkey: Passkey) -> tuple[dict[str, Any], int]:
    """The evidence to be kept with the signature, and the key's new counter.

    Raises:
        Denied: the key did not sign this act on what was shown.
    """
    challenge = hashlib.sha256(statement(act, assertion.digest, assertion.words, given.nonce)).digest()
    try:
        verified = verify_authentication_response(
            credential=dict(given.credential),
            expected_challenge=challenge,
            expected_rp_id=passkey.rp_id,
            expected_origin=passkey.origin,
            credential_public_key=passkey.cose,
            credential_current_sign_count=passkey.counter,
            require_user_verification=True,
        )
        answer = given.credential["response"]
    except (WebAuthnException, KeyError, TypeError, ValueError):
        raise no_proof() from None
    evidence = {
        "act": act,
        "nonce": given.nonce,
        "digest": assertion.digest,
        "words": assertion.words,
        "rp_id": passkey.rp_id,
        "origin": passkey.origin,
        "credential": passkey.id,
        "key": passkey.key,
        "authenticator_data": answer["authenticatorData"],
        "client_data": answer["clientDataJSON"],
        "signature": answer["signature"],
    }
    return evidence, verified.new_sign_count


def registered(
    name: str, credential: Mapping[str, Any], challenge: bytes, rp_id: str, origin: str
) -> Passkey:
    """A new key, checked.

    Raises:
        Wrong: the browser's answer does not fit.
    """
    try:
        verified = verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
        jwk_of(verified.credential_public_key)
    except (WebAuthnException, KeyError, TypeError, ValueError):
        text = Text(N_("This key cannot be taken. Try again, or take another device."))
        raise Wrong("unfit_key", text, "R4.2") from None
    return Passkey(
        id=bytes_to_base64url(verified.credential_id),
        name=name,
        cose=verified.credential_public_key,
        counter=verified.sign_count,
        rp_id=rp_id,
        origin=origin,
    )


def jwk_of(cose: bytes) -> dict[str, str]:
    """A WebAuthn key (COSE) as JWK (RFC 7517).

    Raises:
        ValueError: of a kind that `verify.py` cannot check.
    """
    found = decode_credential_public_key(cose)
    match found:
        case DecodedEC2PublicKey(crv=crv, x=x, y=y) if crv == _P256:
            return {"kty": "EC", "crv": "P-256", "x": bytes_to_base64url(x), "y": bytes_to_base64url(y)}
        case DecodedRSAPublicKey(n=n, e=e):
            return {"kty": "RSA", "n": bytes_to_base64url(n), "e": bytes_to_base64url(e)}
    raise ValueError("neither P-256 nor RSA")
