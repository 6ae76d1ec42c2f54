"""From an authorised retrieval to the footage part in the store, whatever lies in between."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from reelwarden_access.site.exporter import export as export_module
from reelwarden_access.site.exporter import footage as footage_module
from reelwarden_access.site.exporter.beside import Beside
from reelwarden_access.site.exporter.footage import Findings, Footage, FootageBuilder
from reelwarden_access.site.exporter.media import Shown
from reelwarden_common.clock import system_clock
from reelwarden_common.events.access import ExportFailed, ExportReady, Manner
from reelwarden_common.s3 import Put, StoreAway
from reelwarden_local.recorders.writer import Encoding
from tests.access.exporting import Site, exporting
from tests.access.footage import School, at, filmed_at, pictures, span
from tests.support.backends import ObjectStore


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path, s3: ObjectStore) -> AsyncIterator[Site]:
    async with exporting(tmp_path, s3) as found:
        yield found


def _ready(said: object) -> ExportReady:
    assert isinstance(said, ExportReady), said
    return said


def _failed(said: object) -> ExportFailed:
    assert isinstance(said, ExportFailed), said
    return said


def _names(ready: ExportReady) -> list[str]:
    return [file.name for file in ready.files]


async def test_a_span_from_inside_a_segment_across_a_gap_into_another(site: Site, tmp_path: Path) -> None:
    site.school.record("gate", 0, 60, [(at(20), at(40))])
    await site.authorise(span("gate", 3.4, 46.2))
    ready = _ready(await site.run())
    assert _names(ready) == [
        "view/gate-1.mp4",
        "stills/gate-1.jpg",
        "view/gate-2.mp4",
        "stills/gate-2.jpg",
        "gaps.json",
        "digests.json",
    ]
    assert [file.span for file in ready.files[::2][:2]] == [span("gate", 3.4, 20), span("gate", 40, 46.2)]
    assert ready.gaps == (span("gate", 20, 40),)
    assert ready.sources == ("disk",)
    for file in ready.files:
        content = await site.fetch(ready, file.name)
        assert (len(content), sha256(content).hexdigest()) == (file.size, file.digest)
    (tmp_path / "view.mp4").write_bytes(await site.fetch(ready, "view/gate-2.mp4"))
    seen = pictures(tmp_path / "view.mp4")
    assert len(seen) == 31
    assert filmed_at("gate", seen[0][1], at(40)) == at(40)
    gaps = json.loads(await site.fetch(ready, "gaps.json"))
    assert [gap["reason"] for gap in gaps["spans"][0]["gaps"]] == ["unknown"]
    digests = await site.fetch(ready, "digests.json")
    assert sha256(digests).hexdigest() == ready.manifest
    told = json.loads(digests)
    assert told["views"][0]["lead_in_ms"] == 1400
    assert len(told["segments"]) == 3
    assert not list((site.state_dir / "exporter").iterdir()), "nothing of it stays at the school"


async def test_several_cameras_and_native_segments(site: Site) -> None:
    gate, hall = site.school.record("gate", 0, 20), site.school.record("hall", 0, 20)
    await site.authorise(span("gate", 2, 12), span("hall", 5, 15), native=True, manner=Manner.COPY)
    ready = _ready(await site.run())
    native = [file for file in ready.files if file.kind == "native"]
    assert [file.digest for file in native] == [one.digest for one in (*gate, *hall)]
    for file in native:
        assert sha256(await site.fetch(ready, file.name)).hexdigest() == file.digest
    assert {file.name.split("/")[1] for file in native} == {"gate", "hall"}


async def test_missing_on_disk_but_in_the_vault(site: Site) -> None:
    first, second = site.school.record("gate", 0, 20)
    site.school.into_vault(second)
    site.school.path(second).unlink()
    await site.authorise(span("gate", 5, 15))
    ready = _ready(await site.run())
    assert ready.sources == ("disk", "vault")
    assert ready.gaps == ()
    told = json.loads(await site.fetch(ready, "digests.json"))
    assert {one["id"]: (one["source"], one["tried"]) for one in told["segments"]} == {
        first.id: ("disk", {}),
        second.id: ("vault", {"disk": "absent"}),
    }


async def test_missing_on_disk_and_noticed_by_the_scanner(site: Site) -> None:
    first, second = site.school.record("gate", 0, 20)
    site.school.into_vault(second)
    site.school.path(second).unlink()
    site.school.away.add(second.id)
    await site.authorise(span("gate", 5, 15))
    assert _ready(await site.run()).sources == ("disk", "vault")
    assert first.id not in site.school.away


async def test_only_in_the_backup(site: Site, tmp_path: Path) -> None:
    for segment in site.school.record("gate", 0, 20):
        await site.back_up(segment)
        site.school.path(segment).unlink()
    await site.authorise(span("gate", 3, 17), native=True)
    ready = _ready(await site.run())
    assert ready.sources == ("backup",)
    assert ready.gaps == ()
    (tmp_path / "view.mp4").write_bytes(await site.fetch(ready, "view/gate-1.mp4"))
    assert len(pictures(tmp_path / "view.mp4")) == 70


async def test_an_altered_file_is_not_used_and_said_so(site: Site) -> None:
    first, second, third = site.school.record("gate", 0, 30)
    with site.school.path(second).open("r+b") as file:
        file.seek(-100, 2)
        file.write(b"\0" * 50)
    await site.authorise(span("gate", 0, 30))
    ready = _ready(await site.run())
    assert ready.gaps == (span("gate", 10, 20),)
    told = json.loads(await site.fetch(ready, "digests.json"))
    assert [one["id"] for one in told["segments"]] == [first.id, third.id]
    assert [(one["id"], one["reason"]) for one in told["unusable"]] == [(second.id, "altered")]
    gaps = json.loads(await site.fetch(ready, "gaps.json"))
    assert [gap["reason"] for gap in gaps["spans"][0]["gaps"]] == ["altered"]


async def test_an_altered_file_is_replaced_by_the_true_one_from_the_backup(site: Site) -> None:
    (segment,) = site.school.record("gate", 0, 10)
    await site.back_up(segment)
    site.school.path(segment).write_bytes(b"something else")
    await site.authorise(span("gate", 0, 10))
    ready = _ready(await site.run())
    assert (ready.sources, ready.gaps) == (("backup",), ())


async def test_a_copy_that_was_hidden_or_overwritten_is_found(site: Site) -> None:
    hidden, overwritten = site.school.record("gate", 0, 20)
    for segment in (hidden, overwritten):
        await site.back_up(segment)
        site.school.path(segment).unlink()
    await site.back_up(overwritten, b"something else")
    key = f"gate/{hidden.start:%Y-%m-%d}/{hidden.id}.mp4"
    await asyncio.to_thread(site.store.client().remove_object, f"rw-footage-{site.school_id}", key)
    await site.authorise(span("gate", 0, 20))
    ready = _ready(await site.run())
    assert (ready.sources, ready.gaps) == (("backup",), ())


async def test_a_corrupt_backup_is_not_used_either(site: Site) -> None:
    first, second = site.school.record("gate", 0, 20)
    await site.back_up(second, b"rotten")
    site.school.path(second).unlink()
    await site.authorise(span("gate", 0, 20))
    assert _ready(await site.run()).gaps == (span("gate", 10, 20),)
    assert first


async def test_a_link_that_leaves_the_storage_is_not_followed(site: Site, tmp_path: Path) -> None:
    (segment,) = site.school.record("gate", 0, 10)
    outside = tmp_path / "outside.mp4"
    shutil.move(site.school.path(segment), outside)
    site.school.path(segment).symlink_to(outside)
    await site.authorise(span("gate", 0, 10))
    assert _failed(await site.run()).reason == "nothing-there"


async def test_a_change_of_resolution_begins_another_file(site: Site) -> None:
    site.school.record("gate", 0, 10)
    large = School(site.school.storage, Encoding(width=640, height=360))
    site.school.segments += large.record("gate", 10, 20)
    await site.authorise(span("gate", 2, 18))
    ready = _ready(await site.run())
    views = [file for file in ready.files if file.kind == "view"]
    assert [file.span for file in views] == [span("gate", 2, 10), span("gate", 10, 18)]
    assert ready.gaps == ()


async def test_what_browsers_cannot_play_is_encoded_anew_and_said_so(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footage_module, "PLAYABLE", frozenset({"vp9"}))
    site.school.record("hall", 0, 20)
    await site.authorise(span("hall", 3.4, 16.2))
    ready = _ready(await site.run())
    told = json.loads(await site.fetch(ready, "digests.json"))
    assert [view["encoded_anew"] for view in told["views"]] == [True]
    assert ready.files[0].span == span("hall", 3.4, 16.2)
    (tmp_path / "view.mp4").write_bytes(await site.fetch(ready, "view/hall-1.mp4"))
    assert len(pictures(tmp_path / "view.mp4")) == 64


async def test_nothing_there_at_all(site: Site) -> None:
    await site.authorise(span("gate", 0, 10))
    failed = _failed(await site.run())
    assert failed.reason == "nothing-there"
    assert "gate" in failed.detail
    await site.exporter.turn()
    assert len(site.said()) == 1


async def test_it_waits_for_the_catalogue_and_then_says_how_far_it_goes(site: Site) -> None:
    site.school.record("gate", 0, 10)
    site.school.complete_to = at(10)
    await site.authorise(span("gate", 0, 20))
    await site.exporter.turn()
    assert site.said() == []
    site.school.record("gate", 10, 15)
    ready = _ready(await site.run(301))
    assert ready.gaps == (span("gate", 15, 20),)
    gaps = json.loads(await site.fetch(ready, "gaps.json"))
    assert [gap["reason"] for gap in gaps["spans"][0]["gaps"]] == ["not-catalogued"]


# what is away comes back, or the deadline does


async def test_the_scanner_is_away_for_a_while(site: Site) -> None:
    site.school.record("gate", 0, 10)
    site.school.scanner_away = True
    await site.authorise(span("gate", 0, 10))
    await site.exporter.turn()
    assert "no answer" in site.problem()
    site.school.scanner_away = False
    await site.exporter.turn()
    assert site.said() == [], "not before its pause is over"
    assert _ready(await site.run(2)).gaps == ()


async def test_an_unmounted_storage_is_no_gap(site: Site) -> None:
    site.school.record("gate", 0, 10)
    hidden = site.school.storage.rename(site.school.storage.with_name("unmounted"))
    await site.authorise(span("gate", 0, 10))
    await site.exporter.turn()
    assert site.said() == []
    assert "away" in site.problem()
    hidden.rename(site.school.storage)
    assert _ready(await site.run(2)).gaps == ()


async def test_after_the_deadline_nothing_is_exported(site: Site) -> None:
    site.school.record("gate", 0, 10)
    await site.authorise(span("gate", 0, 10), deadline=site.now + timedelta(hours=1))
    failed = _failed(await site.run(3601))
    assert failed.reason == "deadline"
    assert await site.keys() == {}


async def test_what_kept_it_from_being_ready_is_told_at_the_deadline(site: Site) -> None:
    site.school.scanner_away = True
    await site.authorise(span("gate", 0, 10), deadline=site.now + timedelta(hours=1))
    await site.exporter.turn()
    failed = _failed(await site.run(3601))
    assert (failed.reason, "no answer" in failed.detail) == ("deadline", True)


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "../../etc"},
        {"number": "a/b"},
        {"number": ""},
        {"spans": ()},
        {"spans": (span("gate", 9, 3),)},
        {"spans": (span("gate", 0, 90_000),)},
    ],
)
async def test_a_senseless_request_is_answered(site: Site, changes: dict[str, object]) -> None:
    await site.authorise(span("gate", 0, 10), **changes)
    assert _failed(await site.run()).reason == "bad-request"


async def test_an_id_from_outside_is_no_path(site: Site, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    site.school.record("gate", 0, 10)
    await site.authorise(span("gate", 0, 10), application="../../victim")
    _ready(await site.run())
    assert victim.is_dir()


async def test_what_is_not_foreseen_is_tried_a_few_times_and_then_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(FootageBuilder, "build", broken)
    site.school.record("gate", 0, 10)
    await site.authorise(span("gate", 0, 10))
    for _ in range(export_module.UNFORESEEN_ATTEMPTS):
        assert site.said() == []
        await site.exporter.turn()
        site.now += timedelta(minutes=2)
    failed = _failed(site.said()[-1])
    assert (failed.reason, "ZeroDivisionError" in failed.detail) == ("internal", True)


# crashes


class _Crash(BaseException):
    """The process is gone at this point."""


@pytest.mark.parametrize("crash_at", range(7))
async def test_after_a_crash_at_any_upload_it_goes_on_without_doubles(
    site: Site, monkeypatch: pytest.MonkeyPatch, crash_at: int
) -> None:
    site.school.record("gate", 0, 30, [(at(10), at(20))])
    await site.authorise(span("gate", 2, 28))
    put_file, count = site.s3.put_open_file, 0

    async def put(*args: object, **kwargs: object) -> Put:
        nonlocal count
        done = await put_file(*args, **kwargs)  # type: ignore[arg-type]
        count += 1
        if count == crash_at + 1:
            raise _Crash  # stored, but not written down
        return done

    monkeypatch.setattr(site.s3, "put_open_file", put)
    if crash_at < 6:
        with pytest.raises(_Crash):
            await site.exporter.turn()
    site.start()
    ready = _ready(await site.run())
    assert len(site.said()) == 1
    assert await site.keys() == {ready.folder + file.name: 1 for file in ready.files}
    await site.exporter.turn()
    assert len(site.said()) == 1


async def test_after_a_crash_that_lost_the_working_folder_it_is_built_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.school.record("gate", 0, 10)
    await site.authorise(span("gate", 2, 8))

    async def crash(*_: object, **__: object) -> Put:
        raise _Crash

    with monkeypatch.context() as patch:
        patch.setattr(site.s3, "put_open_file", crash)
        with pytest.raises(_Crash):
            await site.exporter.turn()
    shutil.rmtree(site.state_dir / "exporter")
    site.start()
    await site.exporter.turn()
    assert "No such file" in site.problem()
    assert _ready(await site.run(2)).gaps == ()


async def test_the_store_is_away_for_a_while(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.school.record("gate", 0, 10)
    await site.authorise(span("gate", 2, 8))

    async def away(*_: object, **__: object) -> Put:
        raise StoreAway("S3: connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(site.s3, "put_open_file", away)
        await site.exporter.turn()
    assert site.said() == []
    _ready(await site.run(2))


async def test_a_full_disk_is_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.school.record("gate", 0, 10)
    await site.authorise(span("gate", 2, 8))
    with monkeypatch.context() as patch:
        view = Beside.view

        def full(media: Beside, strips: Any, times: Any, target: Path, *, anew: bool) -> Shown:
            del target
            return view(media, strips, times, Path("/dev/full"), anew=anew)

        patch.setattr(Beside, "view", full)
        await site.exporter.turn()
    assert site.said() == []
    assert "No space left" in site.problem()
    _ready(await site.run(2))


async def test_a_native_segment_that_changes_before_it_is_uploaded_is_not_used(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    (segment,) = site.school.record("gate", 0, 10)
    await site.back_up(segment)
    await site.authorise(span("gate", 2, 8), native=True)
    build = FootageBuilder.build

    def change(self: FootageBuilder, findings: Sequence[Findings]) -> Footage:
        built = build(self, findings)
        site.school.path(segment).write_bytes(b"something else")
        return built

    with monkeypatch.context() as patch:
        patch.setattr(FootageBuilder, "build", change)
        await site.exporter.turn()
    assert "changed" in site.problem()
    ready = _ready(await site.run(2))
    assert (ready.sources, ready.gaps) == (("backup",), ())


async def test_after_the_deadline_the_export_is_erased_by_version(site: Site) -> None:
    site.school.record("gate", 0, 10)
    site.now = system_clock()
    deadline = site.now + timedelta(seconds=8)
    await site.authorise(span("gate", 2, 8), deadline=deadline)
    ready = _ready(await site.run())
    await site.exporter.erase_old()
    assert len(await site.keys()) == len(ready.files), "not before the deadline"
    site.now = deadline + timedelta(seconds=1)
    await site.exporter.erase_old()
    assert len(await site.keys()) == len(ready.files), "the store's lock holds until its own clock says so"
    await asyncio.sleep((deadline - system_clock()).total_seconds() + 1)
    await site.exporter.erase_old()
    assert await site.keys() == {}
    await site.exporter.erase_old()


async def test_asked_again_it_is_made_again(site: Site) -> None:
    site.school.record("gate", 0, 10)
    await site.authorise(span("gate", 2, 8))
    first = _ready(await site.run())
    await site.authorise(span("gate", 2, 8))
    assert _ready(await site.run()) == first
    assert set((await site.keys()).values()) == {1}


async def test_very_many_native_segments_are_listed_in_the_manifest(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_module, "FILES_AN_EVENT", 2)
    segments = site.school.record("gate", 0, 30)
    await site.authorise(span("gate", 0, 30), native=True)
    ready = _ready(await site.run())
    assert ready.more_files == 3
    assert not [file for file in ready.files if file.kind == "native"]
    told = json.loads(await site.fetch(ready, "digests.json"))
    native = [file for file in told["files"] if file["kind"] == "native"]
    assert [file["digest"] for file in native] == [one.digest for one in segments]
