"""What the forms allow fits into what the bus takes: also the fullest list, with long paths."""

import json
from typing import Any

import pytest

from reelwarden_common import events
from reelwarden_common.contracts.example import example_of
from reelwarden_common.contracts.forms import Form, form_of, question_form, schema_of
from reelwarden_common.envelope import MAX_BODY
from reelwarden_common.events.base import Event
from reelwarden_common.events.ingest import Segment, SegmentsAnswer
from reelwarden_common.messaging.declare import MAX_MESSAGE
from reelwarden_common.messaging.questions import HEADROOM
from reelwarden_common.messaging.topology import SCANNER_SEGMENTS
from reelwarden_ingest.district.index import queries
from reelwarden_ingest.site.scanner import handlers

HUB_PAYLOAD = 1024 * 1024
LEAF_PAYLOAD = 256 * 1024
LONG_PATH = "frigate/recordings/2026-03-02/08/门厅东侧二号摄像机/00.00.mp4"


def fullest(form: Form) -> int:
    """Bytes of a body in which every list of the first level is as long as it may be."""
    schema = schema_of(form)
    body = example_of(form, schema)
    for name, part in schema["properties"].items():
        if part.get("type") == "array" and "maxItems" in part:
            body[name] = body[name] * part["maxItems"]
    return len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


@pytest.mark.parametrize("kind", events.ALL, ids=lambda kind: kind.SUBJECT)
def test_the_fullest_event_fits(kind: type[Event]) -> None:
    assert fullest(form_of(kind)) < MAX_BODY


@pytest.mark.parametrize(
    ("most", "takes"),
    [(handlers.SEGMENTS_AN_ANSWER, LEAF_PAYLOAD), (queries.SEGMENTS_AN_ANSWER, HUB_PAYLOAD)],
    ids=["scanner", "index"],
)
def test_the_fullest_answer_about_segments_fits(most: int, takes: int) -> None:
    form = Form("segment", Segment)
    example: Any = example_of(form, schema_of(form))
    one = Segment.model_validate({**example, "locator": LONG_PATH})
    answer = SegmentsAnswer(segments=(one,) * most, complete_to=one.end)
    assert len(answer.model_dump_json().encode()) < takes - HEADROOM


def test_a_question_is_small() -> None:
    assert fullest(question_form(SCANNER_SEGMENTS)) < MAX_MESSAGE / 100
