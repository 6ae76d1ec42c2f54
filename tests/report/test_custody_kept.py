"""Checkpoints where we cannot change them: under object lock, and stamped by a time-stamp authority."""

import base64
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from minio.commonconfig import COMPLIANCE, GOVERNANCE
from minio.error import S3Error
from minio.retention import Retention
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from reelwarden_access import verify
from reelwarden_access.district.desk.package import build_package
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.events.report import CheckpointCountersigned, CustodyQuery
from reelwarden_common.messaging.postgres import PgUnits
from reelwarden_common.s3 import S3, StoreAway
from reelwarden_common.settings import S3Settings
from reelwarden_report.custody.audit import audit
from reelwarden_report.custody.merkle import wanted
from reelwarden_report.custody.notes import COSIGNED, Signer
from reelwarden_report.custody.peers import origin, witness
from reelwarden_report.district.registrar import domain
from reelwarden_report.district.registrar.deposit import BUCKET, Deposits
from reelwarden_report.district.registrar.measures import _DONE, Measures
from reelwarden_report.district.registrar.stamping import Authority, AuthorityAway, BadStamp, Stamps
from reelwarden_report.district.registrar.store import RegistrarStore
from tests.access.packages import Log, parts_of
from tests.report.test_registrar import KEY, append, units_of
from tests.support.authority import TimeStampAuthority, authority
from tests.support.backends import ObjectStore, unique

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def countersigned(units: PgUnits[RegistrarStore], school: str, entries: range) -> int:
    """The log grows; both sides sign. Returns its size."""
    await append(units, entries, school)
    site = Signer(witness(school, "notary"), Ed25519PrivateKey.generate())
    async with units.begin() as store:
        checkpoint = await store.sign_if_grown(school)
        assert checkpoint is not None
        signed = Signer(origin(school, "registrar"), KEY).sign(checkpoint.text)
        note = site.cosign(signed, int(datetime.now(UTC).timestamp()))
        event = CheckpointCountersigned(size=checkpoint.size, note=note, key=str(site.key(COSIGNED)))
        await store.cosigned(school, event)
    return checkpoint.size


def bucket(store: ObjectStore) -> S3:
    client = store.client()
    if not client.bucket_exists(BUCKET):
        client.make_bucket(BUCKET, object_lock=True)
    key = SecretStr(store.secret_key)
    return S3(S3Settings(endpoint=store.endpoint, access_key=store.access_key, secret_key=key), threads=1)


async def test_checkpoints_lie_where_nobody_can_delete_them(
    report_pool: asyncpg.Pool, s3: ObjectStore
) -> None:
    units, school, store, admin = units_of(report_pool), unique("k"), bucket(s3), s3.client()
    deposits = Deposits(units, store, HOUR, DAY)
    await countersigned(units, school, range(3))
    await deposits.turn()
    name = f"{school}/registrar/{3:012d}.note"
    (version,) = await store.versions(BUCKET, name)
    until = await store.locked_until(BUCKET, name, version.version)
    assert until is not None
    assert until > datetime.now(UTC) + timedelta(hours=23)
    with pytest.raises(S3Error, match=r"AccessDenied|denied"):
        admin.remove_object(BUCKET, name, version_id=version.version)
    for mode in (COMPLIANCE, GOVERNANCE):
        shorter = Retention(mode, datetime.now(UTC) + timedelta(minutes=1))
        with pytest.raises(S3Error):
            admin.set_object_retention(BUCKET, name, shorter, version_id=version.version)
    note = (await store.get_bytes(BUCKET, name)).decode()
    assert verify.Note(note).size == 3

    await countersigned(units, school, range(3, 5))
    await deposits.turn()
    assert len(await store.versions_below(BUCKET, f"{school}/")) == 1, "an hour has not gone by"
    later = Deposits(units, store, timedelta(0), DAY)
    for _ in range(2):
        await later.turn()
    assert len(await store.versions_below(BUCKET, f"{school}/")) == 2
    store.close()

    rewritten = Log.of(5, changed=1)
    key = Signer(origin(school, "registrar"), KEY).key()
    assert audit(rewritten.entries, [note], key), "what lies there tells a log that was written anew"
    assert audit(rewritten.entries[:2], [note], key), "and one that was rolled back"
    rows = await report_pool.fetch(
        "SELECT text FROM custody_entry WHERE school = $1 ORDER BY position", school
    )
    assert audit([row["text"] for row in rows], [note], key) == []


async def test_a_store_that_is_away_is_waited_for(report_pool: asyncpg.Pool, s3: ObjectStore) -> None:
    units, school, store = units_of(report_pool), unique("k"), bucket(s3)
    await countersigned(units, school, range(2))
    away = S3(S3Settings(endpoint="127.0.0.1:9", access_key="a", secret_key=SecretStr("b")), threads=1)
    with pytest.raises(StoreAway):
        await Deposits(units, away, HOUR, DAY).turn()
    away.close()
    await Deposits(units, store, HOUR, DAY).turn()
    assert len(await store.versions_below(BUCKET, f"{school}/")) == 1
    store.close()


async def test_an_authority_that_is_away_is_asked_again(report_pool: asyncpg.Pool) -> None:
    units = units_of(report_pool)
    await countersigned(units, "s001", range(2))
    with pytest.raises(AuthorityAway):
        await Stamps(units, Authority("http://127.0.0.1:9/"), DAY).turn()
    async with units.begin() as store:
        assert [size for _, size, _ in await store.stamps.due(datetime.now(UTC))] == [2]


@pytest.fixture(scope="module")
def stamping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimeStampAuthority]:
    with authority(tmp_path_factory.mktemp("authority") / "own") as one:
        yield one


def certain(one: TimeStampAuthority) -> Authority:
    return Authority.of(one.url, one.folder / "ca.pem")


def stamped_by(folder: Path, root: Path) -> bool:
    """The command of docs/evidence.md."""
    command = f"openssl ts -verify -data data/custody/stamped.txt -in data/custody/stamped.tsr -CAfile {root}"
    done = subprocess.run(command.split(), cwd=folder, capture_output=True, check=False, timeout=30)
    return done.returncode == 0


@pytest.mark.system
async def test_a_checkpoint_is_stamped_once_a_day_and_goes_into_packages(
    report_pool: asyncpg.Pool, stamping: TimeStampAuthority, tmp_path: Path
) -> None:
    units = units_of(report_pool)
    await countersigned(units, "s001", range(5))
    stamps = Stamps(units, certain(stamping), DAY)
    for _ in range(2):
        await stamps.turn()
    assert stamping.asked == 1
    await countersigned(units, "s001", range(5, 9))
    await stamps.turn()
    assert stamping.asked == 1, "once a day"
    async with units.begin() as store:
        covered = await store.covered(CustodyQuery(school="s001", application="app1"))
        answer = domain.answer(covered, await store.nodes("s001", wanted(covered.ranges)))
    assert answer.stamped is not None
    assert (answer.stamped.size, answer.size) == (5, 9)

    target, folder = tmp_path / "p.zip", tmp_path / "unpacked"
    parts = parts_of(tmp_path, answer)
    build_package(target, parts)
    found = verify.verify(target)
    assert found.intact, verify.report(found)
    (note,) = (one for one in found.notes if one.code == "stamped")
    assert note.fields["size"] == "5"
    assert note.fields["time"].startswith(f"{datetime.now(UTC):%Y%m%d}")
    with zipfile.ZipFile(target) as opened:
        opened.extractall(folder)
    assert stamped_by(folder, stamping.folder / "ca.pem")
    kept = (folder / "data/custody/stamped.txt").read_bytes()
    (folder / "data/custody/stamped.txt").write_bytes(kept.replace(b"\n5\n", b"\n6\n"))
    assert not stamped_by(folder, stamping.folder / "ca.pem")

    earlier = answer.stamped.model_copy(update={"note": answer.checkpoint, "size": 9, "consistency": ()})
    lies = (
        {"stamped": earlier},
        {"stamp": base64.b64encode(b"nothing").decode()},
        {"stamp": base64.b64encode(base64.b64decode(answer.stamp)[:200]).decode()},
    )
    for lie in lies:
        build_package(target, replace(parts, custody=answer.model_copy(update=lie)))
        assert {one.code for one in verify.verify(target).problems} == {"bad-stamp"}, lie


@pytest.mark.system
async def test_an_answer_that_stamps_something_else_is_not_kept(
    report_pool: asyncpg.Pool, stamping: TimeStampAuthority, tmp_path: Path
) -> None:
    units = units_of(report_pool)
    await countersigned(units, "s001", range(2))
    old = await certain(stamping).stamp(b"something else")
    other = TimeStampAuthority.certified(tmp_path / "other")
    lies = (lambda _: old, lambda _: b"no time stamp", lambda _: b"")
    for lie in lies:
        stamping.answer = lie
        with pytest.raises(BadStamp):
            await Stamps(units, certain(stamping), DAY).turn()
    stamping.answer = None
    with pytest.raises(BadStamp):
        await Stamps(units, Authority.of(stamping.url, other / "ca.pem"), DAY).turn()
    async with units.begin() as store:
        assert len(await store.stamps.due(datetime.now(UTC))) == 1
    await Stamps(units, Authority.of(stamping.url, None), DAY).turn()
    async with units.begin() as store:
        assert await store.stamps.due(datetime.now(UTC) - DAY) == []


async def test_what_is_missing_for_two_days_is_measured(report_pool: asyncpg.Pool, s3: ObjectStore) -> None:
    units, school, store = units_of(report_pool), unique("k"), bucket(s3)
    registry, now = CollectorRegistry(), [datetime.now(UTC)]
    measures = Measures(report_pool, registry, ("countersigned", "deposited", "stamped"), lambda: now[0])

    async def late() -> dict[str, float]:
        await measures.turn()
        told = (registry.get_sample_value("reelwarden_checkpoints_late", {"what": what}) for what in _DONE)
        return dict(zip(_DONE, (value or 0 for value in told), strict=True))

    await append(units, range(3), school)
    async with units.begin() as one:
        await one.sign_if_grown(school)
    assert set((await late()).values()) == {0}
    now[0] += timedelta(days=2, minutes=1)
    assert await late() == {"countersigned": 1, "deposited": 1, "stamped": 1}
    await countersigned(units, school, range(3, 4))
    await Deposits(units, store, HOUR, DAY).turn()
    store.close()
    assert await late() == {"countersigned": 0, "deposited": 0, "stamped": 1}
    await append(units, range(1), DISTRICT_SCHOOL)
    async with units.begin() as one:
        await one.sign_if_grown(DISTRICT_SCHOOL)
    assert await late() == {"countersigned": 0, "deposited": 1, "stamped": 2}, "nobody else signs that log"
    store = bucket(s3)
    await Deposits(units, store, HOUR, DAY).turn()
    store.close()
    assert await late() == {"countersigned": 0, "deposited": 0, "stamped": 2}
