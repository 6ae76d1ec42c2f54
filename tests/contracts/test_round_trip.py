"""Any event comes out of its envelope as it went in, however new the sender."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelwarden_common import events
from reelwarden_common.contracts.forms import all_forms, form_of
from reelwarden_common.envelope import decode, encode
from reelwarden_common.events.base import Event
from reelwarden_common.messaging.topology import speakers
from tests.contracts.strategies import bodies

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
SOME_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
few = settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.parametrize("kind", events.ALL, ids=lambda kind: kind.SUBJECT)
def test_any_event_comes_out_as_it_went_in(kind: type[Event]) -> None:
    role = speakers(kind)[0].name

    @few
    @given(bodies(form_of(kind)))
    def goes_round(body: Any) -> None:
        event = kind.model_validate_json(json.dumps(body))
        message = encode(event, school="s001", role=role, event_id="e-1", time=NOW, traceparent="00-a-b-01")
        again, envelope = decode(message.subject, message.headers, message.body)
        assert again == event
        assert (envelope.id, envelope.school, envelope.role) == ("e-1", "s001", role)
        assert (envelope.time, envelope.type) == (NOW, kind.ce_type())
        assert envelope.traceparent == "00-a-b-01"

    goes_round()


@pytest.mark.parametrize("form", all_forms(), ids=lambda form: form.name)
def test_what_a_newer_sender_adds_is_ignored(form: Any) -> None:
    @few
    @given(bodies(form), SOME_JSON)
    def reads_the_rest(body: Any, added: Any) -> None:
        plain = form.model.model_validate_json(json.dumps(body))
        newer = form.model.model_validate_json(json.dumps({**body, "added_in_a_later_release": added}))
        assert newer == plain

    reads_the_rest()
