"""A file that ends FFmpeg, or keeps it busy, is damaged footage; the scanner and the next file are well."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from reelwarden_ingest.site.scanner.confined import Confined
from reelwarden_ingest.site.scanner.inits import Inits
from reelwarden_ingest.site.scanner.mp4.boxes import Damaged
from reelwarden_ingest.site.scanner.mp4.movie import Movie
from reelwarden_ingest.site.scanner.probe import Content, read
from reelwarden_ingest.site.scanner.storage import Storage
from tests.ingest.test_scanner_files import NOTHING, encode


@pytest.fixture
def confined() -> Iterator[Confined]:
    made = Confined(seconds=1)
    yield made
    made.close()


def probed(confined: Confined, path: Path) -> Movie:
    with path.open("rb") as file:
        return confined.probe(file.fileno())


def endless(path: Path) -> None:
    """Transport packets of a real picture again and again: hours of reading for whoever reads to the end."""
    encode(path)
    content = path.read_bytes()
    packets = content[: len(content) // 188 * 188]
    with path.open("wb") as file:
        for _ in range(400):
            file.write(packets * 40)


def test_a_file_that_takes_too_long_is_damaged_and_the_next_is_read(
    tmp_path: Path, confined: Confined
) -> None:
    endless(tmp_path / "a.ts")
    encode(tmp_path / "b.ts")
    with pytest.raises(Damaged, match="hostile"):
        probed(confined, tmp_path / "a.ts")
    assert probed(confined, tmp_path / "b.ts").width == 128


def test_a_process_that_dies_in_the_middle_harms_nobody(tmp_path: Path) -> None:
    """As by a fault inside FFmpeg: the process is there, reads, and is ended by a signal."""
    confined = Confined(seconds=60)
    endless(tmp_path / "a.ts")
    encode(tmp_path / "b.ts")
    probed(confined, tmp_path / "b.ts")
    assert confined._process is not None
    ended: list[str] = []

    def reads() -> None:
        try:
            probed(confined, tmp_path / "a.ts")
        except Damaged as error:
            ended.append(str(error))

    reading = Thread(target=reads)
    reading.start()
    os.kill(confined._process.pid, signal.SIGSEGV)
    reading.join(timeout=60)
    assert len(ended) == 1
    assert probed(confined, tmp_path / "b.ts").duration_ms > 0
    confined.close()


def test_it_has_no_secrets_cannot_write_and_ends_with_the_scanner(
    tmp_path: Path, confined: Confined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RW_NATS_PASSWORD", "secret-of-the-tests")
    encode(tmp_path / "b.ts")
    probed(confined, tmp_path / "b.ts")
    process = confined._process
    assert process is not None
    about = Path(f"/proc/{process.pid}")
    assert b"secret-of-the-tests" not in (about / "environ").read_bytes()
    limits = {line[:25].strip(): line[25:].split()[0] for line in (about / "limits").read_text().splitlines()}
    assert limits["Max file size"] == "0"
    assert limits["Max address space"] == str(1 << 30)
    confined.close()
    assert process.poll() is not None


def test_the_scanner_says_what_it_is_and_goes_on(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    inits = Inits(storage)
    inits.ffmpeg = Confined(seconds=1)
    endless(tmp_path / "a.ts")
    found: Content = read(storage, "a.ts", NOTHING, inits)
    inits.ffmpeg.close()
    assert found.movie is None
    assert found.fault is not None
    assert found.digest is not None
