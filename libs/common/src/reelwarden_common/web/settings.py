"""What roles with pages are told from outside, beside what every district role is."""

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from reelwarden_common.settings import DistrictSettings


def is_safe_address(address: str) -> bool:
    """Whether secrets may be sent there: https, or this machine itself."""
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return True
    try:
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.scheme == "http" and parts.hostname == "localhost"


def _safe(address: str) -> str:
    if address and not is_safe_address(address):
        raise ValueError("must be an https:// address (http only for this machine itself)")
    return address


class WebSettings(DistrictSettings):
    """Sessions and links between the pages."""

    session_key: SecretStr = Field(min_length=32)
    """Signs the sessions. The same at every role with pages: who signed in at one is known to all."""
    session_hours: float = Field(default=8, gt=0, le=24)
    session_idle_minutes: float = Field(default=30, gt=0, le=1440)
    """A session in which nobody was there for so long is over; pages that renew themselves do not count."""
    desk_url: str = ""
    """Where browsers reach the desk; shown as a link on the other pages when given."""
    dashboard_url: str = ""
    oidc_issuer: Annotated[str, AfterValidator(_safe)] = ""
    """The district's sign-in service (OpenID Connect Discovery 1.0); empty: local accounts only."""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    """Empty: a public client, with PKCE alone."""
    oidc_scopes: str = "openid profile"
