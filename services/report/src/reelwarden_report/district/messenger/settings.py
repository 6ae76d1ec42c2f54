"""What the messenger is told from outside."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from reelwarden_common.settings import DistrictSettings


class Settings(DistrictSettings):
    """Settings of the messenger; replicas have the same."""

    session_key: SecretStr = Field(min_length=32)
    """The one of desk and dashboard: by it the desk says who left, without a name."""
    smtp_host: str = ""
    """The mail server; without one nobody gets mail."""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    """`none` only for a server on this very machine."""
    smtp_ca_file: Path | None = None
    """Certificates that the mail server's is checked against; the system's, if not given."""
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_sender: str = "reelwarden@localhost"
    desk_url: str = ""
    dashboard_url: str = ""
    """Where the links in messages lead."""
    webhook_private: bool = False
    """Webhooks may lead into own networks, and without TLS."""
    gather_seconds: float = Field(default=20, ge=0)
    """So long what is to be told at once waits for more of it."""
    pause_seconds: float = Field(default=300, ge=0)
    """At least so long between two messages to one person or chat."""
    send_seconds: float = Field(default=1, gt=0)
    """How often it looks for what is to be sent."""
    retry_seconds: float = Field(default=10, gt=0)
    """Before the second attempt; each further wait is twice as long, up to six hours."""
    attempts: int = Field(default=16, ge=1)
    """After so many a message is given up: about 29 hours."""
