"""What the ledger counts for Prometheus; no label grows with schools or cameras."""

from prometheus_client import CollectorRegistry, Counter


class Measures:
    """Counters of reading back."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.read = Counter(
            "reelwarden_backup_readings", "objects read back, by outcome", ["outcome"], registry=registry
        )
        self.bytes = Counter("reelwarden_backup_verified_bytes", "bytes found right", registry=registry)
