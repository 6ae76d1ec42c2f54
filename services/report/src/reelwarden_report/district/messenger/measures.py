"""What operators watch of the messenger: what arrives, what does not, what waits."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Measures:
    """Counters by channel and outcome, never by receiver."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.attempts = Counter(
            "reelwarden_deliveries",
            "attempts to deliver a message, by outcome: done, later, given-up",
            ["channel", "outcome"],
            registry=registry,
        )
        self.waiting = Gauge("reelwarden_deliveries_waiting", "messages on their way", registry=registry)
