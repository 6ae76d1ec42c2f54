"""What the replicator counts for Prometheus; no label grows with schools or cameras."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Measures:
    """Counters and gauges of copying."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.stored = Counter("reelwarden_backup_stored_bytes", "bytes copied", registry=registry)
        self.failed = Counter(
            "reelwarden_backup_failures", "files that could not be copied", registry=registry
        )
        self.erased = Counter("reelwarden_backup_erased", "copies erased", registry=registry)
        self.backlog = Gauge("reelwarden_backup_backlog_segments", "segments to be copied", registry=registry)
        self.backlog_bytes = Gauge("reelwarden_backup_backlog_bytes", "bytes to be copied", registry=registry)
        self.away = Gauge(
            "reelwarden_backup_store_away", "1 while the store does not answer", registry=registry
        )
