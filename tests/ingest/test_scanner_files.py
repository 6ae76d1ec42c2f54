"""Storage and probe: whose folder it is, how files are opened, what they hold."""

import json
import os
import threading
from hashlib import sha256
from pathlib import Path

import av
import pytest

from reelwarden_ingest.site.scanner import probe
from reelwarden_ingest.site.scanner.domain import Reason, Signature
from reelwarden_ingest.site.scanner.inits import Inits
from reelwarden_ingest.site.scanner.mp4.boxes import OpenFile
from reelwarden_ingest.site.scanner.probe import Content, Unsteady, Vanished, read
from reelwarden_ingest.site.scanner.storage import Storage, Unbound, printable
from tests.ingest.scanner_site import GATE, days_ago, site

NOTHING = Signature(0, 0, 0)


def content(storage: Path, name: str) -> Content:
    inits = Inits(Storage(storage))
    try:
        return read(Storage(storage), name, NOTHING, inits)
    finally:
        inits.ffmpeg.close()


def encode(path: Path) -> None:
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 128, 72, "yuv420p"
        for number in range(50):
            frame = av.VideoFrame(128, 72, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([number]) * plane.buffer_size)
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode(None))


@pytest.mark.parametrize("name", ["a.mkv", "a.ts", "a.avi", "a.flv", "a.mp4"])
def test_other_containers_are_read_through_ffmpeg(tmp_path: Path, name: str) -> None:
    encode(tmp_path / name)
    found = content(tmp_path, name)
    assert found.fault is None
    assert found.movie is not None
    assert (found.movie.codec, found.movie.width, found.movie.height) == ("h264", 128, 72)
    assert abs(found.movie.duration_ms - 2000) <= 80
    assert found.digest == sha256((tmp_path / name).read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", Reason.EMPTY),
        (b"not a video at all, but text" * 99, Reason.DAMAGED),
        (bytes(5000), Reason.DAMAGED),
    ],
)
def test_what_is_no_video_is_a_fault_with_a_digest(tmp_path: Path, text: bytes, reason: Reason) -> None:
    (tmp_path / "a.mp4").write_bytes(text)
    found = content(tmp_path, "a.mp4")
    assert found.fault is not None
    assert found.fault.reason is reason
    assert found.digest == sha256(text).hexdigest()


def test_a_file_that_grows_while_it_is_read_is_not_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mp4"
    encode(path)
    digest = probe._digest

    def slow(descriptor: int, size: int, buffer: bytearray) -> tuple[str, OpenFile]:
        with path.open("ab") as file:
            file.write(b"more")
        return digest(descriptor, size, buffer)

    monkeypatch.setattr(probe, "_digest", slow)
    with pytest.raises(Unsteady):
        content(tmp_path, "a.mp4")


def test_a_file_that_is_gone_has_vanished(tmp_path: Path) -> None:
    with pytest.raises(Vanished):
        content(tmp_path, "none/a.mp4")


def test_a_pipe_does_not_hold_the_scanner_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.mp4")
    done: list[Content] = []
    thread = threading.Thread(target=lambda: done.append(content(tmp_path, "a.mp4")), daemon=True)
    thread.start()
    thread.join(5)
    assert done[0].fault is not None
    assert done[0].fault.reason is Reason.UNREADABLE


def test_a_link_in_any_part_of_the_path_is_not_followed(tmp_path: Path) -> None:
    outside, storage = tmp_path / "outside", tmp_path / "storage"
    outside.mkdir()
    storage.mkdir()
    encode(outside / "a.mp4")
    (storage / "folder").symlink_to(outside)
    (storage / "b.mp4").symlink_to(outside / "a.mp4")
    found = content(storage, "b.mp4")
    assert found.fault is not None
    assert found.fault.reason is Reason.UNREADABLE
    assert found.digest is None
    with pytest.raises(Vanished):
        content(storage, "folder/a.mp4")
    with pytest.raises(OSError, match="Not a directory"):
        Storage(storage).list("folder")


def test_a_storage_is_bound_at_the_first_start_and_kept(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    identifier = storage.bind("s001", None)
    assert storage.bind("s001", identifier) == storage.bind("s001", None) == identifier
    assert json.loads((tmp_path / ".reelwarden" / "storage.id").read_text())["school"] == "s001"


def test_a_storage_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    identifier = storage.bind("s001", None)
    with pytest.raises(Unbound, match="school 's001'"):
        storage.bind("s002", None)
    with pytest.raises(Unbound, match="another storage"):
        storage.bind("s001", "f" * 32)
    (tmp_path / ".reelwarden" / "storage.id").write_text("{")
    with pytest.raises(Unbound, match="restore it"):
        storage.bind("s001", identifier)
    (tmp_path / ".reelwarden" / "storage.id").unlink()
    with pytest.raises(Unbound, match="lost its id"):
        storage.bind("s001", identifier)
    with pytest.raises(Unbound, match="does not exist"):
        Storage(tmp_path / "none").bind("s001", None)


def test_our_own_folder_is_not_footage(tmp_path: Path) -> None:
    Storage(tmp_path).bind("s001", None)
    (tmp_path / ".reelwarden" / "vault").mkdir()
    encode(tmp_path / ".reelwarden" / "vault" / "a.mp4")
    listing = Storage(tmp_path).list("")
    assert (listing.entries, listing.subfolders) == ((), ())


def test_names_that_are_no_text_are_written_as_text() -> None:
    assert printable(os.fsdecode(b"\xff\xe6\xa0\xa1.mp4")) == "\\xff校.mp4"


async def test_a_folder_that_cannot_be_read_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site(tmp_path) as at:
        start = days_ago(2)
        at.recorder.backfill(GATE.id, start, start + GATE.length)
        await at.scan()
        before, listed = at.scanner.passed_at, Storage.list

        def refuse(self: Storage, folder: str) -> object:
            if folder.count("/") == 2:
                raise PermissionError(13, "Permission denied")
            return listed(self, folder)

        monkeypatch.setattr(Storage, "list", refuse)
        at.time.offset += 7 * 3600
        await at.scan()
        assert at.scanner.missing == {}
        assert at.scanner.passed_at == before
