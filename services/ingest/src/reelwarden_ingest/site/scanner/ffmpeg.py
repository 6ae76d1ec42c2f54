"""FFmpeg's work on files from outside: what the process of its own does that `confined.py` starts.

It is handed open files, one at a time, and says in a line of JSON what it found. Who reads them in another
process may be ended by them: nothing else runs here, and there is nothing here to be taken.
"""

import json
import os
import resource
import socket
import sys
from typing import Any, BinaryIO

import av
from av.container import InputContainer

PROBE, DECODES = b"probe", b"decodes"
MEMORY = 1 << 30
"""Bytes of address space: a picture of 8K and what FFmpeg keeps beside it."""


def probe(file: BinaryIO) -> dict[str, Any]:
    """Without decoding: what MP4's own index tells, here first and last packet do."""
    try:
        with _opened(file) as container:
            video = next(iter(container.streams.video), None)
            if video is None:
                return {"no_video": "it holds no pictures"}
            times = [
                (packet.pts, packet.pts + (packet.duration or 0))
                for packet in container.demux(video)
                if packet.pts is not None
            ]
            if not times or video.time_base is None:
                return {"no_video": "the video track is empty"}
            length = max(end for _, end in times) - min(start for start, _ in times)
            duration_ms = round(length * video.time_base * 1000)
            if duration_ms <= 0:
                return {"damaged": "the video track has no duration"}
            return {"movie": [video.codec_context.name, video.width, video.height, duration_ms]}
    except (av.FFmpegError, UnicodeError) as error:
        return {"damaged": f"FFmpeg cannot read it: {error}"[:400]}


def decodes(file: BinaryIO) -> dict[str, Any]:
    """Whether the first picture can be decoded without a fault, in the size that the index names."""
    try:
        with _opened(file) as container:
            video = container.streams.video[0]
            size = video.width, video.height
            video.codec_context.thread_type = "NONE"  # threads keep faults to themselves
            video.codec_context.options = {"err_detect": "explode"}
            picture = next(container.decode(video), None)
            if picture is None or picture.is_corrupt:
                return {"decodes": False}
            return {"decodes": (picture.width, picture.height) == size}
    except (av.FFmpegError, IndexError):
        return {"decodes": False}


def _opened(file: BinaryIO) -> InputContainer:
    return av.open(file, "r", metadata_errors="ignore")


def main() -> None:
    """Answer on the socket whose number is given until it is closed."""
    seconds = int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with socket.socket(fileno=int(sys.argv[1])) as parent:
        while True:
            what, files, _, _ = socket.recv_fds(parent, 64, 1)
            if not what:
                return
            used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
            resource.setrlimit(resource.RLIMIT_CPU, (int(used) + seconds + 1, resource.RLIM_INFINITY))
            os.lseek(files[0], 0, os.SEEK_SET)
            with os.fdopen(files[0], "rb") as file:
                try:
                    answer = decodes(file) if what == DECODES else probe(file)
                except MemoryError:
                    answer = {"damaged": "FFmpeg wants more memory for it than it may have"}
            parent.send(json.dumps(answer).encode())


if __name__ == "__main__":
    main()
