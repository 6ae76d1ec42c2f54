"""Logs that machines read, traces that leave by OTLP when asked, nothing shared between roles."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from reelwarden_common.telemetry import configure_logging, current_traceparent, log, make_telemetry
from tests.support.roles import traced


@contextmanager
def logging_of_a_role() -> Iterator[None]:
    """Logging as a role's process has it, undone afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging("INFO")
    try:
        yield
    finally:
        structlog.reset_defaults()
        root.handlers[:] = handlers
        root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_of_the_log_is_one_object_with_the_trace_at_work(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry, _ = traced("keeper")
    with logging_of_a_role():
        with telemetry.working("planning") as span:
            log("keeper").info("plan_issued", school="s001", name="第一小学")
            log("keeper").debug("too much")
        log("keeper").info("outside")
    inside, outside = lines(capsys)
    assert inside["event"] == "plan_issued"
    assert (inside["role"], inside["level"], inside["name"]) == ("keeper", "info", "第一小学")
    assert inside["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert "trace_id" not in outside


def test_an_exception_stays_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_of_a_role():
        try:
            os.environ["RW_NEVER_SET"]
        except KeyError:
            log("keeper").exception("loop_failed")
    (line,) = lines(capsys)
    assert "KeyError: 'RW_NEVER_SET'" in line["exception"]


def test_libraries_warn_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_of_a_role():
        logging.getLogger("some.library").warning("beware %s", "now")
        logging.getLogger("some.library").info("too much")
    (line,) = lines(capsys)
    assert (line["event"], line["level"]) == ("beware now", "warning")


def test_traces_leave_only_when_told_where_to(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    assert not make_telemetry("keeper").provider._active_span_processor._span_processors
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    telemetry = make_telemetry("keeper", "s001")
    (processor,) = telemetry.provider._active_span_processor._span_processors
    assert isinstance(processor, BatchSpanProcessor)
    attributes = telemetry.provider.resource.attributes
    assert (attributes["service.name"], attributes["reelwarden.school"]) == ("reelwarden-keeper", "s001")
    telemetry.shut_down()


def test_roles_in_one_process_count_apart() -> None:
    scanner, _ = traced("scanner")
    reaper, _ = traced("reaper")
    scanner.published.inc(3)
    assert scanner.registry.get_sample_value("reelwarden_events_published_total") == 3
    assert reaper.registry.get_sample_value("reelwarden_events_published_total") == 0


def test_without_work_there_is_no_trace() -> None:
    assert current_traceparent() is None


@pytest.mark.parametrize(
    "hostile", ["", "nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "00-" + "é" * 40]
)
def test_a_bad_traceparent_begins_a_trace_of_its_own(hostile: str) -> None:
    telemetry, spans = traced("keeper")
    with telemetry.handling("handle x", hostile, hostile):
        pass
    (span,) = spans.get_finished_spans()
    assert span.parent is None
    assert span.context.trace_id
