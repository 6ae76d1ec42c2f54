"""The copy: built once, released once, to the recipient named (R4.3, R4.4)."""

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from reelwarden_access.district.desk import retrieval, to_sign
from reelwarden_access.district.desk.acts.combining import note_parts
from reelwarden_access.district.desk.acts.retrieving import check_retrieval
from reelwarden_access.district.desk.acts.signing import Signed, keep_signature
from reelwarden_access.district.desk.application import Application, Capacity, Status
from reelwarden_access.district.desk.desk import Work
from reelwarden_access.district.desk.package import (
    FootageFile,
    PackageParts,
    build_package,
    files_of_export,
)
from reelwarden_access.district.desk.retrieval import is_plain
from reelwarden_access.district.desk.tables.footage import Export
from reelwarden_access.district.desk.tables.retrievals import Release
from reelwarden_common.district import PersonRole
from reelwarden_common.errors import Refused, Transient
from reelwarden_common.events.access import CopyReleased, PackagedFile
from reelwarden_common.events.report import CustodyAnswer, CustodyQuery, KeyChanged
from reelwarden_common.messaging.topology import REGISTRAR_CUSTODY
from reelwarden_common.role import Bus
from reelwarden_common.s3 import S3
from reelwarden_common.telemetry import log
from reelwarden_common.web.refusals import Missing

DIGESTS = "digests.json"
"""The exporter's list of all files of the footage part."""
BUILDING_AT_MOST = timedelta(minutes=30)
"""A package that is not built by then was abandoned by a process that died."""


def building(release: Release | None, now: datetime) -> bool:
    """Whether a package is being made."""
    return release is not None and release.released_at is None and now - release.claimed_at < BUILDING_AT_MOST


class NotIntact(Refused):
    """A file in the store is not what the exporter had put there: nothing leaves, look at the store."""


@dataclass(frozen=True)
class Handing:
    """To whom, on what."""

    recipient: str
    medium: str


NewestCheckpoint = Callable[[str, str], Awaitable[str]]
"""Of a school's custody log, asked about something there: a signed note, or empty."""


@dataclass(frozen=True)
class Package:
    """A built package."""

    path: Path
    digest: str
    size: int
    manifest: str
    key: str
    """Fingerprint of the key that signed it."""


@dataclass(frozen=True)
class Parcel:
    """A released package that is being taken, and the name under which it is kept."""

    release: Release
    path: Path
    name: str


async def claim(
    work: Work, application_id: str, handing: Handing, signed: Signed
) -> tuple[Application, Export, Release]:
    """Everything that must be right before a package is built; two cannot build at once."""
    application, actor = await work.lock(application_id)
    retrieval.check_right(application, actor)
    retrieval.check_release(application, handing.recipient)
    supervision, export = await check_retrieval(work, application, actor)
    shown = to_sign.release(application, export_digest(export))
    work.check_shown(signed.digest, to_sign.digest_of_form(shown))
    release = Release(
        application=application.id,
        claim=uuid.uuid4().hex,
        claimed_at=work.now,
        retriever=actor.id,
        supervision=supervision.id,
        recipient=handing.recipient.strip(),
        medium=handing.medium.strip(),
        digest=None,
        size=None,
        released_at=None,
        handed_over_at=None,
    )
    taken = await work.store.retrievals.claim_release(release, work.now - BUILDING_AT_MOST)
    retrieval.check_alone(taken=taken)
    await keep_signature(work, actor, application.id, shown, signed, (PersonRole.RETRIEVER,))
    await note_parts(work, application, actor, Capacity.RETRIEVER)
    return application, export, release


def export_digest(export: Export | None) -> str:
    """Of the exporter's list of all files."""
    listed = export.file(DIGESTS) if export else None
    return listed.digest if listed else ""


async def finish(work: Work, application_id: str, claimed: str, package: Package) -> Release:
    """The package is built: release it, if everything is still right."""
    application, actor = await work.lock(application_id)
    table = work.store.retrievals
    release = await table.release(application.id)
    retrieval.check_release(application, release.recipient if release else "")
    supervision, _ = await check_retrieval(work, application, actor)
    done = await table.released(
        application.id, claimed, (package.digest, package.size, package.manifest), work.now
    )
    retrieval.check_alone(taken=done)
    use_by = work.now + work.rules.use_within
    await work.store.applications.update(application.id, status=Status.RELEASED, use_by=use_by)
    work.store.publish(
        application.school,
        CopyReleased(
            application=application.id,
            package=package.digest,
            recipient=application.outsider or "staff",
            supervisor=supervision.supervisor,
            use_by=use_by,
        ),
    )
    if before := await table.signed_with(package.key, work.now):
        work.store.publish(application.school, KeyChanged(of="packages", key=package.key, before=before))
    released = await table.release(application.id)
    assert released is not None  # noqa: S101 - written above
    return released


async def hand_over(work: Work, application_id: str) -> tuple[str, Release]:
    """Whoever released it takes it, until it has been taken whole; with the application's number."""
    application, actor = await work.lock(application_id)
    release = await work.store.retrievals.release(application.id)
    if release is None or release.released_at is None:
        raise Missing
    supervised = await work.store.retrievals.supervision(application.id, work.now) is not None
    retrieval.check_handing_over(
        actor, release.retriever, done=release.handed_over_at is not None, supervised=supervised
    )
    return application.number, release


class Builder:
    """Collects what a package consists of, and has it built.

    Args:
        s3: Where the footage part lies; read only.
        bus: Asks the registrar for custody entries.
        folder: Where packages wait to be handed over.
        key: Path of the Ed25519 key that signs the manifest.
    """

    def __init__(self, s3: S3, bus: Bus, folder: Path, key: Path) -> None:
        self._s3 = s3
        self._bus = bus
        self._folder = folder
        self.key = key

    def path(self, release: Release) -> Path:
        """Where the package of a release lies."""
        return self._folder / f"{release.application}.{release.claim}.zip"

    def tidy(self, waiting: Collection[Release], now: datetime) -> None:
        """Erase what nobody will take any more; what is being built is young and is left alone."""
        kept = {self.path(release) for release in waiting}
        for path in self._folder.glob("*") if self._folder.is_dir() else ():
            age = now.timestamp() - path.stat().st_mtime
            if path not in kept and age > BUILDING_AT_MOST.total_seconds():
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)

    async def build(
        self,
        application: Application,
        export: Export,
        release: Release,
        forms: Mapping[str, bytes],
        custody: CustodyAnswer | None,
        stills: Mapping[str, bytes],
    ) -> Package:
        """Fetch, check, put together.

        Raises:
            StoreAway: the store does not answer. NotIntact: a file is not what it was.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            footage = await self._fetch(export, Path(scratch))
            parts = PackageParts(
                number=application.number,
                manner=application.manner,
                footage_files=footage,
                gaps=export.gaps,
                forms=dict(forms),
                custody=custody,
                recipient_text=f"{release.recipient} · {application.number}",
                signing_key_path=self.key,
                stills=stills,
            )
            target = self.path(release)
            built = await asyncio.to_thread(build_package, target, parts)
        return Package(target, built.digest, built.size, built.manifest, built.key)

    async def _fetch(self, export: Export, folder: Path) -> list[FootageFile]:
        """All files of the footage part, also those that were too many for its event."""
        found = [await self._fetch_one(export, file, folder / f"{n}") for n, file in enumerate(export.files)]
        for name, path, _ in list(found):
            if name == DIGESTS:
                known = {file.name for file in export.files}
                more = [f for f in files_of_export(path.read_bytes()) if f.name not in known]
                found += [
                    await self._fetch_one(export, file, folder / f"more-{n}") for n, file in enumerate(more)
                ]
        return found

    async def _fetch_one(self, export: Export, file: PackagedFile, path: Path) -> FootageFile:
        if not is_plain(file.name):
            message = f"{file.name!r}: 文件名不安全 · unsafe file name"
            raise NotIntact(message)
        digest = await self._s3.get_file(export.bucket, export.folder + file.name, path)
        if digest != file.digest:
            message = f"{file.name}: 内容与导出时不符，未放行 · its content is not what was exported"
            raise NotIntact(message)
        return file.name, path, digest

    async def checkpoint(self, school: str, about: str) -> str:
        """The newest checkpoint of a school's custody log, a signed note; empty when it cannot be had."""
        found = await self.custody(school, about, ())
        return found.checkpoint if found else ""

    async def custody(self, school: str, application: str, holds: tuple[str, ...]) -> CustodyAnswer | None:
        """What the custody log says of it; a package without says so."""
        question = CustodyQuery(school=school, application=application, holds=holds)
        try:
            return await self._bus.ask(REGISTRAR_CUSTODY, "district", question, CustodyAnswer, 5)
        except Transient as error:
            log("desk").warning("no_custody", application=application, error=str(error))
            return None
