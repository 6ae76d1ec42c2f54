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
    deposit_minutes: float = Field(default=60, gt=0)
    """How often the newest checkpoints go under object lock, where `RW_S3_…` names a store."""
    deposit_days: float = Field(default=1096, gt=0)
    """How long nobody can delete them there (PIPL art. 56: at least 3 years)."""
    timestamp_url: str = ""
    """Of a time-stamp authority (RFC 3161) that stamps each school's newest checkpoint; empty: none."""
    timestamp_roots: Path | None = None
    """Its root certificates (PEM): with them each answer is checked before it is kept."""
    timestamp_hours: float = Field(default=24, gt=0)
    ingest_quiet_minutes: float = Field(default=15, gt=0)
    """So long after an hour, and after the last word about its footage, the hour is written into the log."""
