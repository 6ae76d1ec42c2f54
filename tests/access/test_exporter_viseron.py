"""Fragments that cannot be decoded alone play at the exporter, wherever each lies (R4.3)."""

import io
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import av
import pytest_asyncio

from reelwarden_common.events.access import ExportReady
from reelwarden_common.events.ingest import InitSegment, Segment, TimeSource
from reelwarden_common.identity import segment_id
from tests.access.exporting import Site, exporting
from tests.access.footage import at, pictures, span
from tests.support.backends import ObjectStore
from tests.support.viseron import FRAGMENT, RATE, Viseron

SECONDS = FRAGMENT.seconds


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path, s3: ObjectStore) -> AsyncIterator[Site]:
    async with exporting(tmp_path, s3) as found:
        yield found


def known(site: Site, path: Path, start: float) -> Segment:
    """What the scanner has of a fragment; it is tested beside the scanner."""
    digest = sha256(path.read_bytes()).hexdigest()
    segment = Segment(
        id=segment_id(site.school.id, "gate", at(start), digest),
        camera="gate",
        start=at(start),
        end=at(start + SECONDS),
        duration_ms=SECONDS * 1000,
        size=path.stat().st_size,
        digest=digest,
        codec="h264",
        width=320,
        height=180,
        time_source=TimeSource.NAME,
        uncertainty_ms=0,
        locator=str(path.relative_to(site.school.storage)),
        file_time=at(start + SECONDS),
        init=InitSegment.of((path.parent / "init.mp4").read_bytes()),
    )
    site.school.segments.append(segment)
    return segment


async def test_from_disk_vault_and_backup_after_the_recorder_replaced_what_they_need(
    site: Site, tmp_path: Path
) -> None:
    camera = Viseron(site.school.storage)
    written = camera.record(at(0), 3)
    first, second, third = (known(site, path, n * SECONDS) for n, path in enumerate(written))
    site.school.into_vault(second)
    await site.back_up(third)
    for path in written[1:]:
        path.unlink()
    (camera.folder / "init.mp4").write_bytes(b"of another picture")
    await site.authorise(span("gate", 0, 3 * SECONDS), native=True)
    ready = await site.run()
    assert isinstance(ready, ExportReady), ready
    assert (ready.sources, ready.gaps) == (("backup", "disk", "vault"), ())
    (tmp_path / "view.mp4").write_bytes(await site.fetch(ready, "view/gate-1.mp4"))
    assert len(pictures(tmp_path / "view.mp4")) == 3 * SECONDS * RATE
    native = [file.name for file in ready.files if file.name.startswith("native/")]
    (begins,) = [name for name in native if "/init-" in name]
    (fragment,) = [name for name in native if first.id[:8] in name]
    assert fragment.endswith(".m4s")
    whole = await site.fetch(ready, begins) + await site.fetch(ready, fragment)
    with av.open(io.BytesIO(whole), "r") as played:
        assert len(list(played.decode(video=0))) == SECONDS * RATE


async def test_a_beginning_that_is_not_what_its_digest_says_shows_nothing(site: Site) -> None:
    (path,) = Viseron(site.school.storage).record(at(0), 1)
    segment = known(site, path, 0)
    assert segment.init is not None
    forged = segment.init.model_copy(update={"digest": "0" * 64})
    site.school.segments[:] = [segment.model_copy(update={"init": forged})]
    await site.authorise(span("gate", 0, SECONDS))
    said = await site.run()
    assert not isinstance(said, ExportReady)
