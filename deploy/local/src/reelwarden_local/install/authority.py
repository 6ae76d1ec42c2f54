"""The district's own certificate authority: vouches for the hub towards roles, operators and schools.

Small on purpose: one authority, server certificates with a name and a year. A district that has an
authority of its own puts its files in place of these.
"""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from reelwarden_common.errors import Refused
from reelwarden_local.servers.state import write_private

AUTHORITY_DAYS = 3650
SERVER_DAYS = 397
"""What public authorities give at most (CA/Browser Forum baseline requirements, 6.3.2)."""
_SKEW = timedelta(hours=1)


class BadAuthorityFiles(Refused):
    """The authority's files are not what they should be."""


def make_authority(folder: Path, name: str) -> None:
    """Make `ca.pem` and `ca-key.pem` (0600), unless they are there."""
    if (folder / "ca.pem").exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(folder / "ca-key.pem", _private_pem(key))
    (folder / "ca.pem").write_bytes(made.public_bytes(Encoding.PEM))


def certify(folder: Path, server: str, names: Sequence[str]) -> None:
    """Make `<server>.pem` and `<server>-key.pem` (0600) for these host names or addresses, in place of older.

    Raises:
        BadAuthorityFiles: the authority's key is not there or unreadable.
    """
    try:
        authority = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        signer = load_pem_private_key((folder / "ca-key.pem").read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise BadAuthorityFiles(f"{folder}: no authority to sign with: {error}") from error
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise BadAuthorityFiles(f"{folder / 'ca-key.pem'} is no key of ours (ECDSA)")
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + timedelta(days=SERVER_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(
            # Servers of one cluster show it to each other, each being the other's client.
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    write_private(folder / f"{server}-key.pem", _private_pem(key))
    (folder / f"{server}.pem").write_bytes(made.public_bytes(Encoding.PEM))


def expires(certificate: Path) -> datetime:
    """When a certificate (PEM) ends.

    Raises:
        BadAuthorityFiles: it is none.
    """
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        raise BadAuthorityFiles(f"{certificate} is no certificate: {error}") from error


def _private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
