"""Makes exports one after the other: ask, gather, build, upload, say so; goes on after a crash anywhere."""

import asyncio
import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from reelwarden_access.site.exporter.beside import Beside
from reelwarden_access.site.exporter.domain import Piece, Unusable, gaps, pause, runs
from reelwarden_access.site.exporter.files import Storage
from reelwarden_access.site.exporter.footage import Findings, Footage, FootageBuilder
from reelwarden_access.site.exporter.gather import Ask, Gatherer, known_segments
from reelwarden_access.site.exporter.settings import Settings
from reelwarden_access.site.exporter.store import ExporterStore, Job
from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.errors import ReelwardenError, Transient
from reelwarden_common.events.access import ExportReady, PackagedFile
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.identity import digest_of
from reelwarden_common.messaging.sqlite import SqliteUnits
from reelwarden_common.s3 import S3, ContentDiffers, NotAllowed, NotStored
from reelwarden_common.telemetry import log

UNFORESEEN_ATTEMPTS = 5
FILES_AN_EVENT = 300
"""Native segments beyond that are listed in digests.json only; gaps beyond it in gaps.json."""


class NothingThere(ReelwardenError):
    """There is no footage at all in the approved spans."""


class NotYet(Transient):
    """The scanner's catalogue has not reached the end of a span."""


class Exporter:
    """The loop of the exporter."""

    def __init__(
        self,
        settings: Settings,
        units: SqliteUnits[ExporterStore],
        storage: Storage,
        s3: S3,
        ask: Ask,
        clock: Clock = system_clock,
    ) -> None:
        self._settings, self._units, self._storage = settings, units, storage
        self._s3, self._ask, self._clock = s3, ask, clock
        self._media = Beside()
        self._work = settings.state_dir / "exporter"
        self._backup = f"rw-footage-{settings.school}"
        self._exports = f"rw-exports-{settings.school}"

    def close(self) -> None:
        """Let the process that decodes end."""
        self._media.close()

    def _folder(self, job: Job) -> Path:
        """Named by a digest: an id from outside is no path."""
        return self._work / digest_of([job.request.application])[:32]

    async def turn(self) -> None:
        """Work on the job that has waited longest, if there is one."""
        async with self._units.begin() as store:
            job = store.next_job()
        if job is not None:
            await self._work_on(job)

    async def _work_on(self, job: Job) -> None:
        number = job.request.number
        if self._clock() >= job.request.deadline:
            detail = job.problem or "the approval had run out when it arrived"
            await self._fail(job, "deadline", f"not ready before the approval ran out: {detail}")
            return
        try:
            footage = Footage.model_validate_json(job.built) if job.built else await self._build(job)
            await self._upload(job, footage)
        except (Transient, NotAllowed, NotStored) as error:
            await self._later(job, str(error))
        except ContentDiffers as error:
            await self._again(job, f"a file changed after it was built: {error}")
        except NothingThere as error:
            await self._fail(job, "nothing-there", str(error))
        except OSError as error:
            await self._again(job, f"{error.strerror or error}: {error.filename or self._work}")
        except Exception as error:  # noqa: BLE001 - one bad export must not end the others
            log("exporter").exception("export_failed", number=number)
            problem = f"{type(error).__name__}: {error}"
            async with self._units.begin() as store:
                store.fault(job)
            if job.faults + 1 < UNFORESEEN_ATTEMPTS:
                await self._again(job, problem)
            else:
                await self._fail(job, "internal", problem)

    # building

    async def _build(self, job: Job) -> Footage:
        folder = self._folder(job)
        fetched = folder / "fetched"
        await asyncio.to_thread(_emptied, folder, fetched)
        gatherer = Gatherer(self._storage, self._s3, self._backup, fetched, self._media)
        findings = [await self._find(job, gatherer, span) for span in job.request.spans]
        if not any(found.pieces for found in findings):
            raise NothingThere(_why_nothing(findings))
        builder = FootageBuilder(job.request, folder, gatherer.files, self._media)
        footage = await asyncio.to_thread(builder.build, findings)
        async with self._units.begin() as store:
            store.built(job, footage.model_dump_json())
        log("exporter").info("export_built", number=job.request.number, files=len(footage.files))
        return footage

    async def _find(self, job: Job, gatherer: Gatherer, span: CameraSpan) -> Findings:
        known = await known_segments(self._ask, span)
        patience = timedelta(seconds=self._settings.catalogue_patience_seconds)
        waited = self._clock() - job.asked_at
        if (known.complete_to is None or known.complete_to < span.end) and waited < patience:
            raise NotYet(f"the catalogue of {span.camera} reaches {known.complete_to}, not {span.end}")
        found = [await gatherer.get(one) for one in known.segments.values()]
        pieces = [one for one in found if isinstance(one, Piece)]
        unusable = [one for one in found if isinstance(one, Unusable)]
        missing = gaps(span, pieces, unusable, known.complete_to)
        return Findings(span, runs(span, pieces), missing, pieces, unusable)

    # uploading

    async def _upload(self, job: Job, footage: Footage) -> None:
        folder = f"{job.request.number}/"
        for built in footage.files:
            key = folder + built.file.name
            if await self._stored(key, built.file):
                continue
            with built.located.open() as file:
                await self._s3.put_open_file(
                    self._exports,
                    key,
                    file,
                    built.file.digest,
                    content_type=built.file.media_type,
                    locked_until=job.request.deadline,
                )
        async with self._units.begin() as store:
            store.ready(job, _event(job, self._exports, folder, footage))
        await asyncio.to_thread(shutil.rmtree, self._folder(job), ignore_errors=True)
        log("exporter").info("export_ready", number=job.request.number, files=len(footage.files))

    async def _stored(self, key: str, file: PackagedFile) -> bool:
        """Whether an earlier try stored it already: by content, and asked only where the size fits."""
        try:
            if await self._s3.size(self._exports, key) != file.size:
                return False
            return await self._s3.digest(self._exports, key) == file.digest
        except NotStored:
            return False

    # erasing

    async def erase_old(self) -> None:
        """Erase exports past their deadline: nobody may retrieve them, so nobody may keep them (art. 17)."""
        async with self._units.begin() as store:
            jobs = store.past_deadline()
        for job in jobs:
            footage = Footage.model_validate_json(job.built or "")
            try:
                for built in footage.files:
                    await self._erase(f"{job.request.number}/{built.file.name}")
            except NotAllowed as error:
                log("exporter").warning("export_not_erased", number=job.request.number, problem=str(error))
                continue
            async with self._units.begin() as store:
                store.erased(job)
            log("exporter").info("export_erased", number=job.request.number, files=len(footage.files))

    async def _erase(self, key: str) -> None:
        for version in await self._s3.versions(self._exports, key):
            await self._s3.erase(self._exports, key, version.version)

    # when it does not work

    async def _fail(self, job: Job, reason: str, detail: str) -> None:
        log("exporter").warning("export_failed", number=job.request.number, reason=reason, detail=detail)
        async with self._units.begin() as store:
            store.fail(job, reason, detail)
        await asyncio.to_thread(shutil.rmtree, self._folder(job), ignore_errors=True)

    async def _again(self, job: Job, problem: str) -> None:
        """Try again from the start: what was built may be damaged."""
        async with self._units.begin() as store:
            store.rebuild(job)
        await self._later(job, problem)

    async def _later(self, job: Job, problem: str) -> None:
        wait = pause(job.attempts + 1, self._settings.longest_pause_seconds)
        log("exporter").warning("export_waits", number=job.request.number, problem=problem)
        async with self._units.begin() as store:
            store.later(job, problem, self._clock() + wait)


def _emptied(folder: Path, fetched: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    fetched.mkdir(parents=True)


def _why_nothing(findings: Sequence[Findings]) -> str:
    reasons = sorted({gap.reason.value for found in findings for gap in found.gaps})
    cameras = sorted({found.span.camera for found in findings})
    return f"no footage of {', '.join(cameras)} in the approved spans ({', '.join(reasons)})"


def _event(job: Job, bucket: str, folder: str, footage: Footage) -> ExportReady:
    files = [built.file for built in footage.files]
    native = [file for file in files if file.kind == "native"]
    listed = files if len(native) <= FILES_AN_EVENT else [file for file in files if file.kind != "native"]
    return ExportReady(
        application=job.request.application,
        bucket=bucket,
        folder=folder,
        files=tuple(listed),
        gaps=footage.gaps[:FILES_AN_EVENT],
        sources=footage.sources,
        manifest=footage.manifest,
        more_files=len(files) - len(listed),
        more_gaps=max(0, len(footage.gaps) - FILES_AN_EVENT),
    )
