"""The second factor: codes of an authenticator app (TOTP, RFC 6238) and recovery codes, as pure functions."""

import base64
import hashlib
import secrets
from datetime import datetime

import pyotp
import segno
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from reelwarden_common.errors import Refused

STEP_SECONDS = 30
DRIFT = 1
"""Steps that a phone's clock may be off, before and after."""
RECOVERY_CODES = 10
_RECOVERY_BYTES = 10
_NONCE_BYTES = 12


class Sealed:
    """Secrets at rest: AES-256-GCM, bound to the person, so that no row can be put in another's place.

    Args:
        key: From the settings; the cipher's key is derived from it.
    """

    def __init__(self, key: str) -> None:
        derived = HKDF(SHA256(), 32, None, b"reelwarden.second-factor.v1").derive(key.encode())
        self._cipher = AESGCM(derived)

    def seal(self, actor: str, secret: str) -> bytes:
        """For the database."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), actor.encode())

    def opened(self, actor: str, sealed: bytes) -> str:
        """The secret again.

        Raises:
            Refused: it was sealed with another key, or for somebody else.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], actor.encode()).decode()
        except InvalidTag as error:
            message = "RW_SECOND_FACTOR_KEY: a second factor was sealed with another key"
            raise Refused(message) from error


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step of which this is the code; None if it is of none that is near enough."""
    digits = code.strip().replace(" ", "")
    here = int(now.timestamp()) // STEP_SECONDS
    totp = pyotp.TOTP(secret)
    for step in range(here - DRIFT, here + DRIFT + 1):
        if secrets.compare_digest(totp.at(step * STEP_SECONDS).encode(), digits.encode()):
            return step
    return None


def picture(secret: str, account: str) -> str:
    """What the authenticator app takes a photo of, as inline SVG."""
    uri = pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name="Reelwarden")
    drawn: str = segno.make(uri, error="m").svg_inline(scale=5, border=4, light="#fff", svgclass="qr")
    return drawn


def recovery_codes() -> list[str]:
    """Ten codes of 80 bits: each lets somebody in once who has lost the phone."""
    made = [base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES)]
    return ["-".join(code[at : at + 4] for at in range(0, len(code), 4)).lower() for code in made]


def digest_of_recovery(actor: str, code: str) -> str:
    """How a recovery code stands in the database; 80 random bits need no slow hash."""
    plain = code.strip().lower().replace("-", "").replace(" ", "")
    return hashlib.sha256(f"{actor}:{plain}".encode()).hexdigest()
