"""The operators' way in: what they may ask, through the leaf too, and what neither they nor others may do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.aio.msg import Msg

from reelwarden_common.events.letters import Fault, Letter, LettersAnswer, LettersQuery
from reelwarden_common.messaging.login import Login, make_seed
from reelwarden_common.messaging.questions import ask
from reelwarden_common.messaging.topology import EVERY_ROLE_ANSWERS, LETTERS, question_subject
from reelwarden_local.bus import EmbeddedBus
from reelwarden_local.dlq import find
from reelwarden_local.ops import Hub, NoWayIn, hub_of, operator
from tests.support.roles import NOW, SCHOOL, probe, until


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def bus(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedBus]:
    async with EmbeddedBus(tmp_path_factory.mktemp("ops") / "bus", [SCHOOL, "s002"]) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def ops(bus: EmbeddedBus) -> AsyncIterator[Client]:
    async with operator(hub_of(bus.state_dir.parent)) as client:
        yield client


async def forbidden(client: Client, subject: str) -> None:
    """Wait until the server says that this user may not publish there; it need not say so in order."""
    await client.publish(subject, b"{}", reply="x")
    told = f'permissions violation for publish to "{subject.lower()}"'
    await until(lambda: told in str(client.last_error).lower())


@pytest.mark.parametrize(("school", "role"), [("district", "keeper"), (SCHOOL, "exporter")])
async def test_any_role_answers_at_hub_and_leaf(
    bus: EmbeddedBus, ops: Client, tmp_path: Path, school: str, role: str
) -> None:
    async with probe(bus, role, tmp_path):
        answer = await ask(ops, LETTERS, school, LettersQuery(), LettersAnswer, role=role)
    assert answer == LettersAnswer(letters=(), total=0)


async def test_a_school_that_names_another_is_not_believed(bus: EmbeddedBus, ops: Client) -> None:
    forged = Letter(
        letter="SITE.1",
        at=NOW,
        school="s002",
        subject="rw.s002.keeper.plan.issued",
        fault=Fault.REFUSED,
        reason="refused",
        detail="",
        size=0,
    )

    async def reply(message: Msg) -> None:
        await message.respond(LettersAnswer(letters=(forged,), total=1).model_dump_json().encode())

    owner = await bus.connect("exporter", SCHOOL)
    await owner.subscribe(question_subject(LETTERS, SCHOOL, "exporter"), cb=reply)
    await owner.flush()
    hub = hub_of(bus.state_dir.parent)

    async def heard() -> bool:
        return [key for key, _ in (await find(ops, hub, None, None, 10)).letters] == ["s001/exporter/SITE.1"]

    await until(heard)
    assert not (await find(ops, hub, "s002", None, 10)).letters
    await owner.close()


@pytest.mark.parametrize(
    "subject",
    [
        "rw.s001.keeper.plan.issued",
        "rw.s001.scanner.query.segments",
        "rw.s001.scanner.segment.recorded",
        "dlq.reaper.SITE.1",
        "$JS.API.STREAM.INFO.DLQ",
        "$JS.API.STREAM.PURGE.DLQ",
        "intake.pos.s001.SITE",
    ],
)
async def test_an_operator_only_asks_what_the_table_says(ops: Client, subject: str) -> None:
    await forbidden(ops, subject)


@pytest.mark.parametrize(
    ("user", "school"), [("desk", None), ("keeper", None), ("reaper", SCHOOL), ("notary", SCHOOL)]
)
async def test_no_role_asks_as_an_operator(bus: EmbeddedBus, user: str, school: str | None) -> None:
    client = await bus.connect(user, school)
    for question in EVERY_ROLE_ANSWERS:
        await forbidden(client, question_subject(question, SCHOOL, "exporter"))
    await client.close()


async def test_a_role_reads_no_other_roles_letters(bus: EmbeddedBus) -> None:
    client = await bus.connect("reaper", SCHOOL)
    for subject in ("DIRECT.GET.DLQ.dlq.scanner.SITE.1", "DIRECT.GET.DLQ", "STREAM.MSG.GET.DLQ"):
        await forbidden(client, f"$JS.API.{subject}")
    await client.close()


async def test_what_keeps_an_operator_out_is_said(
    bus: EmbeddedBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RW_LANG", "en")
    with pytest.raises(NoWayIn, match="nothing runs on"):
        hub_of(tmp_path)
    hub = hub_of(bus.state_dir.parent)
    with pytest.raises(NoWayIn, match="no school s009: district, s001, s002"):
        hub.roles("s009")
    with pytest.raises(NoWayIn, match="no role writer"):
        hub.roles(None, "writer")
    with pytest.raises(NoWayIn, match="does not accept the key"):
        async with operator(Hub(Login(hub.login.url, make_seed()), hub.schools)):
            pass
    with pytest.raises(NoWayIn, match="does not answer"):
        async with operator(Hub(Login("nats://127.0.0.1:9", make_seed()), hub.schools)):
            pass
