"""FFmpeg in a process of its own, with limits: a hostile file ends that process, and not the scanner."""

import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from threading import Lock
from typing import Any

from reelwarden_common.telemetry import log
from reelwarden_ingest.site.scanner import ffmpeg
from reelwarden_ingest.site.scanner.mp4.boxes import Damaged
from reelwarden_ingest.site.scanner.mp4.movie import Movie, NoVideo

SECONDS = 20
"""Of processor time for one file; three times as much by the clock."""
LARGEST_ANSWER = 4096


class Confined:
    """Asks such a process, started when first needed and again after it ended. Used by several threads.

    It has no variable of ours, no right to write, a gigabyte of memory, and `seconds` for a file.
    """

    def __init__(self, seconds: int = SECONDS) -> None:
        self._seconds, self._lock = seconds, Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def probe(self, descriptor: int) -> Movie:
        """What an open file holds.

        Raises:
            NoVideo: no pictures.
            Damaged: FFmpeg cannot read it, or does not survive it.
        """
        answer = self._ask(ffmpeg.PROBE, descriptor)
        if "no_video" in answer:
            raise NoVideo(answer["no_video"])
        if "movie" not in answer:
            raise Damaged(answer["damaged"])
        codec, width, height, duration_ms = answer["movie"]
        return Movie(codec, width, height, duration_ms, None)

    def decodes(self, content: bytes) -> bool:
        """Whether the first picture can be decoded; what ends FFmpeg cannot."""
        with os.fdopen(os.memfd_create("fragment"), "wb") as file:
            file.write(content)
            file.flush()
            return bool(self._ask(ffmpeg.DECODES, file.fileno()).get("decodes"))

    def close(self) -> None:
        """Let the process end."""
        with self._lock:
            self._end()

    def _ask(self, what: bytes, descriptor: int) -> dict[str, Any]:
        with self._lock:
            try:
                connection = self._connection()
                socket.send_fds(connection, [what], [descriptor])
                said = connection.recv(LARGEST_ANSWER)
            except OSError:
                said = b""
            if not said:
                self._end()
                log("scanner").warning("ffmpeg_ended", what=what.decode())
                return {"damaged": "FFmpeg did not survive it, or took too long: it may be hostile"}
        answer: dict[str, Any] = json.loads(said)
        return answer

    def _connection(self) -> socket.socket:
        if self._socket is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            command = (sys.executable, "-I", "-m", ffmpeg.__name__, str(theirs.fileno()), str(self._seconds))
            nothing = subprocess.DEVNULL
            with theirs:
                self._process = subprocess.Popen(
                    command,
                    stdin=nothing,
                    stdout=nothing,
                    stderr=nothing,
                    pass_fds=(theirs.fileno(),),
                    env={},
                    start_new_session=True,
                )
            ours.settimeout(3 * self._seconds)
            self._socket = ours
        return self._socket

    def _end(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
        self._process = self._socket = None
