"""The envelope: the subject is believed, everything else is checked."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from reelwarden_common.envelope import MAX_BODY, Malformed, decode, encode, parse_subject
from reelwarden_common.events.base import Instant
from reelwarden_common.events.ingest import DayDiffers, StorageMeasured
from reelwarden_common.events.report import MessageRefused

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
EVENT = DayDiffers(camera="gate", day="2026-03-02")
GOOD = encode(EVENT, school="s001", role="index", event_id="e-1", time=NOW)


def test_the_headers_are_those_of_cloudevents_in_binary_mode() -> None:
    beijing = timezone(timedelta(hours=8))
    message = encode(EVENT, school="s001", role="index", event_id="e-1", time=NOW.astimezone(beijing))
    assert message.subject == "rw.s001.index.day.differs"
    assert message.headers == {
        "ce-specversion": "1.0",
        "ce-id": "e-1",
        "ce-type": "reelwarden.index.day.differs.v1",
        "ce-source": "/s001/index",
        "ce-time": "2026-03-02T08:00:00Z",
        "content-type": "application/json",
        "Nats-Msg-Id": "e-1",
    }
    assert message.body == b'{"camera":"gate","day":"2026-03-02"}'


def test_a_role_may_say_its_own_events_and_those_of_all() -> None:
    with pytest.raises(Malformed, match=r"index may not publish .* it belongs to scanner"):
        encode(StorageMeasured(total=1, free=1), school="s001", role="index", event_id="e", time=NOW)
    refused = MessageRefused(subject_of="x", event="x", reason="x", detail="x")
    message = encode(refused, school="s001", role="index", event_id="e", time=NOW)
    assert message.subject == "rw.s001.index.message.refused"
    assert decode(message.subject, message.headers, message.body)[1].role == "index"


@pytest.mark.parametrize("school", ["*", "S1 .x", "a.b", ""])
def test_what_no_bus_would_take_is_refused_where_it_is_said(school: str) -> None:
    with pytest.raises(Malformed, match=r"is not rw\.<school>"):
        encode(EVENT, school=school, role="index", event_id="e", time=NOW)


def test_what_is_too_large_is_refused_where_it_is_said() -> None:
    large = DayDiffers.model_construct(camera="g" * MAX_BODY, day="2026-03-02")
    with pytest.raises(Malformed, match="send fewer items"):
        encode(large, school="s001", role="index", event_id="e", time=NOW)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"subject": "rw.s001.index.day"}, "is not rw.<school>"),
        ({"subject": "rw.S001.index.day.differs"}, "is not rw.<school>"),
        ({"subject": "rw.s001.index.day.differs\n"}, "is not rw.<school>"),
        ({"subject": "rw.s001.keeper.day.differs"}, "does not belong there"),
        ({"subject": "rw.s001.index.day.counted"}, "does not belong there"),
        ({"headers": None}, "unknown event type or version '\\(none\\)'"),
        ({"ce-type": "reelwarden.index.day.differs.v2"}, "unknown event type or version"),
        ({"ce-id": ""}, "printable ASCII"),
        ({"ce-id": "e\x00"}, "printable ASCII"),
        ({"ce-id": None}, "'ce-id' is missing"),
        ({"ce-time": None}, "'ce-time' is missing"),
        ({"ce-time": "2026-03-02T08:00:00"}, "ce-time a zone"),
        ({"body": b"[]"}, "is invalid at body"),
        ({"body": b'{"camera": "../etc", "day": "2026-03-02"}'}, "is invalid at camera"),
        ({"body": b" " * (MAX_BODY + 1)}, "at most"),
    ],
)
def test_a_bad_message_is_refused_with_its_reason(change: dict[str, Any], told: str) -> None:
    subject = change.pop("subject", GOOD.subject)
    body = change.pop("body", GOOD.body)
    if change == {"headers": None}:
        headers = None
    else:
        headers = {k: v for k, v in {**GOOD.headers, **change}.items() if v is not None}
    with pytest.raises(Malformed, match=told):
        decode(subject, headers, body)


@given(
    st.text(max_size=60), st.dictionaries(st.text(max_size=12), st.text(max_size=30)), st.binary(max_size=200)
)
def test_nothing_but_a_refusal_comes_of_noise(subject: str, headers: dict[str, str], body: bytes) -> None:
    for tried, fields in ((subject, headers), (GOOD.subject, {**GOOD.headers, **headers})):
        try:
            event, _ = decode(tried, fields, body)
        except Malformed:
            continue
        assert isinstance(event, DayDiffers)


@given(st.lists(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,10}", fullmatch=True), min_size=4, max_size=4))
def test_a_subject_comes_apart_as_it_was_put_together(tokens: list[str]) -> None:
    school, role, entity, fact = tokens
    assert parse_subject(".".join(["rw", *tokens])) == (school, role, f"{entity}.{fact}")


MOMENT = TypeAdapter(Instant)
zones = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
    lambda t: timezone(timedelta(minutes=t // timedelta(minutes=1)))
)


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=zones), st.sampled_from("T t_ "))  # noqa: DTZ001
def test_a_moment_is_read_in_utc_however_it_is_written(moment: datetime, between: str) -> None:
    read = MOMENT.validate_json(f'"{moment.isoformat(between)}"')
    assert read == moment
    assert read.tzinfo is UTC
    assert MOMENT.validate_json(MOMENT.dump_json(moment)) == MOMENT.validate_python(moment) == moment


@pytest.mark.parametrize(
    "text", ['"2026-03-02T08:00:00"', '"2026-03-02"', '"yesterday"', "[]", "{}", "true", "null", '"\\u0000"']
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        MOMENT.validate_json(text)


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-10:00", "0001-01-01T00:00:00+10:00"])
def test_a_moment_beyond_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="outside the years 1 to 9999"):
        MOMENT.validate_json(f'"{text}"')
    with pytest.raises(ValidationError, match="outside the years 1 to 9999"):
        MOMENT.validate_python(datetime.fromisoformat(text))
