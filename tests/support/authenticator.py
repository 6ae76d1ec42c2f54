"""A security key in software: makes WebAuthn registrations and assertions as devices do."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from webauthn.helpers import bytes_to_base64url

from reelwarden_access.verify import statement

PRESENT_VERIFIED, ATTESTED = 0b101, 0b1000000


@dataclass
class SecurityKey:
    """One key at one site."""

    origin: str
    rp_id: str
    private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    counter: int = 0
    flags: int = PRESENT_VERIFIED

    @property
    def id(self) -> bytes:
        """Of the credential."""
        return hashlib.sha256(self.cose()).digest()

    def register(self, challenge: str) -> dict[str, Any]:
        """What the browser answers to a registration (challenge in base64url)."""
        data = self._data(ATTESTED) + bytes(16) + len(self.id).to_bytes(2, "big") + self.id + self.cose()
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", challenge)
        return self._credential(attestationObject=attestation, clientDataJSON=client)

    def sign(self, nonce: str, act: str, digest: str, opinion: str = "") -> str:
        """What a page's script sends for a signature."""
        challenge = hashlib.sha256(statement(act, digest, opinion, nonce)).digest()
        self.counter += 1
        client, data = self._client("webauthn.get", bytes_to_base64url(challenge)), self._data()
        message = data + hashlib.sha256(client).digest()
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            signature = self.private.sign(message, ec.ECDSA(hashes.SHA256()))
        else:
            signature = self.private.sign(message, padding.PKCS1v15(), hashes.SHA256())
        answer = self._credential(authenticatorData=data, clientDataJSON=client, signature=signature)
        return json.dumps({"nonce": nonce, "credential": answer})

    def cose(self) -> bytes:
        """The public key as it is registered."""
        public = self.private.public_key()
        if isinstance(public, ec.EllipticCurvePublicKey):
            at = public.public_numbers()
            return cbor2.dumps(
                {1: 2, 3: -7, -1: 1, -2: at.x.to_bytes(32, "big"), -3: at.y.to_bytes(32, "big")}
            )
        numbers = public.public_numbers()
        return cbor2.dumps(
            {1: 3, 3: -257, -1: numbers.n.to_bytes(256, "big"), -2: numbers.e.to_bytes(3, "big")}
        )

    def _data(self, more: int = 0) -> bytes:
        rp = hashlib.sha256(self.rp_id.encode()).digest()
        return rp + bytes([self.flags | more]) + self.counter.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _credential(self, **response: bytes) -> dict[str, Any]:
        name = bytes_to_base64url(self.id)
        parts = {part: bytes_to_base64url(value) for part, value in response.items()}
        return {"id": name, "rawId": name, "type": "public-key", "response": parts}
