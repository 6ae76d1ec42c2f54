"""A district installed from nothing, schools let in and out while it runs: real servers, real TLS."""

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest
import pytest_asyncio
from nats.aio.client import Client
from typer.testing import CliRunner

from reelwarden_common.messaging.declare import declare_leaf
from reelwarden_common.messaging.login import Login, make_seed, public_key
from reelwarden_local.cli import app
from reelwarden_local.install import doctor, schools, site
from reelwarden_local.install.folder import DistrictFolder, FolderProblem, init
from reelwarden_local.install.hub_admin import HubAway, administered, connected
from reelwarden_local.install.invitation import Invitation, NotInvited, Request, read_request
from reelwarden_local.install.plan import Plan
from reelwarden_local.install.site_folder import SiteFolder
from reelwarden_local.servers import LOOPBACK, NatsServer, free_ports
from tests.support.ingest import recorded, until, write_district

SCHOOLS = ("s001", "s002")
NOW = datetime.now(UTC)


@dataclass
class District:
    """An installed district: its folder, and its hub as it would run on a machine of its own."""

    folder: DistrictFolder
    hub: NatsServer
    root: Path

    async def connect(self, user: str) -> Client:
        return await nats.connect(
            **self.folder.login(user).options(), inbox_prefix=f"_INBOX.{user}".encode(), connect_timeout=5
        )

    def site(self, school: str) -> SiteFolder:
        return SiteFolder(self.root / "sites" / school)

    async def invited(self, school: str, *, again: bool = False) -> Invitation:
        """An invitation, as it reads after it was typed in at the school."""
        made = schools.invite(self.folder, school, timedelta(hours=1), again=again)
        await schools.apply(self.folder, accounts=False)
        return Invitation.read(made.text())

    @asynccontextmanager
    async def enrolled(self, school: str, *, again: bool = False) -> AsyncIterator[NatsServer]:
        """A school that came and whose server runs."""
        invitation = await self.invited(school, again=again)
        waiting = asyncio.create_task(schools.admit(self.folder, school, timedelta(seconds=60), print))
        storage = self.root / "recordings" / school
        storage.mkdir(parents=True, exist_ok=True)
        ports = free_ports(6)
        await asyncio.sleep(0.5)
        await site.enrol(self.site(school), invitation, storage, (ports[0], ports[1]))
        leaf = NatsServer(
            "leaf", self.site(school).leaf_config, ports[0], self.root / "sites" / school / "nats"
        )
        async with leaf:
            assert await asyncio.wait_for(waiting, 60)
            async with connected(self.site(school).login("topology"), "topology") as client:
                await declare_leaf(client.jetstream(timeout=10), school, 64 * 1024**2)
            yield leaf


def plan(ports: list[int], root: Path, **more: Any) -> Plan:
    return Plan.model_validate(
        {
            "hub": [
                {"clients": f"localhost:{ports[0]}", "leaves": f"localhost:{ports[1]}", "names": [LOOPBACK]}
            ],
            "database": "postgresql://db.example:5432/reelwarden?sslmode=verify-full",
            "store": {"endpoint": "s3.example:443"},
            "desk_url": "https://desk.example",
            "dashboard_url": "https://dashboard.example",
            "nats_config": root / "district" / "nats",
            "nats_store": root / "hub" / "jetstream",
            "nats_store_gb": 1,
            **more,
        }
    )


@pytest_asyncio.fixture
async def district(tmp_path: Path) -> AsyncIterator[District]:
    ports = free_ports(2)
    toml = write_district(tmp_path, SCHOOLS)
    folder = init(tmp_path / "district", toml, plan(ports, tmp_path), NOW)
    hub = NatsServer("hub", folder.path / "nats" / "hub.conf", ports[0], tmp_path / "hub")
    async with hub:
        await schools.declare(folder)
        yield District(folder, hub, tmp_path)


async def test_schools_come_one_after_the_other_and_what_they_say_stays_their_own(district: District) -> None:
    async with AsyncExitStack() as stack:
        for school in SCHOOLS:
            await stack.enter_async_context(district.enrolled(school))
        keeper = await district.connect("keeper")
        for school in SCHOOLS:
            own = district.site(school)
            scanner = await nats.connect(**own.login("scanner").options(), inbox_prefix=b"_INBOX.scanner")
            said = recorded(school, 0)
            await scanner.jetstream().publish(said.subject, said.body, headers=said.headers)
            await scanner.close()
            await keeper.jetstream().publish(f"rw.{school}.keeper.plan.issued", b"{}", timeout=5)

            async def arrived(own: SiteFolder = own) -> bool:
                async with connected(own.login("topology"), "topology") as client:
                    return bool((await client.jetstream().stream_info("DISTRICT")).state.messages == 1)

            await until(arrived)
        await keeper.close()


async def test_an_invitation_is_good_once_and_for_its_school_alone(district: District) -> None:
    invitation = await district.invited("s001")
    login = Login(invitation.hubs[0], invitation.seed, district.folder.path / "nats" / "tls" / "ca.pem")
    async with connected(login, "enrol-s001") as client:
        refused: list[str] = []
        client._error_cb = lambda error: _note(refused, error)
        for subject in ("enrol.s002", "rw.s001.keeper.plan.issued", "$JS.API.STREAM.INFO.DISTRICT"):
            await client.publish(subject, b"{}")

        async def all_refused() -> bool:
            return len(refused) == 3

        await until(all_refused)
    request = Request(school="s001", uplink=public_key(make_seed()), notary="x")
    first = await schools.let_in(district.folder, "s001", request)
    assert first.refusal is None
    again = await schools.let_in(district.folder, "s001", request)
    assert again.refusal is None
    assert again.store == first.store
    other = await schools.let_in(
        district.folder, "s001", request.model_copy(update={"uplink": public_key(make_seed())})
    )
    assert other.refusal
    assert "revoke s001" in other.refusal[1]
    schools.close(district.folder, "s001")
    await schools.apply(district.folder)
    with pytest.raises(HubAway):
        async with connected(login, "enrol-s001"):
            pass
    with pytest.raises(FolderProblem, match="--again"):
        schools.invite(district.folder, "s001", timedelta(hours=1))


async def test_what_would_stop_the_hubs_reload_is_refused_before(district: District) -> None:
    good = public_key(make_seed())
    await district.invited("s001")
    for uplink in (
        "U" + "A" * 55,
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good.lower(),
        "",
        "x" * 9999,
    ):
        body = json.dumps({"school": "s001", "uplink": uplink, "notary": "x"}).encode()
        with pytest.raises(NotInvited, match="no public key"):
            read_request(body)
    assert district.folder.enrolled() == {}


async def _note(refused: list[str], error: Exception) -> None:
    refused.append(str(error))


async def test_a_school_gets_new_keys_and_the_old_are_worth_nothing(district: District) -> None:
    async with district.enrolled("s001") as leaf:
        old = district.site("s001").seeds()["uplink"]
        notary = district.folder.enrolled()["s001"].notary
        await leaf.stop()
    async with district.enrolled("s001", again=True):
        assert district.site("s001").seeds()["uplink"] != old
        assert district.folder.enrolled()["s001"].notary == notary


async def test_a_revoked_school_is_out_at_once_and_the_others_stay(district: District) -> None:
    async with district.enrolled("s001"), district.enrolled("s002"):
        assert await schools.revoke(district.folder, "s001") == 1
        await asyncio.sleep(3)  # its server tries again each second
        async with administered(district.folder.login("sys"), 1) as hub:
            assert await hub.leaves("s001") == []
            assert len(await hub.leaves("s002")) == 1


async def test_the_doctor_finds_what_is_there_and_what_is_not(district: District) -> None:
    async with district.enrolled("s001"):
        found = {
            c.name: c.state async for c in doctor.look(district.folder, "postgresql://nobody@localhost:1/x")
        }
        assert found == {
            "private": "good",
            "certificate hub": "good",
            "school s002": "warning",
            "schools": "good",
            "hub": "good",
            "streams": "good",
            "database": "bad",
            "store": "bad",
        }
        await district.hub.stop()
        (district.folder.path / "keys" / "nats" / "ops.seed").chmod(0o644)
        told = {c.name: c async for c in doctor.look(district.folder, None)}
        assert {name: told[name].state for name in ("private", "hub", "streams", "database")} == {
            "private": "bad",
            "hub": "bad",
            "streams": "bad",
            "database": "warning",
        }
        assert "ops.seed" in told["private"].told.en
        await district.hub.start()


async def test_nobody_talks_to_the_hub_in_the_clear_or_to_another_in_its_name(district: District) -> None:
    plain = Login(f"nats://localhost:{district.hub.port}", district.folder.seed("ops"))
    with pytest.raises((nats.errors.Error, ssl.SSLError, OSError)):
        await nats.connect(**plain.options(), max_reconnect_attempts=0, allow_reconnect=False)
    unknown = Login(f"tls://localhost:{district.hub.port}", district.folder.seed("ops"))
    with pytest.raises((nats.errors.Error, ssl.SSLError, OSError)):
        await nats.connect(**unknown.options(), max_reconnect_attempts=0, allow_reconnect=False)
    stranger = Login(unknown.url, make_seed(), district.folder.path / "nats" / "tls" / "ca.pem")
    with pytest.raises(HubAway, match=r"(?i)authorization"):
        async with connected(stranger, "ops"):
            pass


def test_each_role_has_its_secrets_and_no_other(tmp_path: Path) -> None:
    folder = init(tmp_path / "district", write_district(tmp_path, SCHOOLS), plan([4222, 7422], tmp_path), NOW)
    found: dict[str, set[str]] = {f.parent.name: set() for f in (folder.path / "secrets").glob("*/*")}
    for file in (folder.path / "secrets").glob("*/*"):
        found[file.parent.name].add(file.name)
        assert file.stat().st_mode & 0o077 == 0
    assert found["index"] == {"rw_nats_seed", "ca.pem", "rw_database_url"}
    assert found["intake"] == {"rw_nats_seed", "ca.pem", "rw_intake_seeds"}
    assert "keeper.pem" in found["keeper"]
    assert not any("keeper.pem" in names for role, names in found.items() if role != "keeper")
    config = "".join(p.read_text() for p in (folder.path / "nats").glob("*.conf"))
    assert re.search(r"\bSU[A-Z2-7]{56}\b", config) is None
    assert folder.path.stat().st_mode & 0o077 == 0
    with pytest.raises(FolderProblem):
        init(tmp_path / "district", tmp_path / "district.toml", plan([1, 2], tmp_path), NOW)


def test_what_is_told_to_a_school_names_no_other_and_nobody(tmp_path: Path) -> None:
    folder = init(tmp_path / "district", write_district(tmp_path, SCHOOLS), plan([4222, 7422], tmp_path), NOW)
    part = schools.school_part(folder, "s001")
    assert "s001" in part
    assert "s002" not in part
    assert "people" not in part


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "no whole invitation"), ("RW1.e30", "no whole invitation"), ("hello", "no whole invitation")],
)
def test_what_is_no_invitation_is_told(text: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RW_LANG", "en")
    with pytest.raises(NotInvited, match=told):
        Invitation.read(text)


def test_an_invitation_that_is_over_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RW_LANG", "en")
    made = Invitation(school="s001", hubs=("tls://x:1",), authority="", seed=make_seed(), until=NOW)
    with pytest.raises(NotInvited, match=r"ended at .* ask the district for a new one"):
        Invitation.read(made.text())


def test_commands_say_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RW_LANG", "en")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.json").write_text(json.dumps({"hub": []}))
    for words, told in (
        ("district init d --plan plan.json", "hub: Tuple should have at least 1 item"),
        ("school add s001", "plan.json"),
        ("site run --state nowhere", "site enroll"),
        ("role writer", "no role writer"),
        ("site enroll x --storage .", "no whole invitation"),
    ):
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 2, words
        assert told in " ".join(result.output.split()), words
    assert not (tmp_path / "d").exists()
