"""What the scanner counts for its operators; labels are few and fixed."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

from reelwarden_common.telemetry import Telemetry
from reelwarden_ingest.site.scanner.domain import Found


class Measures:
    """Counters in the role's registry, and the span in which its events begin their trace."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        registry = telemetry.registry
        self._files = Counter("reelwarden_files", "files examined, by result", ["result"], registry=registry)
        self._bytes = Counter("reelwarden_file_bytes", "bytes read and hashed", registry=registry)
        self._seconds = Histogram(
            "reelwarden_segment_seconds",
            "from when the closing rule held to the committed row",
            registry=registry,
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 60, 600),
        )
        self.waiting = Gauge("reelwarden_files_waiting", "files not catalogued yet", registry=registry)

    @contextmanager
    def entering(self, files: int) -> Iterator[None]:
        """The span that goes on at whoever hears of the segments."""
        with self._telemetry.tracer.start_as_current_span("enter files", attributes={"files": files}):
            yield

    def entered(self, found: Found, seconds: float) -> None:
        """A file is in the catalogue, this long after it was closed."""
        self._files.labels("segment" if found.rejection is None else found.rejection.reason).inc()
        self._bytes.inc(found.signature.size)
        self._seconds.observe(seconds)
