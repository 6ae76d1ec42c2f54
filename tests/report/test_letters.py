"""Dead letters at the dashboard, on the real bus: from a school's role to the page, and back."""

import re
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from reelwarden_common.events.letters import Act, LetterTask, LetterTaskAnswer, Outcome
from reelwarden_common.messaging import retry
from reelwarden_common.messaging.questions import ask
from reelwarden_common.messaging.topology import SETTLE_LETTER
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.ops import hub_of, operator
from tests.report.district import district_toml, inspector, signed_in
from tests.support.ingest import intake
from tests.support.roles import SCHOOL, authorised, probe, until

ROLE = "exporter"


class Scene:
    """An inspector with intake, an exporter at the school, and people who are signed in."""

    def __init__(self, bus: EmbeddedBus, address: str, folder: Path, stack: AsyncExitStack) -> None:
        self.bus = bus
        self.folder = folder
        self._address = address
        self._stack = stack
        self._people: dict[str, httpx.AsyncClient] = {}

    async def person(self, name: str) -> httpx.AsyncClient:
        if name not in self._people:
            client = await signed_in(self._address, name)
            self._stack.push_async_callback(client.aclose)
            self._people[name] = client
        return self._people[name]

    async def page(self, name: str, language: str = "en", path: str = "/letters") -> str:
        answer = await (await self.person(name)).get(path, headers={"accept-language": language})
        return answer.text if answer.status_code == 200 else str(answer.status_code)

    async def act(self, name: str, key: str, act: str, note: str = "", **headers: str) -> httpx.Response:
        client = await self.person(name)
        form = {"key": key, "act": act, "note": note}
        return await client.post("/letters", data=form, headers={"accept-language": "en", **headers})

    async def findings(self) -> list[dict[str, Any]]:
        found = await (await self.person("officer")).get("/api/findings", params={"open": "true"})
        return [one for one in found.json() if one["kind"] == "dead-letter"]

    async def spoil(self, number: int) -> str:
        """A decision that the exporter cannot read; returns the letter's key once the page shows it."""
        desk = await self.bus.connect("desk")
        bad = authorised(number)
        headers = {**bad.headers, "Nats-Msg-Id": uuid.uuid4().hex}
        known = set(self.keys(await self.page("officer")))
        await desk.jetstream().publish(bad.subject, b"{", headers=headers)
        await desk.close()

        async def shown() -> bool:
            return bool(set(self.keys(await self.page("officer"))) - known)

        await until(shown)
        (fresh,) = set(self.keys(await self.page("officer"))) - known
        return fresh

    @staticmethod
    def keys(page: str) -> list[str]:
        return re.findall(r'name="key" value="([^"]+)"', page)


@pytest_asyncio.fixture(loop_scope="session")
async def scene(tmp_path: Path, report_url: str) -> AsyncIterator[Scene]:
    toml = district_toml(tmp_path, [SCHOOL, "s002"])
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(EmbeddedBus(tmp_path / "bus", [SCHOOL, "s002"]))
        await stack.enter_async_context(intake(bus, toml))
        # Silence is no finding here: nobody speaks for the schools.
        address = await stack.enter_async_context(inspector(bus, report_url, toml, look_seconds=3600))
        yield Scene(bus, address, tmp_path, stack)


async def test_a_letter_is_shown_explained_and_dismissed_by_those_who_run_the_district(scene: Scene) -> None:
    async with probe(scene.bus, ROLE, scene.folder) as exporter:
        key = await scene.spoil(1)
        assert re.fullmatch(r"s001/exporter/DISTRICT\.\d+", key)
        (finding,) = await scene.findings()
        assert (finding["severity"], finding["school"]) == ("serious", SCHOOL)

        assert 'href="/letters">Dead letters →' in await scene.page("officer", path="/")
        page = await scene.page("officer")
        assert "reelwarden.desk.retrieval.authorised.v1 is invalid" in page
        assert "This is no message of ours, or one of another release." in page
        assert "这不是本系统的消息" in await scene.page("officer", "zh")
        leaders = await scene.page("leader")
        assert "retrieval.authorised" in leaders
        assert not scene.keys(leaders)
        assert "retrieval.authorised" not in await scene.page("auditor")
        assert await scene.page("teacher") == "403"

        officer, auditor = await scene.person("officer"), await scene.person("auditor")
        (shown,) = (await officer.get("/api/letters")).json()
        assert (shown["fault"], shown["settled"]) == ("malformed", None)
        assert (await auditor.get("/api/letters")).json() == []
        order = {"letter": key, "act": "dismiss", "note": "x"}
        assert (await auditor.post("/api/letters", json=order)).status_code == 403
        assert (await officer.post("/api/letters", json=order | {"act": "burn"})).status_code == 422

        for person in ("leader", "safety", "teacher"):
            assert (await scene.act(person, key, "dismiss", "mine")).status_code == 403
        assert (await scene.act("officer", key, "dismiss", " ")).status_code == 422
        assert (await scene.act("officer", key, "dismiss", "x", origin="http://evil")).status_code == 403
        for wrong in ("s001/exporter/DISTRICT.9999", "s002" + key[4:], "exporter", "s001/writer/SITE.1"):
            assert (await scene.act("officer", wrong, "dismiss", "x")).status_code == 404
        assert (await scene.act("officer", key, "burn", "x")).status_code == 404
        assert (await scene.act("officer", key, "dismiss", "x" * 501)).status_code == 422

        again = await scene.act("officer", key, "replay")
        assert again.status_code == 409
        assert "It failed again and stays: rw.s001.desk.retrieval.authorised" in again.text
        assert scene.keys(await scene.page("officer")) == [key]

        assert (await scene.act("operator", key, "dismiss", "sent by a test <b>")).status_code == 303
        page = await scene.page("officer")
        assert not scene.keys(page)
        assert re.search(r"dismissed<br>.*· operator<br>sent by a test &lt;b&gt;", page)
        assert await scene.findings() == []
        assert exporter.heard == []


async def test_what_an_operator_replays_on_the_command_line_is_over_at_the_dashboard(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "UNFORESEEN_ATTEMPTS", 1)
    refuses = True

    async def handler(*_: object) -> None:
        if refuses:
            raise KeyError("a fault that an update mends")

    async with probe(scene.bus, ROLE, scene.folder, handler) as exporter:
        desk = await scene.bus.connect("desk")
        good = authorised(2)
        await desk.jetstream().publish(good.subject, good.body, headers=good.headers)
        await desk.close()

        async def shown() -> bool:
            return bool(scene.keys(await scene.page("officer")))

        await until(shown)
        (key,) = scene.keys(await scene.page("officer"))
        assert "A fault of the software" in await scene.page("officer")
        refuses = False
        task = LetterTask(letter=key.split("/")[2], act=Act.REPLAY, by="zhou")
        async with operator(hub_of(scene.folder)) as ops:
            answer = await ask(ops, SETTLE_LETTER, SCHOOL, task, LetterTaskAnswer, 30, role=ROLE)
        assert answer.outcome is Outcome.REPLAYED
        assert exporter.ids == ["e-2"]

        async def settled() -> bool:
            return re.search(r"handled again<br>.*· zhou", await scene.page("officer")) is not None

        await until(settled)
        assert await scene.findings() == []


async def test_a_school_that_is_cut_off_cannot_be_reached_now(scene: Scene) -> None:
    async with probe(scene.bus, ROLE, scene.folder):
        key = await scene.spoil(3)
        await scene.bus.links[SCHOOL].cut()
        away = await scene.act("officer", key, "dismiss", "x")
        assert away.status_code == 503
        assert "Nobody answers there" in away.text
        assert scene.keys(await scene.page("officer")) == [key]


async def test_a_letter_that_its_role_no_longer_has_is_over(scene: Scene) -> None:
    async with probe(scene.bus, ROLE, scene.folder):
        key = await scene.spoil(4)
        topology = await scene.bus.connect("topology", SCHOOL)
        await topology.jetstream(timeout=10).purge_stream("DLQ")
        await topology.close()
        assert (await scene.act("officer", key, "replay")).status_code == 303
        assert "no longer there" in await scene.page("officer")
        assert await scene.findings() == []


async def test_a_letter_of_a_district_role_is_settled_there(scene: Scene) -> None:
    async with probe(scene.bus, "keeper", scene.folder):
        voice = await scene.bus.connect("intake")
        headers = {"ce-id": "x", "ce-type": "reelwarden.reaper.plan.applied.v1"}
        subject = "rw.s002.reaper.plan.applied"
        await voice.jetstream(timeout=10).publish(subject, b"{", headers=headers)
        await voice.close()

        async def both() -> bool:
            """The inspector hears it too, and cannot read it either."""
            return len(scene.keys(await scene.page("officer"))) == 2

        await until(both)
        inspectors, keepers = sorted(scene.keys(await scene.page("officer")))
        assert inspectors.startswith("s002/inspector/SITE.")
        assert keepers.startswith("s002/keeper/SITE.")
        for key in (inspectors, keepers):
            assert (await scene.act("officer", key, "dismiss", "a test")).status_code == 303
        assert await scene.findings() == []
