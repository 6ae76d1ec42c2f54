"""`reelwarden doctor`: look at everything that an installed district stands on, and say what to do.

Each check stands alone: what is not there is told, and the others go on.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import nats.errors
from minio import Minio
from minio.error import MinioException
from nats.js.errors import NotFoundError
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from reelwarden_common.db import SERVICES, migrations_of
from reelwarden_common.errors import ReelwardenError
from reelwarden_common.messaging.declare import hub_streams, role_consumers, school_durable
from reelwarden_common.messaging.nats_config import TOPOLOGY_USER
from reelwarden_common.messaging.topology import Place, Stream
from reelwarden_local.install.authority import expires
from reelwarden_local.install.checks import Check, bad, good, warning
from reelwarden_local.install.folder import DistrictFolder
from reelwarden_local.install.hub_admin import administered, connected
from reelwarden_local.install.store import buckets

SOON = timedelta(days=45)
"""Before a certificate ends, somebody should have made the next."""
OPEN = 0o077
_SECONDS = 5.0


async def look(folder: DistrictFolder, admin_url: str | None) -> AsyncIterator[Check]:
    """Every check, one after the other.

    Args:
        folder: The district's.
        admin_url: The database's administrator, where the operator gave one: without, it is not looked at.
    """
    for check in (*_private(folder.path), *_certificates(folder), *_schools(folder)):
        yield check
    yield await _hub(folder)
    yield await _declared(folder)
    yield await _database(admin_url)
    yield await asyncio.to_thread(_store, folder)


def _private(path: Path) -> Iterator[Check]:
    """Keys that others may read are no secrets."""
    files = [path, *(p for part in ("keys", "secrets") for p in (path / part).rglob("*") if p.is_file())]
    shown = [str(p) for p in files if p.stat().st_mode & OPEN and not p.name.endswith((".pub.pem", "ca.pem"))]
    if shown:
        names = ", ".join(shown[:5])
        yield bad(
            "private",
            f"别人可以读取密钥：{names}。请 chmod go= 并更换。",
            f"others may read keys: {names}. Take their rights away (chmod go=), and change these keys.",
        )
    else:
        yield good("private", "密钥只有本人可读", "keys are readable by their owner alone")


def _certificates(folder: DistrictFolder) -> Iterator[Check]:
    for server in folder.plan.hub:
        name = f"certificate {server.name}"
        try:
            left = expires(folder.path / "nats" / "tls" / f"{server.name}.pem") - datetime.now(UTC)
        except ReelwardenError as error:
            yield bad(name, f"证书有误：{error}", f"{error}: run `district certify`")
            continue
        if left < SOON:
            tell = warning if left > timedelta(0) else bad
            yield tell(
                name,
                f"{server.name} 的证书还剩 {left.days} 天：请 district certify，再 bus reload。",
                f"{server.name}'s certificate ends in {left.days} days: `district certify`, `bus reload`.",
            )
        else:
            yield good(
                name, f"{server.name} 的证书还有 {left.days} 天", f"{server.name}: {left.days} days left"
            )


def _schools(folder: DistrictFolder) -> Iterator[Check]:
    listed = {one.id for one in folder.config.schools}
    enrolled = set(folder.enrolled())
    for school in sorted(listed - enrolled):
        yield warning(
            f"school {school}",
            f"{school} 在 district.toml 中，但没有接入：school add {school}",
            f"{school} stands in district.toml and is not let in: `school add {school}`.",
        )
    for school in sorted(enrolled - listed):
        yield bad(
            f"school {school}",
            f"{school} 已接入，却不在 district.toml 中：请补上，或 school revoke {school}",
            f"{school} is let in and not in district.toml: add it, or `school revoke {school}`.",
        )
    yield good(
        "schools", f"{len(listed & enrolled)} 所学校已接入", f"{len(listed & enrolled)} school(s) let in"
    )


async def _guarded(name: str, work: Callable[[], Awaitable[Check]], hint: tuple[str, str]) -> Check:
    try:
        return await work()
    except (ReelwardenError, nats.errors.Error, asyncpg.PostgresError, OSError, TimeoutError) as error:
        why = str(error) or type(error).__name__
        return bad(name, f"{why}：{hint[0]}", f"{why}: {hint[1]}")


async def _hub(folder: DistrictFolder) -> Check:
    async def work() -> Check:
        async with administered(folder.login("sys"), len(folder.plan.hub)) as hub:
            count = len(await hub.servers())
        return good("hub", f"中心 {count} 台服务器都在", f"the hub's {count} server(s) answer")

    hint = (
        "服务器在运行吗？地址和证书与 plan.json 一致吗？",
        "do its servers run, with the files of nats/, at the addresses of plan.json?",
    )
    return await _guarded("hub", work, hint)


async def _declared(folder: DistrictFolder) -> Check:
    async def work() -> Check:
        missing = []
        async with connected(folder.login(TOPOLOGY_USER), TOPOLOGY_USER) as client:
            js = client.jetstream(timeout=_SECONDS)
            wanted: list[tuple[str, str | None]] = [(str(one.name), None) for one in hub_streams(1)]
            wanted += [(str(s), str(c.durable_name)) for s, c in role_consumers(Place.DISTRICT)]
            wanted += [(str(Stream.DISTRICT), str(school_durable(s).durable_name)) for s in folder.enrolled()]
            for stream, consumer in wanted:
                try:
                    await (js.consumer_info(stream, consumer) if consumer else js.stream_info(stream))
                except NotFoundError:
                    missing.append(f"{stream}/{consumer}" if consumer else stream)
        if missing:
            names = ", ".join(missing[:8])
            return bad("streams", f"缺少 {names}：bus declare", f"missing {names}: run `bus declare`")
        return good(
            "streams", f"{len(wanted)} 个流和消费者都在", f"{len(wanted)} streams and consumers are there"
        )

    return await _guarded("streams", work, ("请先修复中心", "mend the hub first"))


async def _database(url: str | None) -> Check:
    if url is None:
        return warning(
            "database",
            "没有检查数据库：请设置 REELWARDEN_ADMIN_URL",
            "the database was not looked at: set REELWARDEN_ADMIN_URL",
        )

    async def work() -> Check:
        connection = await asyncpg.connect(url, timeout=_SECONDS)
        try:
            behind = [s for s in SERVICES if await _behind(connection, s)]
        finally:
            await connection.close()
        if behind:
            names = ", ".join(behind)
            return bad(
                "database", f"{names} 的结构不是最新：database prepare", f"{names}: run `database prepare`"
            )
        return good(
            "database", f"{len(SERVICES)} 个服务的结构都是最新", "every service's schema is up to date"
        )

    return await _guarded("database", work, ("地址和密码对吗？", "is the address right, and the password?"))


async def _behind(connection: asyncpg.Connection, service: str) -> bool:
    """Whether a step is missing in a service's schema."""
    if not await connection.fetchval("SELECT to_regclass($1)", f"{service}.migrations"):
        return True
    rows = await connection.fetch(f"SELECT name FROM {service}.migrations")  # noqa: S608 - one of SERVICES
    return bool({one.name for one in migrations_of(service)} - {row["name"] for row in rows})


def _store(folder: DistrictFolder) -> Check:
    """As the ledger sees it, which may read every school's copies."""
    at, secrets = folder.plan.store, folder.store_secrets()
    pool = PoolManager(timeout=Timeout(_SECONDS), retries=Retry(1))
    client = Minio(
        at.endpoint, "ledger", secrets["ledger"], secure=at.secure, region=at.region, http_client=pool
    )
    try:
        missing = [b for s in folder.config.schools for b in buckets(s.id)[:1] if not client.bucket_exists(b)]
    except (MinioException, HTTPError, OSError) as error:
        why = str(error)[:200]
        return bad("store", f"存储：{why}", f"the store: {why}: is it there, does it know the key `ledger`?")
    if missing:
        names = ", ".join(missing[:5])
        return bad(
            "store", f"缺少存储桶 {names}：store prepare", f"missing buckets {names}: run `store prepare`"
        )
    return good("store", "各校存储桶都在", "every school's bucket is there")


def administrator() -> str | None:
    """The database's administrator, from the environment."""
    return os.environ.get("REELWARDEN_ADMIN_URL")
