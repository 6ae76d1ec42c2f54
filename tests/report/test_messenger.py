"""The messenger on the real bus and database, with real receivers that go away and come back."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import pytest
import pytest_asyncio
from fastapi import Response
from standardwebhooks import Webhook as Verifier

from reelwarden_common.events import access, report
from reelwarden_common.events.base import Event
from reelwarden_common.web.i18n import read_catalogue
from reelwarden_local.bus import EmbeddedBus
from reelwarden_report.district.inspector.webhooks import WebhookOrder, Webhooks
from reelwarden_report.district.messenger import words
from reelwarden_report.district.messenger.domain import Line, grouped, next_try, send_at
from reelwarden_report.telling import bots
from reelwarden_report.telling.addresses import BadAddress, Target, is_outside, resolve
from reelwarden_report.telling.choices import NAMES, Notice, When
from reelwarden_report.telling.deliveries import Format
from tests.report.district import Voices, district_toml, inspector, signed_in
from tests.report.messaging import MailServer, Receiver, environment, messenger
from tests.support.roles import until

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class Scene:
    """The bus, the database, the district, and what a test wants to be told."""

    def __init__(self, bus: EmbeddedBus, voices: Voices, pool: asyncpg.Pool, url: str, toml: Path) -> None:
        self.bus, self.voices, self.pool, self.url, self.toml = bus, voices, pool, url, toml

    async def webhook(self, url: str, form: Format = Format.CLOUDEVENTS, *types: str) -> tuple[str, str]:
        order = WebhookOrder("board", url, form, "", ("s001",), types, "en", "officer")
        return await Webhooks(self.pool).make(order, LONG_AGO)

    async def states(self) -> list[tuple[str, int]]:
        rows = await self.pool.fetch("SELECT state, attempts FROM delivery ORDER BY made_at")
        return [(row["state"], row["attempts"]) for row in rows]

    async def settled(self, count: int) -> None:
        async def all_done() -> bool:
            return [state for state, _ in await self.states()].count("done") == count

        await until(all_done)

    def messenger(self, **settings: object) -> object:
        return messenger(self.bus, self.url, self.toml, **settings)


@pytest_asyncio.fixture(loop_scope="session")
async def scene(
    district_bus: EmbeddedBus, voices: Voices, report_pool: asyncpg.Pool, report_url: str, tmp_path: Path
) -> AsyncIterator[Scene]:
    yield Scene(district_bus, voices, report_pool, report_url, district_toml(tmp_path))


def finding(number: int = 1, kind: str = "cut-off") -> Event:
    return report.FindingOpened(
        finding=f"f{number}",
        kind=kind,
        severity=report.Severity.SERIOUS,
        camera="gate",
        deadline=datetime(2026, 3, 3, 8, tzinfo=UTC),
        detail="somewhere, somehow",
    )


async def test_a_program_gets_each_event_signed_though_it_was_away(scene: Scene) -> None:
    receiver = Receiver()
    _, secret = await scene.webhook(receiver.url, Format.CLOUDEVENTS, "inspector.finding")
    async with scene.messenger():  # type: ignore[attr-defined]
        await scene.voices.say("s001", finding(1), report.FeedbackReceived(feedback="x"))
        await scene.voices.say("s002", finding(2))

        async def tried() -> bool:
            return [attempts for _, attempts in await scene.states() if attempts] != []

        await until(tried)
        async with receiver.up():
            await receiver.until(1)
            await scene.voices.say("s001", finding(3))
            await receiver.until(2)
            await scene.settled(2)
    assert [event["data"]["finding"] for event in receiver.bodies] == ["f1", "f3"]
    first = receiver.bodies[0]
    assert (first["type"], first["subject"]) == ("reelwarden.inspector.finding.opened.v1", "s001")
    for headers, body in receiver.got:
        assert headers["content-type"] == "application/cloudevents+json"
        Verifier(secret).verify(body, headers)


async def test_killed_while_it_sends_it_loses_nothing(scene: Scene) -> None:
    receiver = Receiver()
    _, secret = await scene.webhook(receiver.url)
    given = environment(scene.bus, scene.url, scene.toml)
    variables = {f"RW_{name.upper()}": str(value) for name, value in given.items()}

    async def start() -> asyncio.subprocess.Process:
        module = "reelwarden_report.district.messenger.app"
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, env={**os.environ, **variables}, stderr=asyncio.subprocess.DEVNULL
        )

    process = await start()

    def killing() -> Response:
        process.send_signal(signal.SIGKILL)
        return Response(status_code=204)

    receiver.answer = killing
    async with receiver.up():
        await scene.voices.say("s001", finding(1), finding(2))
        await receiver.until(1)
        await process.wait()
        receiver.answer = lambda: Response(status_code=204)
        await scene.pool.execute("UPDATE delivery SET next_at = now() WHERE state = 'waiting'")  # time passes
        async with scene.messenger():  # type: ignore[attr-defined]
            await scene.settled(2)
    told = {headers["webhook-id"]: json.loads(body)["data"]["finding"] for headers, body in receiver.got}
    assert sorted(told.values()) == ["f1", "f2"], "the same message has the same id, however often it comes"
    for headers, body in receiver.got:
        Verifier(secret).verify(body, headers)


async def test_two_at_work_send_each_message_once(scene: Scene) -> None:
    receiver = Receiver()
    await scene.webhook(receiver.url)
    async with receiver.up(), scene.messenger(), scene.messenger():  # type: ignore[attr-defined]
        await scene.voices.say("s001", *(finding(n) for n in range(15)))
        await scene.settled(15)
    assert sorted(e["data"]["finding"] for e in receiver.bodies) == sorted(f"f{n}" for n in range(15))


async def test_what_nobody_takes_is_given_up_shown_and_sent_again(scene: Scene) -> None:
    receiver = Receiver(answer=lambda: Response(status_code=500))
    async with (
        inspector(scene.bus, scene.url, scene.toml, cut_off_seconds=3600, webhook_private=True) as address,
        receiver.up(),
        scene.messenger(attempts=2),  # type: ignore[attr-defined]
    ):
        safety = await signed_in(address, "safety")
        form = {"name": "大屏", "url": receiver.url, "schools": ["s001"], "types": "inspector.report"}
        made = await safety.post("/programs/webhooks", data=form)
        assert "whsec_" in made.text
        (known,) = (await safety.get("/api/webhooks")).json()
        place = f"/api/webhooks/{known['webhook']}"
        assert (await safety.post(f"{place}/test")).status_code == 204

        async def given_up() -> bool:
            return bool((await safety.get("/api/webhooks")).json()[0]["given_up"] == 1)

        await until(given_up)
        assert len(receiver.got) == 2
        page = (await safety.get("/programs", headers={"accept-language": "en"})).text
        assert "1 given up" in page
        assert "HTTP 500" in page
        assert "whsec_" not in page
        receiver.answer = lambda: Response(status_code=200)
        assert (await safety.post(f"{place}/again")).status_code == 204
        await scene.settled(1)
        auditor = await signed_in(address, "auditor")
        assert (await auditor.post(f"{place}/remove")).status_code == 403
        assert (await auditor.get("/programs")).status_code == 403
        assert (await safety.post(f"{place}/remove")).status_code == 204
        assert (await safety.get("/api/webhooks")).json() == []
        other = {"name": "x", "url": receiver.url, "schools": ["s002"]}
        assert (await safety.post("/api/webhooks", json=other)).status_code == 403
        await safety.aclose()
        await auditor.aclose()


async def test_nothing_is_sent_inside(scene: Scene) -> None:
    receiver = Receiver()
    await scene.webhook(receiver.url.replace("http:", "https:"))
    await scene.webhook(f"https://localhost:{receiver.port}/hook")
    async with receiver.up(), scene.messenger(webhook_private=False):  # type: ignore[attr-defined]
        await scene.voices.say("s001", finding(1))

        async def given_up() -> bool:
            return [state for state, _ in await scene.states()] == ["given-up"] * 2

        await until(given_up)
    assert receiver.got == []
    with pytest.raises(BadAddress):
        await resolve(Target.read("https://localhost/"))


async def test_a_storm_becomes_one_message_to_a_chat(scene: Scene) -> None:
    refused = Response(json.dumps({"errcode": 45009, "errmsg": "api freq out of limit"}))
    taken = Response(json.dumps({"errcode": 0, "errmsg": "ok"}))
    answers = [refused]
    receiver = Receiver(answer=lambda: answers.pop() if answers else taken)
    await scene.webhook(receiver.url, Format.WECOM)
    kinds = ("cut-off", "camera-silent", "disk-short")
    async with receiver.up(), scene.messenger(gather_seconds=2, pause_seconds=3600):  # type: ignore[attr-defined]
        await scene.voices.say("s001", *(finding(n, kinds[n % 3]) for n in range(200)))
        await scene.settled(1)

        async def nothing_waits_but_what_came_late() -> bool:
            return bool(
                await scene.pool.fetchval("SELECT count(*) = 201 FROM inbox WHERE role = 'messenger'")
            )

        await scene.voices.say("s001", finding(200))
        await until(nothing_waits_but_what_came_late)
    assert len(receiver.got) == 2, "a refusal that a bot answers with 200 is one: sent again, then taken"
    body = receiver.bodies[-1]
    assert body["msgtype"] == "markdown"
    text = body["markdown"]["content"]
    assert len(text.encode()) <= 4096
    assert re.search(r"第一小学: serious: Cut off, to be mended by 2026-03-03 16:00 \(\d+ times\)", text)
    assert "somewhere" not in text


async def test_a_person_is_told_by_mail_and_can_leave(scene: Scene, tmp_path: Path) -> None:
    mail = MailServer(tmp_path)
    async with (
        inspector(scene.bus, scene.url, scene.toml, cut_off_seconds=3600) as address,
        mail.up(),
        scene.messenger(**mail.settings()),  # type: ignore[attr-defined]
    ):
        leader = await signed_in(address, "leader")
        form = {"email": "chen@school.example", "language": "zh", "digest_hour": "7", "task": "now"}
        assert (await leader.post("/notices", data=form)).status_code == 303
        await mail.until(1)
        assert mail.got[0][0] == ["chen@school.example"]
        await scene.voices.say("s001", finding(1))  # before the address is confirmed: not told
        code = re.search(r"\b[0-9a-f]{8}\b", mail.text(0))
        assert code
        assert (await leader.post("/notices/confirm", data={"code": "no"})).status_code == 422
        assert (await leader.post("/notices/confirm", data={"code": code[0]})).status_code == 303
        filed = access.ApplicationFiled(
            application="app1",
            version=1,
            number="s001-2026-0001",
            manner=access.Manner.VIEW,
            spans=(),
            purpose="bullying",
            applicant="a-1",
            hold_until=datetime(2026, 4, 1, tzinfo=UTC),
        )
        await scene.voices.say("s002", filed)
        await scene.voices.say("s001", filed)
        await mail.until(2)
        (_, message), text = mail.got[1], mail.text(1)
        assert message["Subject"] == "Reelwarden：1 条新消息"
        assert "第一小学：s001-2026-0001 待审批" in text
        assert "https://desk.example/applications/app1" in text
        assert "实验中学" not in text
        assert "bullying" not in text
        assert "a-1" not in text
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        way_out = str(message["List-Unsubscribe"]).strip("<>").removeprefix("https://dashboard.example")
        assert (await leader.get(way_out)).status_code == 200
        one_click = await leader.post(way_out, data={"List-Unsubscribe": "One-Click"}, headers={"cookie": ""})
        assert one_click.status_code == 200
        page = (await leader.get("/notices")).text
        assert "chen@school.example" not in page
        teacher = await signed_in(address, "teacher")
        assert (await teacher.post("/notices", data=form)).status_code == 403
        await teacher.aclose()
        await leader.aclose()
        await scene.voices.say("s001", finding(2))
    assert len(mail.got) == 2


def test_a_task_is_named_and_two_of_one_form_stay_two() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    said = words.Words({"s001": "第一小学"}, ZoneInfo("Asia/Shanghai"), words.Places("https://desk", ""))
    facts = {"number": "s001-2026-0001", "page": "applications/a1"}
    lines = [Line(Notice.TASK, "s001", facts | {"about": task}, now) for task in ("record", "sign", "sign")]
    told = [sentence for sentence, _ in said.lines("en", grouped(lines))]
    assert told == [
        "第一小学: s001-2026-0001: record to be filled in",
        "第一小学: s001-2026-0001: record to be signed (2 times)",
    ]


def test_everything_is_said_in_chinese() -> None:
    known = read_catalogue(["reelwarden_report.district.inspector", words.OWN])._messages
    own = [*words.SENTENCES.values(), *words.HOLDS.values(), words.TITLE, words.MANY, words.MORE, words.ALL]
    assert [text for text in (*own, *NAMES.values()) if text not in known] == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "0.0.0.0", "::1", "::ffff:10.0.0.1", "fe80::1", "fd00::1",
     "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1", "100.64.0.1"],
)  # fmt: skip
def test_addresses_inside(address: str) -> None:
    assert not is_outside(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(BadAddress):
        Target.read(f"https://{host}/x")


def test_addresses_that_are_none() -> None:
    assert is_outside(ip_address("8.8.8.8"))
    for url in ("http://example.org/", "ftp://example.org", "https://a:b@example.org/", "https://", "x",
                "https://example.org:99999/", "https://例.org/", "https://example.org/a b"):  # fmt: skip
        with pytest.raises(BadAddress):
            Target.read(url)


def test_digest_and_patience() -> None:
    zone, gather = ZoneInfo("Asia/Shanghai"), timedelta(seconds=20)
    now = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 there
    assert send_at(When.DIGEST, 8, now, gather, zone) == datetime(2026, 3, 3, 8, tzinfo=zone)
    assert send_at(When.DIGEST, 18, now, gather, zone) == datetime(2026, 3, 2, 18, tzinfo=zone)
    assert send_at(When.NOW, 8, now, gather, zone) == now + gather
    assert send_at(When.OFF, 8, now, gather, zone) is None
    waits = [next_try(n, timedelta(seconds=10), 16) for n in range(1, 17)]
    assert waits[0] == timedelta(seconds=10)
    assert waits[-1] is None
    assert timedelta(hours=24) < sum((w for w in waits if w), timedelta()) < timedelta(hours=36)
    lines = [
        Line(Notice.REPORT, "s001", {"number": "1"}, now),
        Line(Notice.SERIOUS, "s001", {"about": "x"}, now),
    ]
    assert [(g.first.kind, g.count) for g in grouped([*lines, lines[1]])] == [
        (Notice.SERIOUS, 2),
        (Notice.REPORT, 1),
    ]


def test_dingtalk_signs_and_cuts() -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    url = bots.address(Format.DINGTALK, "https://oapi.dingtalk.com/robot/send?access_token=x", "SEC1", at)
    assert url.startswith("https://oapi.dingtalk.com/robot/send?access_token=x&timestamp=1772409600000&sign=")
    body = json.loads(bots.body(Format.DINGTALK, "标题", "字" * 20_000))
    assert body["markdown"]["title"] == "标题"
    assert len(body["markdown"]["text"].encode()) <= 18_000
    assert bots.refusal(b'{"errcode":0}') is None
    assert bots.refusal(b"<html>") is not None
