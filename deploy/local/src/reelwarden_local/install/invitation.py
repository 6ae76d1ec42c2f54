"""What passes between a district and a school that is let in: an invitation, a request, an answer.

An invitation is used once and ends by itself. The school's private keys are made at the school and never
leave it; what it sends are their public halves.
"""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from reelwarden_common.errors import Refused
from reelwarden_common.messaging.login import is_public_key
from reelwarden_local.words import Words

_MARK = "RW1."


class NotInvited(Refused):
    """The text is no invitation, or it is over."""


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Invitation(_Form):
    """What the district hands to a school, on paper or by a safe way: whoever has it may come as it."""

    school: str
    hubs: tuple[str, ...]
    """`tls://host:port` of the hub's servers for clients."""
    authority: str
    """PEM: who vouches for them."""
    seed: str = Field(repr=False)
    """Of a NATS user that can ask to be let in, and nothing else."""
    until: AwareDatetime

    def text(self) -> str:
        """As one line."""
        return _MARK + base64.urlsafe_b64encode(self.model_dump_json().encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, now: datetime | None = None) -> Self:
        """Read the line.

        Raises:
            NotInvited: it is none, was copied in part, or is over.
        """
        line = "".join(text.split())
        try:
            body = line.removeprefix(_MARK)
            raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
            found = cls.model_validate_json(raw)
        except (binascii.Error, ValueError, ValidationError) as error:
            raise NotInvited(
                Words(
                    f"这不是完整的邀请码：它以 {_MARK} 开头，只有一行，请完整复制。",
                    f"this is no whole invitation: it begins with {_MARK} and is one line; copy all of it.",
                )
            ) from error
        if not line.startswith(_MARK) or found.until <= (now or datetime.now(UTC)):
            raise NotInvited(
                Words(
                    f"学校 {found.school} 的邀请码已于 {found.until:%Y-%m-%d %H:%M %Z} 失效：请学区重发。",
                    f"the invitation of {found.school} ended at {found.until:%Y-%m-%d %H:%M %Z}: "
                    "ask the district for a new one.",
                )
            )
        return found


def _users_key(text: str) -> str:
    if not is_public_key(text):
        raise ValueError("no public key of a NATS user")
    return text


class Request(_Form):
    """What the school says when it comes."""

    school: str
    uplink: Annotated[str, AfterValidator(_users_key)]
    """Public key with which its server will enter the hub."""
    notary: str = Field(max_length=300)
    """C2SP verifier key of its custody log."""
    version: str = Field(default="", max_length=40)


class StoreAccess(_Form):
    """A school's way into the S3 store."""

    endpoint: str
    secure: bool
    access_key: str
    secret_key: str = Field(repr=False)


class Answer(_Form):
    """What the district says to it: a refusal, or all that the school needs."""

    refusal: tuple[str, str] | None = None
    """Chinese and English."""
    now: AwareDatetime
    """The district's clock."""
    leaves: tuple[str, ...] = ()
    """`host:port` of the hub's servers for schools."""
    district_toml: str = ""
    """The district's file as far as it concerns this school; no people."""
    keeper_keys: str = ""
    """PEM: whose plans to believe."""
    registrar: str = ""
    """C2SP verifier key of the district's log of this school."""
    store: StoreAccess | None = None

    def line(self) -> bytes:
        """As it travels."""
        return self.model_dump_json().encode()


def refused(zh: str, en: str) -> Answer:
    """An answer that lets nobody in."""
    return Answer(refusal=(zh, en), now=datetime.now(UTC))


def read_request(body: bytes) -> Request:
    """Read what a school says.

    Raises:
        NotInvited: it is not in form.
    """
    try:
        return Request.model_validate(json.loads(body))
    except (ValueError, ValidationError) as error:
        raise NotInvited(f"not in form: {error}") from error
