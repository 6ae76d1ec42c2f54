"""What the notary is told from outside."""

from pathlib import Path

from pydantic import Field

from reelwarden_common.settings import SiteSettings


class Settings(SiteSettings):
    """Settings of the school's notary."""

    notary_key: Path | None = None
    """Its Ed25519 private key (PEM); made 0600 in the state folder where not given."""
    registrar_public_key: str = ""
    """The registrar's C2SP verifier key for this school; where not given, the first one seen is pinned."""
    checkpoint_seconds: float = Field(default=300, gt=0)
    ingest_quiet_minutes: float = Field(default=15, gt=0)
    """So long after an hour, and after the last word about its footage, the hour is written into the log."""
    alive_seconds: float = Field(default=60, gt=0)

    @property
    def key_path(self) -> Path:
        """Where the private key lies."""
        return self.notary_key or self.state_dir / "notary.pem"

    @property
    def database(self) -> Path:
        """The custody log's file."""
        return self.state_dir / "notary.sqlite"
