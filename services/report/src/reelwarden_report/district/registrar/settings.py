"""What the registrar is told from outside."""

from pathlib import Path

from pydantic import Field

from reelwarden_common.settings import DistrictSettings


class Settings(DistrictSettings):
    """Settings of the district's registrar; all replicas share one key."""

    registrar_key: Path = Path("registrar.pem")
    """Its Ed25519 private key (PEM); made 0600 where none is."""
    notary_public_keys: dict[str, str] = Field(default_factory=dict)
    """Per school the notary's C2SP verifier key; where not given, the first one seen is pinned."""
    checkpoint_seconds: float = Field(default=300, gt=0)
    ingest_quiet_minutes: float = Field(default=15, gt=0)
    """So long after an hour, and after the last word about its footage, the hour is written into the log."""
