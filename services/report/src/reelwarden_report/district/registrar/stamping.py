"""A time stamp a day of each school's newest checkpoint, by an authority that is nobody's here (RFC 3161)."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimeStampRequest,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from reelwarden_common.errors import Refused, Transient
from reelwarden_common.messaging.postgres import PgUnits
from reelwarden_common.telemetry import log
from reelwarden_report.district.registrar.store import RegistrarStore

SECONDS = 20.0
LARGEST = 256 * 1024
"""Bytes of an answer, certificates included."""


class AuthorityAway(Transient):
    """The time-stamp authority does not answer; it is asked again at the next turn."""


class BadStamp(Refused):
    """What the authority answered is no time stamp of what it was sent: it is not kept."""


@dataclass(frozen=True)
class Authority:
    """Where time stamps come from."""

    url: str
    roots: tuple[Certificate, ...] = ()
    """By which its answers are checked before they are kept; without any, only what they are about is."""

    @classmethod
    def of(cls, url: str, roots: Path | None) -> "Authority":
        """With the certificates of a PEM file.

        Raises:
            OSError, ValueError: it cannot be read.
        """
        return cls(url, tuple(load_pem_x509_certificates(roots.read_bytes())) if roots else ())

    async def stamp(self, content: bytes) -> bytes:
        """A time stamp of the content: DER (RFC 3161, TimeStampResp).

        Raises:
            AuthorityAway, BadStamp: see there.
        """
        request = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256).build()
        headers = {"content-type": "application/timestamp-query"}
        try:
            async with httpx.AsyncClient(timeout=SECONDS) as http:
                answer = await http.post(self.url, content=request.as_bytes(), headers=headers)
        except httpx.HTTPError as error:
            text = f"{self.url}: {error or type(error).__name__}"
            raise AuthorityAway(text) from error
        if answer.status_code != httpx.codes.OK or len(answer.content) > LARGEST:
            text = f"{self.url} answers {answer.status_code}, {len(answer.content)} bytes"
            raise AuthorityAway(text)
        self._check(request, answer.content, content)
        return answer.content

    def _check(self, request: TimeStampRequest, answer: bytes, content: bytes) -> None:
        try:
            stamp = decode_timestamp_response(answer)
            granted = PKIStatus(stamp.status) is PKIStatus.GRANTED
            told = stamp.tst_info if granted else None
            if told is None:
                raise BadStamp(f"{self.url} refused: {stamp.status_string}")
            ours = told.message_imprint.message == hashlib.sha256(content).digest()
            if not ours or told.nonce != request.nonce:
                raise BadStamp(f"{self.url} stamped something else than it was sent")
            if self.roots:
                builder = VerifierBuilder.from_request(request)
                for root in self.roots:
                    builder = builder.add_root_certificate(root)
                builder.build().verify_message(stamp, content)
        except (ValueError, VerificationError) as error:
            text = f"{self.url} answers what is no time stamp: {error}"
            raise BadStamp(text) from error


class Stamps:
    """Has each school's newest checkpoint stamped, once in a while."""

    def __init__(self, units: PgUnits[RegistrarStore], authority: Authority, every: timedelta) -> None:
        self._units = units
        self._authority = authority
        self._every = every

    async def turn(self) -> None:
        """Ask for what is due. An authority that is away is told of, and asked again at the next turn.

        Raises:
            AuthorityAway, BadStamp: the others wait, since it is the same for all.
        """
        async with self._units.begin() as store:
            due = await store.stamps.due(store.clock() - self._every)
        for one in due:
            try:
                stamp = await self._authority.stamp(one[2].encode())
            except (AuthorityAway, BadStamp) as error:
                log("registrar").warning("not_stamped", school=one[0], error=str(error), waiting=len(due))
                raise
            async with self._units.begin() as store:
                await store.stamps.keep(one, stamp, store.clock())
