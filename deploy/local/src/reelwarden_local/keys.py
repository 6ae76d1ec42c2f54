"""Signing keys of the embedded district: made once, kept 0600, public halves handed to those who check."""

from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reelwarden_local.servers.state import write_private

_DISTRICT_KEYS = {"keeper": "RW_KEEPER_KEY", "desk": "RW_DESK_KEY", "registrar": "RW_REGISTRAR_KEY"}


def make_key(path: Path) -> Path:
    """Make an Ed25519 key (PKCS 8 PEM, 0600) and its public half beside it, unless it is there."""
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".pub.pem").write_bytes(public)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(path, private.decode())
    return path


class Keys:
    """All keys below one folder."""

    def __init__(self, folder: Path, schools: Sequence[str]) -> None:
        self.folder = folder
        names = [*_DISTRICT_KEYS, *(f"notary-{school}" for school in schools)]
        self._paths = {name: make_key(folder / f"{name}.pem") for name in names}

    def private(self, name: str) -> Path:
        """The PEM file of a key."""
        return self._paths[name]

    def public(self, name: str) -> Path:
        """The PEM file of its public half."""
        return self._paths[name].with_suffix(".pub.pem")

    def district_settings(self, role: str) -> dict[str, str]:
        """Which key a district role signs with."""
        variable = _DISTRICT_KEYS.get(role)
        return {variable: str(self.private(role))} if variable else {}

    def site_settings(self, school: str) -> dict[str, str]:
        """A school's notary signs with its own key; its reaper believes the keeper's."""
        return {
            "RW_NOTARY_KEY": str(self.private(f"notary-{school}")),
            "RW_KEEPER_PUBLIC_KEY": str(self.public("keeper")),
        }
