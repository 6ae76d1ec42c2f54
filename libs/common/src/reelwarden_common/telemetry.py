"""Traces, metrics and logs of one role. Nothing is global, so that several roles can share a process.

Labels are roles, event types and outcomes: never a school, camera or subject, whose number grows.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

VERSION = "0.1.0"
MAX_LINKS = 100
"""Senders whose traces one batch names; OpenTelemetry keeps 128."""
_W3C = TraceContextTextMapPropagator()
_OTLP = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Telemetry:
    """What a role counts and traces; `registry` is served at /metrics."""

    def __init__(self, role: str, provider: TracerProvider) -> None:
        self.role = role
        self.provider = provider
        self.tracer: Tracer = provider.get_tracer("reelwarden", VERSION)
        self.registry = CollectorRegistry()
        self.handled = Counter(
            "reelwarden_events_handled", "events by outcome", ["type", "outcome"], registry=self.registry
        )
        self.seconds = Histogram(
            "reelwarden_handling_seconds", "time to handle a batch", ["stream"], registry=self.registry
        )
        self.published = Counter("reelwarden_events_published", "events the bus took", registry=self.registry)
        self.pending = Gauge(
            "reelwarden_consumer_lag", "messages not yet handled", ["stream"], registry=self.registry
        )
        self.outbox = Gauge(
            "reelwarden_outbox_rows", "events not yet taken by the bus", registry=self.registry
        )

    @contextmanager
    def handling(self, what: str, *traceparents: str | None) -> Iterator[Span]:
        """A consumer span that continues the first sender's trace and links to the others'."""
        senders = [_W3C.extract({"traceparent": t}) if t else None for t in traceparents[:MAX_LINKS]]
        parent = senders[0] if senders else None
        links = [Link(trace.get_current_span(c).get_span_context()) for c in senders[1:] if c is not None]
        with self.tracer.start_as_current_span(
            what, context=parent, kind=SpanKind.CONSUMER, links=links
        ) as span:
            yield span

    @contextmanager
    def working(self, what: str) -> Iterator[Span]:
        """A span of work that a role does by itself: what it publishes then belongs to it."""
        with self.tracer.start_as_current_span(what) as span:
            yield span

    def shut_down(self) -> None:
        """Send what is still buffered."""
        self.provider.shutdown()


def make_telemetry(role: str, school: str | None = None) -> Telemetry:
    """Traces go by OTLP when its standard environment variables are set, else nowhere."""
    resource = Resource.create(
        {"service.name": f"reelwarden-{role}", "service.version": VERSION, "reelwarden.school": school or ""}
    )
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    if any(os.environ.get(name) for name in _OTLP):
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Telemetry(role, provider)


def current_traceparent() -> str | None:
    """The W3C header of the span at work, or None."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get("traceparent")


def _with_trace(_: object, __: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        entry["trace_id"] = f"{context.trace_id:032x}"
        entry["span_id"] = f"{context.span_id:016x}"
    return entry


def configure_logging(level: str = "INFO") -> None:
    """One JSON object a line on standard error, with trace ids; libraries' warnings included."""
    chain: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_trace,
    ]
    structlog.configure(
        processors=[
            *chain,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=chain,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def log(role: str) -> structlog.typing.FilteringBoundLogger:
    """A role's logger."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(role=role)
    return logger
