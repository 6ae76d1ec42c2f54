"""A desk for tests: the real role on real servers, people who sign in, and the other roles' voices."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import httpx
import nats
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from minio import Minio
from nats.aio.client import Client
from nats.aio.msg import Msg

from reelwarden_access.district.desk import app
from reelwarden_access.district.desk.settings import Settings
from reelwarden_common.db import migrate, role_of
from reelwarden_common.envelope import decode, encode
from reelwarden_common.events.access import ExportReady, PackagedFile
from reelwarden_common.events.base import CameraSpan, Event
from reelwarden_common.events.ingest import CameraCoverage, CoverageAnswer, CoverageQuery
from reelwarden_common.events.report import CustodyAnswer
from reelwarden_common.messaging.declare import declare_hub
from reelwarden_common.role import running
from reelwarden_local.keys import make_key
from reelwarden_local.servers import NatsServer, free_port, plain_jetstream
from tests.support.backends import DATABASE_PASSWORD, Database, ObjectStore, unique

PASSWORD = "correct horse battery staple"
DEADLINE = 60.0
E = TypeVar("E", bound=Event)
_CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
PEOPLE: dict[str, tuple[str, str, list[str]]] = {
    "wang.fang": ("王芳", "三年级组", ["s001:applicant"]),
    "li.lei": ("李雷", "校长室", ["s001:leader"]),
    "han.mei": ("韩梅", "校长室", ["s001:leader"]),
    "chen.gang": ("陈刚", "安全办", ["s001:safety"]),
    "sun.wei": ("孙伟", "安全办", ["s001:safety", "s001:applicant"]),
    "zhou.jie": ("周杰", "信息中心", ["s001:retriever"]),
    "lin.xin": ("林新", "信息中心", ["s001:retriever"]),
    "gao.yuan": ("高远", "信息中心", ["s001:retriever"]),
    "wu.di": ("吴迪", "信息中心", ["s001:retriever"]),
    "zhao.yi": ("赵一", "信息中心", ["s001:retriever", "s001:leader", "s001:applicant"]),
    "wu.qian": ("吴倩", "门卫室", ["s001:reception"]),
    "zheng.yu": ("郑宇", "审计室", ["s001:auditor"]),
    "qian.duo": (
        "钱多",
        "实验中学",
        ["s002:leader", "s002:safety", "s002:retriever", "s002:applicant"],
    ),
    "luo.min": ("罗敏", "一年级组", ["s002:applicant"]),
    "he.ping": ("何平", "安全办", ["s002:safety", "s002:retriever"]),
    "yu.hua": ("于华", "校长室", ["s002:leader", "s002:retriever"]),
    "nobody": ("无名", "", []),
    "feng.ju": ("冯局", "教育局", ["district:district_officer"]),
    "deng.ke": ("邓科", "教育局", ["district:district_operator"]),
}
_CAMERA = """
[[schools.cameras]]
id = "{id}"
name = "{name}"
place = "{place}"
place_kind = "entrance"
[schools.cameras.recorder]
layout = "frigate"
folder = "frigate"
source = "{id}"
"""


def district_toml() -> str:
    """Two schools, the second a small one, and everybody above, all with the same password."""
    text = '[oidc]\nunit_claim = "department"\n[district]\nname = "示范区教育局"\n'
    for school, name in (("s001", "第一小学"), ("s002", "实验中学")):
        text += f'[[schools]]\nid = "{school}"\nname = "{name}"\nstorage = "{school}"\n'
        if school == "s002":
            text += "opinion_first = true\nfew_people = true\n"
        text += _CAMERA.format(id="gate", name="校门", place="校门口")
        text += _CAMERA.format(id="hall", name="大厅", place="教学楼一层")
    for group, role in (("s1-leaders", "s001:leader"), ("s1-safety", "s001:safety")):
        text += f'[[oidc.grants]]\nclaim = "groups"\nvalue = "{group}"\nroles = ["{role}"]\n'
    hashed = _CHEAP.hash(PASSWORD)
    for account, (name, unit, roles) in PEOPLE.items():
        text += f'[[people]]\nid = "{account}"\nname = "{name}"\nunit = "{unit}"\n'
        text += f'password_hash = "{hashed}"\nroles = {roles!r}\n'
    return text


@dataclass
class DeskHouse:
    """A running desk."""

    url: str
    settings: Settings
    minio: Minio
    database_url: str
    client: Client
    http: FastAPI
    heard: list[Event] = field(default_factory=list)
    sessions: dict[str, dict[str, str]] = field(default_factory=dict)

    @asynccontextmanager
    async def person(self, account: str) -> AsyncIterator[httpx.AsyncClient]:
        """Somebody's client, signed in once a run."""
        async with self.client_of(self.url, self.sessions.get(account, {})) as http:
            if account not in self.sessions:
                answer = await http.post("/api/session", json={"id": account, "password": PASSWORD})
                assert answer.status_code == 200, answer.text
                self.sessions[account] = dict(http.cookies)
            yield http

    @asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection]:
        """The desk's database, behind its back."""
        admin = await asyncpg.connect(self.database_url)
        try:
            yield admin
        finally:
            await admin.close()

    def client_of(self, url: str, cookies: dict[str, str]) -> httpx.AsyncClient:
        """A client of some desk that carries a session already."""
        return httpx.AsyncClient(base_url=url, timeout=30, cookies=cookies)

    def filing(self, **changes: Any) -> dict[str, Any]:
        """See `filing`."""
        return filing(**changes)

    async def ask(self, account: str, method: str, path: str, body: object = None) -> httpx.Response:
        """One request by somebody."""
        async with self.person(account) as http:
            return await http.request(method, path, json=body)

    async def do(self, account: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Post as somebody, who must not be refused."""
        answer = await self.ask(account, "POST", path, body)
        assert answer.is_success, answer.text
        return answer.json()

    async def show(self, application: str, account: str = "zheng.yu") -> dict[str, Any]:
        """An application as somebody sees it."""
        answer = await self.ask(account, "GET", f"/api/applications/{application}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def say(self, role: str, school: str, event: Event) -> None:
        """Another role says something."""
        message = encode(event, school=school, role=role, event_id=unique("e"), time=datetime.now(UTC))
        await self.client.jetstream().publish(message.subject, message.body, headers=message.headers)

    def said(self, kind: type[E], application: str | None = None) -> list[E]:
        """What the desk has said so far."""
        found = [e for e in self.heard if isinstance(e, kind)]
        return [e for e in found if application is None or getattr(e, "application", None) == application]

    async def until_said(self, kind: type[E], application: str | None = None, count: int = 1) -> list[E]:
        """Wait until the desk has said it."""
        for _ in range(int(DEADLINE / 0.05)):
            if len(found := self.said(kind, application)) >= count:
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"the desk has not said {kind.__name__}; it said {self.heard[-5:]}")

    async def until(self, application: str, account: str = "zheng.yu", **expected: Any) -> dict[str, Any]:
        """Wait until an application shows somebody these values."""
        for _ in range(int(DEADLINE / 0.1)):
            shown = await self.show(application, account)
            if all(shown[key] == value for key, value in expected.items()):
                return shown
            await asyncio.sleep(0.1)
        raise AssertionError(f"expected {expected}, found {shown}")

    async def file(self, account: str = "wang.fang", **changes: Any) -> str:
        """File an application; returns its id."""
        done = await self.do(account, "/api/applications", filing(**changes))
        return str(done["id"])

    async def approve(self, application: str, *accounts: str) -> None:
        """Everybody signs."""
        for account in accounts:
            digest = (await self.show(application))["digest"]
            body = {"digest": digest, "opinion": "同意", "password": PASSWORD}
            await self.do(account, f"/api/applications/{application}/approve", body)

    async def export(
        self,
        application: str,
        files: dict[str, bytes],
        gaps: Sequence[CameraSpan] = (),
        shows: CameraSpan | None = None,
    ) -> ExportReady:
        """Play the exporter: put files into the store and say so; `shows` is what the viewing copies show."""
        shown = await self.show(application, "feng.ju")
        bucket, folder = f"rw-exports-{shown['school']}", f"{shown['number']}/"
        packaged = []
        for name, content in files.items():
            await asyncio.to_thread(
                self.minio.put_object, bucket, folder + name, io.BytesIO(content), len(content)
            )
            kind = name.split("/")[0] if "/" in name else "gaps"
            media = "video/mp4" if name.endswith(".mp4") else "application/json"
            digest = hashlib.sha256(content).hexdigest()
            span = shows if kind == "view" else None
            packaged.append(
                PackagedFile(
                    name=name, size=len(content), digest=digest, kind=kind, media_type=media, span=span
                )
            )
        event = ExportReady(
            application=application,
            bucket=bucket,
            folder=folder,
            files=tuple(packaged),
            gaps=tuple(gaps),
            sources=("disk",),
            manifest="ab" * 32,
        )
        await self.say("exporter", shown["school"], event)
        return event

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """Write into the store behind everybody's back."""
        self.minio.put_object(bucket, key, io.BytesIO(content), len(content))

    async def ready(self, application: str, *approvers: str, files: dict[str, bytes] | None = None) -> None:
        """Approved and exported."""
        await self.approve(application, *approvers)
        await self.export(application, files or {"view/gate.mp4": b"0123456789" * 100})
        await self.until(application, status="ready")


def filing(**changes: Any) -> dict[str, Any]:
    """A proper application to view an hour of yesterday."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    body: dict[str, Any] = {
        "school": "s001",
        "cameras": ["gate"],
        "start": start.isoformat(),
        "end": (start + timedelta(hours=1)).isoformat(),
        "manner": "view",
        "reason": "学生书包在校门口丢失",
        "undertaking": True,
        "password": PASSWORD,
    }
    return body | changes


POLICE = {
    "manner": "copy",
    "outsider": "police",
    "name": "张警官",
    "unit": "某派出所",
    "identity_document": "警官证 012345",
    "authority_document": "调取证据通知书 2026-17",
}


@asynccontextmanager
async def open_house(
    folder: Path, postgres: Database, database_url: str, store: ObjectStore, patch: pytest.MonkeyPatch
) -> AsyncIterator[DeskHouse]:
    """Start bus and desk on a fresh database and the store of this run."""
    (folder / "district.toml").write_text(district_toml(), encoding="utf-8")
    for school in ("s001", "s002"):
        (folder / school).mkdir()
    await migrate(database_url, "access", DATABASE_PASSWORD)
    port = free_port()
    minio = store.client()
    for bucket in ("rw-exports-s001", "rw-exports-s002"):
        if not await asyncio.to_thread(minio.bucket_exists, bucket):
            await asyncio.to_thread(minio.make_bucket, bucket)
    patch.setenv("RW_S3_ENDPOINT", store.endpoint)
    patch.setenv("RW_S3_ACCESS_KEY", store.access_key)
    patch.setenv("RW_S3_SECRET_KEY", store.secret_key)
    name = database_url.rsplit("/", 1)[1].split("?", maxsplit=1)[0]
    async with NatsServer("desk-bus", plain_jetstream(port), port, folder / "bus") as server:
        client = await nats.connect(server.url)
        await declare_hub(client.jetstream(), ["s001", "s002"])
        settings = Settings(
            nats_url=server.url,
            district_toml=folder / "district.toml",
            database_url=postgres.url(role_of("access"), DATABASE_PASSWORD, name),
            session_key="k" * 40,
            session_idle_minutes=8 * 60,
            desk_key=make_key(folder / "keys" / "desk.pem"),
            packages_dir=folder / "packages",
            max_open_applications=1000,
        )
        async with app.build(settings) as role, running(role) as url:
            assert role.http
            house = DeskHouse(url, settings, minio, database_url, client, role.http)

            async def hear(message: Msg) -> None:
                house.heard.append(decode(message.subject, message.headers, message.data)[0])

            await client.subscribe("rw.*.desk.>", cb=hear)
            await client.flush()
            await client.subscribe("rw.district.registrar.query.custody", cb=_custody)
            await client.subscribe("rw.district.index.query.coverage", cb=_coverage)
            yield house
        await client.close()


async def _custody(question: Msg) -> None:
    """The registrar's voice."""
    answer = CustodyAnswer(entries=(), checkpoint="rw/s001\n0\nAAAA\n\n", size=0)
    await question.respond(answer.model_dump_json().encode())


async def _coverage(question: Msg) -> None:
    """The index's voice: recorded, but for ten seconds."""
    asked = CoverageQuery.model_validate_json(question.data)
    gap = CameraSpan(camera="gate", start=asked.start, end=asked.start + timedelta(seconds=10))
    camera = CameraCoverage(
        camera="gate", recorded_ms=3_590_000, gaps=(gap,), first=gap.end, last=asked.end, segments=359
    )
    await question.respond(CoverageAnswer(cameras=(camera,)).model_dump_json().encode())
