"""Programs follow a school's events: over HTTP by token, over NATS as a follower; each hears its own only."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import nats.errors
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from reelwarden_common.events import access, report
from reelwarden_common.events.base import Event
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.cli import app as cli
from reelwarden_report.telling.wanted import Wanted, types_of, unknown
from tests.report.district import Voices, district_toml, inspector, signed_in
from tests.support.roles import until

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
SECONDS = 120
EVERY = "0"
Events = AsyncIterator[dict[str, Any]]


def feedback(number: int) -> Event:
    return report.FeedbackReceived(feedback=f"f{number}")


@pytest_asyncio.fixture(loop_scope="session")
async def address(
    tmp_path: Path, report_url: str, district_bus: EmbeddedBus, voices: Voices
) -> AsyncIterator[str]:
    del voices  # empties the streams before
    async with inspector(district_bus, report_url, district_toml(tmp_path), cut_off_seconds=3600) as running:
        yield running


async def token(address: str, person: str = "safety", school: str = "s001") -> tuple[str, str]:
    client = await signed_in(address, person)
    answer = await client.post("/api/tokens", json={"name": "board", "schools": [school]})
    await client.aclose()
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return made["token"], made["key"]


def bearer(key: str, after: str | None = None) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} | ({"last-event-id": after} if after else {})


@asynccontextmanager
async def following(
    address: str, headers: dict[str, str], **query: Any
) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """Events as they come, each with the id to go on after."""

    async def events(lines: AsyncIterator[str]) -> Events:
        fields: dict[str, str] = {}
        async for line in lines:
            field, _, value = line.partition(": ")
            if line:
                fields[field] = value
                continue
            if "data" in fields:
                yield {**json.loads(fields["data"]), "at": fields["id"]}
            elif "id" in fields:
                yield {"at": fields["id"]}
            fields = {}

    async with (
        httpx.AsyncClient(base_url=address, timeout=SECONDS) as client,
        client.stream("GET", "/api/events", params=query, headers=headers) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        yield events(answer.aiter_lines())


async def first(events: Events, count: int) -> list[dict[str, Any]]:
    """The next events that say something."""
    found = []
    async with asyncio.timeout(SECONDS):
        async for event in events:
            if "data" in event:
                found.append(event)
            if len(found) == count:
                break
    return found


async def test_a_program_hears_its_school_and_goes_on_where_it_was(address: str, voices: Voices) -> None:
    _, key = await token(address)
    await voices.say("s001", feedback(1))
    await voices.say("s002", feedback(2))
    await voices.say("s001", report.SiteAlive(at=datetime.now(UTC), software="0.1.0"))
    await voices.say("s001", feedback(3))
    kinds = {"type": ["notary.site", "inspector.feedback"]}
    async with following(address, bearer(key, EVERY), **kinds) as events:
        heard = await first(events, 3)
    assert {e["subject"] for e in heard} == {"s001"}
    site, *office = heard
    assert site["type"] == "reelwarden.notary.site.alive.v1"
    assert site["source"] == "/s001/notary"
    assert site["specversion"] == "1.0"
    assert [e["data"]["feedback"] for e in office] == ["f1", "f3"]
    async with following(address, bearer(key, office[0]["at"]), **kinds) as events:
        assert [e["data"] for e in await first(events, 1)] == [{"feedback": "f3"}]
    async with following(address, bearer(key), type="inspector.feedback") as events:
        now = await anext(events)
        assert set(now) == {"at"}, "first it is told where it is, so that nothing is missed before an event"
        await voices.say("s001", report.SiteAlive(at=datetime.now(UTC), software="0.1.0"), feedback(4))
        assert [e["data"] for e in await first(events, 1)] == [{"feedback": "f4"}]
    async with following(address, bearer(key, now["at"]), type="inspector.feedback") as events:
        assert [e["data"] for e in await first(events, 1)] == [{"feedback": "f4"}]


async def test_a_long_past_is_told_in_order_and_once(address: str, voices: Voices) -> None:
    _, key = await token(address, "officer", "district")
    for number in range(450):  # more than two pages
        await voices.say("s001" if number % 2 else "s002", feedback(number))
    async with following(address, bearer(key, EVERY), type="inspector.feedback") as events:
        heard = await first(events, 450)
    assert [e["data"]["feedback"] for e in heard] == [f"f{n}" for n in range(450)]


async def test_a_token_opens_its_schools_to_reading_alone_until_it_is_revoked(address: str) -> None:
    number, key = await token(address)
    async with httpx.AsyncClient(base_url=address, timeout=SECONDS, headers=bearer(key)) as program:
        assert (await program.get("/api/schools/s001")).status_code == 200
        assert (await program.get("/api/schools/s002")).status_code == 404
        assert (await program.get("/api/events", params={"school": "s002"})).status_code == 404
        assert (await program.get("/api/events", params={"type": "no.such"})).status_code == 422
        assert (await program.get("/api/events", headers=bearer(key, "1-2"))).status_code == 422
        for path, body in (
            ("/api/tokens", {"name": "more", "schools": ["s001"]}),
            ("/api/inspections", {"school": "s001"}),
            ("/api/feedback", {"school": "s001", "text": "x"}),
        ):
            assert (await program.post(path, json=body)).status_code == 403
        assert (await program.get("/programs")).status_code == 303, "a token is for programs, not for pages"
        assert (await program.get("/api/tokens")).status_code == 403
    safety = await signed_in(address, "safety")
    listed = (await safety.get("/api/tokens")).json()
    assert [one["token"] for one in listed] == [number]
    assert listed[0]["used_at"]
    assert key not in json.dumps(listed)
    auditor = await signed_in(address, "auditor")
    assert (await auditor.post(f"/api/tokens/{number}/revoke")).status_code == 403
    other = {"name": "x", "schools": ["s001", "s002"]}
    assert (await safety.post("/api/tokens", json=other)).status_code == 403
    async with following(address, bearer(key)) as events:
        await anext(events)
        assert (await safety.post(f"/api/tokens/{number}/revoke")).status_code == 204
        async with asyncio.timeout(SECONDS):
            assert [e async for e in events if "data" in e] == [], "an open stream ends soon after"
    for bad in (key, "rwt_guess", "%"):
        async with httpx.AsyncClient(base_url=address, headers=bearer(bad), timeout=60) as program:
            assert (await program.get("/api/events")).status_code == 401
    await safety.aclose()
    await auditor.aclose()


async def test_tokens_are_made_and_revoked_on_a_page(address: str) -> None:
    client = await signed_in(address, "officer")
    made = await client.post(
        "/programs/tokens", data={"name": "大屏 <b>", "schools": ["district"], "days": "30"}
    )
    key = made.text.partition("<code>rwt_")[2].partition("<")[0]
    assert key
    page = (await client.get("/programs")).text
    assert key not in page
    assert "大屏 &lt;b&gt;" in page
    (number,) = [one["token"] for one in (await client.get("/api/tokens")).json()]
    assert (await client.post(f"/programs/tokens/{number}/revoke")).status_code == 303
    assert (await client.get("/api/schools", headers=bearer(f"rwt_{key}"))).status_code == 401
    events = (await client.get("/events")).text
    assert "reelwarden.inspector.finding.opened.v1" in events
    assert (await client.get("/api/asyncapi/report.json")).json()["asyncapi"] == "3.0.0"
    assert "/api/events" in (await client.get("/api/docs")).text
    await client.aclose()


async def test_operators_make_and_revoke_tokens_by_command(
    address: str, district_bus: EmbeddedBus, tmp_path: Path
) -> None:
    where = ("--server", district_bus.url(), "--district", str(district_toml(tmp_path)))
    env = {"RW_LANG": "en", "REELWARDEN_OPS_SEED": district_bus.seed("ops")}

    async def command(*words: str) -> tuple[int, str]:
        run = await asyncio.to_thread(CliRunner().invoke, cli, ["tokens", *words, *where], env=env)
        return run.exit_code, run.output

    code, key = await command("make", "board", "--schools", "s001", "--by", "zhou")
    assert (code, key[:4]) == (0, "rwt_")
    async with httpx.AsyncClient(base_url=address, headers=bearer(key.strip()), timeout=SECONDS) as program:
        assert (await program.get("/api/schools/s001")).status_code == 200
        (known,) = json.loads((await command("list", "--json"))[1])
        assert known["made_by"] == "ops:zhou"
        assert (await command("revoke", known["token"]))[0] == 0
        assert (await program.get("/api/schools/s001")).status_code == 401
    assert (await command("revoke", known["token"]))[0] == 1
    code, said = await command("make", "board", "--schools", "s999")
    assert (code, "s999" in said) == (2, True)


@asynccontextmanager
async def running(*command: str) -> AsyncIterator[asyncio.StreamReader]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.kill()
        await process.wait()


async def line_with(output: asyncio.StreamReader, text: str) -> str:
    async with asyncio.timeout(SECONDS):
        while text not in (line := (await output.readline()).decode()):
            assert line, f"ended without {text}"
    return line


async def test_the_examples_follow_a_school(address: str, district_bus: EmbeddedBus, voices: Voices) -> None:
    _, key = await token(address)
    python = [sys.executable, str(EXAMPLES / "follow.py"), address, key, "s001", "inspector.feedback"]
    bus = [
        sys.executable,
        str(EXAMPLES / "follow_nats.py"),
        district_bus.url(),
        district_bus.seed("follow-s001"),
        "s001",
    ]
    async with running(*python) as over_http, running(*bus) as over_nats:

        async def say() -> None:
            for number in range(1000):
                await voices.say("s002", feedback(-number))
                await voices.say("s001", feedback(number))
                await asyncio.sleep(0.2)

        saying = asyncio.create_task(say())
        try:
            assert "inspector.feedback.received" in await line_with(over_http, "f")
            assert "feedback.received" in await line_with(over_nats, "f")
        finally:
            saying.cancel()


@pytest.mark.system
async def test_the_example_in_javascript_follows_a_school(address: str, voices: Voices) -> None:
    _, key = await token(address)
    node = shutil.which("node") or "node"
    async with running(node, str(EXAMPLES / "follow.mjs"), address, key, "s001") as output:

        async def say() -> None:
            for number in range(1000):
                await voices.say("s001", feedback(number))
                await asyncio.sleep(0.2)

        saying = asyncio.create_task(say())
        try:
            await line_with(output, "reelwarden.inspector.feedback.received.v1")
        finally:
            saying.cancel()


async def test_a_follower_reads_its_school_and_can_do_nothing_else(
    district_bus: EmbeddedBus, voices: Voices
) -> None:
    await voices.say("s001", feedback(1), access.TrainingAcknowledged(actor="a-1", rules_version=1))
    await voices.say("s002", feedback(2))
    refused: list[str] = []

    async def on_error(error: Exception) -> None:
        refused.append(str(error))

    user = "follow-s001"
    client = await nats.connect(
        **district_bus.login(user).options(),
        inbox_prefix=f"_INBOX.{user}".encode(),
        error_cb=on_error,
    )
    topology = await district_bus.connect("topology")
    streams = topology.jetstream(timeout=10)

    async def waiting(count: int) -> bool:
        return bool((await streams.consumer_info("OFFICE", user)).num_ack_pending == count)

    try:
        js = client.jetstream(timeout=10)
        own = await js.pull_subscribe_bind(user, stream="OFFICE")
        heard = await own.fetch(1, timeout=SECONDS) + await own.fetch(1, timeout=SECONDS)
        assert [m.subject.split(".")[1] for m in heard] == ["s001", "s001"]
        for message in heard:
            await message.ack()
        await client.flush()
        await until(lambda: waiting(0))
        before = {s: (await streams.stream_info(s)).state.last_seq for s in ("SITE", "OFFICE", "DISTRICT")}
        ask = "$JS.API.CONSUMER.MSG.NEXT.OFFICE"
        await voices.say("s001", feedback(3))
        await client.publish(f"{ask}.{user}", b'{"batch": 1}', reply="rw.s002.notary.site.alive")
        await client.flush()
        await until(lambda: waiting(1))  # handed out, to an address that nobody in the hub hears
        for subject in (
            "rw.s001.inspector.feedback.received",
            "rw.s001.desk.application.approved",
            f"{ask}.follow-s002",
            f"{ask}.follow-district",
            f"{ask}.inspector",
            "$JS.API.DIRECT.GET.OFFICE",
            "$JS.API.STREAM.MSG.GET.OFFICE",
            "$JS.API.STREAM.INFO.OFFICE",
            "$JS.API.CONSUMER.CREATE.OFFICE.mine.rw.s001.>",
        ):
            with pytest.raises(nats.errors.Error):
                await client.request(subject, b"{}", timeout=0.1)
        await client.subscribe("rw.>")
        await client.flush()
        after = {s: (await streams.stream_info(s)).state.last_seq for s in before}
        assert after == before | {"OFFICE": before["OFFICE"] + 1}
        assert len([text for text in refused if "permissions violation" in text.lower()]) == 10
    finally:
        await client.close()
        await topology.close()


def test_kinds_are_whole_words() -> None:
    wanted = Wanted(frozenset({"s001"}), types_of(["inspector.finding, reelwarden.desk.application.filed"]))
    assert wanted.takes("s001", "reelwarden.inspector.finding.opened.v1")
    assert wanted.takes("s001", "reelwarden.desk.application.filed.v1")
    assert not wanted.takes("s001", "reelwarden.desk.application.approved.v1")
    assert not wanted.takes("s002", "reelwarden.inspector.finding.opened.v1")
    assert [str(s) for s in wanted.streams] == ["OFFICE"]
    assert unknown(["inspector.find", "notary"]) == ["inspector.find"]
    assert [str(s) for s in Wanted(frozenset({"s001"})).streams] == ["FOOTAGE", "SITE", "DISTRICT", "OFFICE"]
