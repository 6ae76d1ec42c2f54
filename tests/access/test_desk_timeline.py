"""The timeline says what exists, is missing, expires; what is unknown is never drawn as footage."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from reelwarden_access.district.desk.timeline import Kind, line, stretches, window
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.ingest import CameraCoverage
from reelwarden_common.period import KeepPeriod
from tests.support.desk import PASSWORD, DeskHouse

ZONE = "Asia/Shanghai"
PERIOD = KeepPeriod(30, timedelta(hours=12), ZONE)
NOW = datetime(2026, 4, 20, 4, tzinfo=UTC)


def local(day: int, hour: int = 0, month: int = 4) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=ZoneInfo(ZONE))


def coverage(*gaps: tuple[datetime, datetime]) -> CameraCoverage:
    spans = tuple(CameraSpan(camera="gate", start=start, end=end) for start, end in gaps)
    return CameraCoverage(camera="gate", recorded_ms=60_000, gaps=spans, first=None, last=None, segments=1)


def test_a_span_is_shown_with_its_whole_days() -> None:
    shown = window(local(18, 8), local(19, 9), NOW, 30, ZONE)
    assert (shown.start, shown.end) == (local(18), local(20))
    assert (shown.at(local(19)), shown.at(local(1)), shown.at(local(28))) == (500.0, 0.0, 1000.0)
    to_midnight = window(local(18, 8), local(19), NOW, 30, ZONE)
    assert to_midnight.end == local(19)
    assert window(None, None, NOW, 30, ZONE).start == local(21, month=3)
    assert window(local(1), local(30, month=12), NOW, 30, ZONE).end == local(1) + timedelta(days=40)
    backwards = window(local(19), local(18), NOW, 30, ZONE)
    assert (backwards.start, backwards.end) == (local(19), local(20))


def test_gaps_footage_and_what_is_still_to_come() -> None:
    shown = window(local(20), local(20, 23), NOW, 30, ZONE)
    parts = stretches(shown, coverage((local(20, 3), local(20, 4))), PERIOD, NOW)
    assert [(p.kind, p.start, p.end) for p in parts] == [
        (Kind.RECORDED, local(20), local(20, 3)),
        (Kind.GAP, local(20, 3), local(20, 4)),
        (Kind.RECORDED, local(20, 4), NOW),
        (Kind.AHEAD, NOW, local(21)),
    ]


def test_the_rule_says_what_expires_soon() -> None:
    """Due is noon after thirty whole days: on the 20th that is soon for 23 March and before."""
    shown = window(local(22, month=3), local(25, month=3), NOW, 30, ZONE)
    parts = stretches(shown, coverage(), PERIOD, NOW)
    assert [(p.kind, p.end) for p in parts] == [
        (Kind.SOON, local(24, month=3)),
        (Kind.RECORDED, local(25, month=3)),
    ]
    assert line("校门", "", shown, coverage(), PERIOD, NOW).next_due == local(22, 12)


def test_what_the_index_does_not_say_is_unknown() -> None:
    shown = window(local(19), local(21), NOW, 30, ZONE)
    parts = stretches(shown, None, PERIOD, NOW)
    assert [p.kind for p in parts] == [Kind.UNKNOWN, Kind.AHEAD]
    assert line("校门", "", shown, None, PERIOD, NOW).recorded_minutes is None


def test_gaps_that_were_not_named_are_counted() -> None:
    shown = window(local(19), local(20), NOW, 30, ZONE)
    told = coverage((local(19, 3), local(19, 4))).model_copy(update={"gaps_left_out": 7})
    assert line("校门", "", shown, told, PERIOD, NOW).unnamed_gaps == 7
    assert line("校门", "", shown, None, PERIOD, NOW).unnamed_gaps == 0


def test_overlapping_gaps_and_gaps_beyond_the_window_leave_no_hole() -> None:
    shown = window(local(18), local(19), NOW, 30, ZONE)
    gaps = coverage((local(17), local(18, 2)), (local(18, 1), local(18, 3)), (local(18, 23), local(19, 5)))
    parts = stretches(shown, gaps, PERIOD, NOW)
    assert (parts[0].start, parts[-1].end) == (shown.start, shown.end)
    assert all(one.end == after.start for one, after in pairwise(parts))
    recorded = sum((p.end - p.start for p in parts if p.kind is Kind.RECORDED), timedelta())
    assert recorded == timedelta(hours=20)


async def test_the_form_shows_what_exists_before_it_is_filed(house: DeskHouse) -> None:
    day = (datetime.now(ZoneInfo(ZONE)) - timedelta(days=1)).date()
    form = {"cameras": ["s001/gate", "s001/hall"], "start": f"{day}T08:00", "end": f"{day}T09:00"}
    evil = '"><script>alert(1)</script>'
    async with house.person("wang.fang") as http:
        before = len((await http.get("/api/applications")).json())
        sent = {**form, "show": "timeline", "reason": evil, "password": PASSWORD}
        for path in ("/apply", "/extend"):
            page = await http.post(path, data=sent)
            assert page.status_code == 200
            assert PASSWORD not in page.text
            assert "<script>" not in page.text
            assert f"{day} 00:00" in page.text
            gate, hall = re.findall(r"<figure>.*?</figure>", page.text, re.DOTALL)
            assert 'rect class="recorded"' in gate
            assert 'rect class="gap"' in gate
            assert 'rect class="chosen"' in gate
            # the index said nothing of this camera: nothing is drawn as recorded
            assert 'rect class="unknown"' in hall
            assert 'rect class="recorded"' not in hall
            assert "不清楚有哪些录像" in hall
        assert len((await http.get("/api/applications")).json()) == before


async def test_the_timeline_is_for_ones_own_schools(house: DeskHouse) -> None:
    path = "/timeline?cameras={}&start=&end="
    assert (await house.ask("qian.duo", "GET", path.format("s001/gate"))).status_code == 403
    assert (await house.ask("nobody", "GET", path.format("s001/gate"))).status_code == 403
    assert (await house.ask("wang.fang", "GET", path.format("s001/../s002/gate"))).status_code == 404
    own = await house.ask("wang.fang", "GET", path.format("s001/gate"))
    assert (own.status_code, "<html" in own.text, "<svg" in own.text) == (200, False, True)
    for odd in ("0001-01-01T00:00", "9999-12-31T00:00", "no", "2026-01-01T00:00%2B23:59"):
        answer = await house.ask("wang.fang", "GET", f"/timeline?cameras=s001/gate&start={odd}&end={odd}")
        assert answer.status_code == 200, odd
