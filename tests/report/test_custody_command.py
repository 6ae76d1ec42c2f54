"""`reelwarden custody`, as operators run it against a running district; its proofs are checked."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import asyncpg
import pypdf
import pytest
from typer.testing import CliRunner, Result

from reelwarden_common.events import access, retention
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.report import CustodyAnswer, CustodyEntry
from reelwarden_common.messaging.topology import role
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.cli import app
from reelwarden_local.custody import asking
from reelwarden_local.custody.words import facts, kind
from reelwarden_local.words import Words
from reelwarden_report.custody import hours
from reelwarden_report.custody.leaves import MEASURES
from reelwarden_report.custody.notes import COSIGNED
from tests.access.packages import Log
from tests.report.district import Voices
from tests.report.test_custody_history import AT, HOUR, MINUTE, filed, hold
from tests.report.test_notaries_bus import SCHOOL, District
from tests.support.roles import until


@pytest.fixture
def command(district_bus: EmbeddedBus, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("RW_LANG", "en")
    monkeypatch.setenv("TZ", "UTC")
    state = str(district_bus.state_dir.parent)
    return lambda *words: CliRunner().invoke(app, ["custody", *words, "--state", state])


async def test_what_operators_are_told(
    district_bus: EmbeddedBus,
    report_url: str,
    report_pool: asyncpg.Pool,
    tmp_path: Path,
    voices: Voices,
    command: Callable[..., Result],
) -> None:
    story = (
        filed("app1", "gate", AT + MINUTE),
        retention.HoldAsked(hold=hold("h1", "app1", "gate", AT)),
        access.ViewingStarted(
            application="app1", viewing="v1", retriever="a-operator", supervisor="a-safety"
        ),
        access.AccessDenied(actor="a-filer", act="approve", rule="R4.2", application="app1"),
    )

    async def told(*words: str) -> Result:
        return await asyncio.to_thread(command, *words)

    async with District(district_bus, report_url, tmp_path):
        await voices.say(SCHOOL, *story)

        async def countersigned() -> bool:
            query = "SELECT max(size) FROM custody_checkpoint WHERE cosigned_at IS NOT NULL"
            return bool(await report_pool.fetchval(query) == len(story))

        await until(countersigned, 60)
        keys = await told("keys", "--school", SCHOOL)
        assert keys.exit_code == 0, keys.output
        (tmp_path / "keys.txt").write_text(keys.output)
        where = ("--school", SCHOOL, "--trust", str(tmp_path / "keys.txt"))
        start, end = (f"{one:%Y-%m-%dT%H:%M:%S}" for one in (AT, AT + HOUR))
        span = ("--camera", "gate", "--start", start, "--end", end)
        footage = await told("footage", *span, *where)
        for sentence in (
            "an application was filed",
            "a hold was asked for",
            "a viewing began",
            "an attempt was refused",
            "checkpoint reelwarden/s001/registrar · 4 · ",
            "4 countersigned by reelwarden/s001/notary/witness",
            "the proof of every entry was checked",
        ):
            assert sentence in footage.output, footage.output
        assert footage.exit_code == 0
        by_number = json.loads((await told("application", "s001-app1", *where, "--json")).output)
        assert len(by_number["entries"]) == 4, "its number stands for its id"
        assert "a-operator" in [one["entry"]["facts"].get("retriever") for one in by_number["entries"]]
        person = json.loads((await told("person", "a-filer", *where, "--json")).output)
        types = {one["entry"]["type"] for one in person["entries"]}
        assert types == {story[0].ce_type(), story[3].ce_type()}, "two registrars write in any order"
        nothing = await told("hold", "h9", *where)
        assert (nothing.exit_code, nothing.output.strip()) == (0, "the custody log has nothing of it")
        last = await told("school", *where, "--limit", "2", "--json")
        assert [one["index"] for one in json.loads(last.output)["entries"]] == [2, 3]
        assert json.loads(last.output)["more"]
        paper = tmp_path / "history.pdf"
        assert (await told("hold", "h1", *where, "--pdf", str(paper))).exit_code == 0
        text = "".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(paper.read_bytes())).pages)
        plain = text.replace("\u200b", "").replace("\n", "")
        assert "a hold was asked for" in plain
        assert "reelwarden/s001/registrar" in plain
        strange = tmp_path / "strange.txt"
        strange.write_text(f"{Log.of(1).signer.key()}\n")
        refused = await told("hold", "h1", "--school", SCHOOL, "--trust", str(strange))
        assert (refused.exit_code, "not trusted" in refused.output) == (1, True)
        for wrong in (("hold", "h1", "--school", "s009"), ("hold", "h1", "--school", "../x")):
            assert (await told(*wrong)).exit_code == 2


def test_an_answer_that_is_not_proven_is_not_believed() -> None:
    log = Log.of(9)
    good = log.answer((1, 3), countersigned=6)
    asking._check(good, [])
    assert asking._countersigned(good) is not None

    def entries(**change: object) -> CustodyAnswer:
        return good.model_copy(update={"entries": (good.entries[0].model_copy(update=change),)})

    lies = (
        entries(entry="{}"),
        entries(index=1, entry=good.entries[1].entry),
        good.model_copy(update={"entries": Log.of(9, 1).answer((1,)).entries, "key": str(log.witness.key())}),
    )
    for lie in lies:
        with pytest.raises(asking.NotProven):
            asking._check(lie, [])
    rewritten = Log.of(9, 2).answer((1,)).model_copy(update={"countersigned": good.countersigned})
    with pytest.raises(asking.NotProven, match="会签不成立"):
        asking._countersigned(rewritten)
    assert isinstance(good.entries[0], CustodyEntry)
    with pytest.raises(asking.NotProven, match="没有"):
        asking._countersigned(log.answer((1,)), [str(log.witness.key(COSIGNED))])
    assert asking._countersigned(log.answer((1,)), [str(log.signer.key())]) is None


def test_every_kind_of_entry_has_words() -> None:
    told = [event for event in role("registrar").hears if event not in MEASURES]
    types = {event.ce_type() for event in told if "checkpoint" not in event.SUBJECT}
    types -= {"reelwarden.scanner.segment.recorded.v1"}
    for one in (*types, hours.TYPE):
        assert kind(one) != Words(one, one), one
    assert kind("reelwarden.new.thing.v2") == Words("reelwarden.new.thing.v2", "reelwarden.new.thing.v2")


def test_facts_are_one_line() -> None:
    span = CameraSpan(camera="gate", start=AT, end=AT + timedelta(minutes=1)).model_dump(mode="json")
    line = facts({"spans": [span], "digest": "ab" * 32, "none": None, "number": 3})
    assert line.startswith("spans=[{camera=gate, start=2026-03-02T08:00")
    assert "digest=abababababab…; number=3" in line
    assert len(facts({"long": "x" * 1000})) == 401
