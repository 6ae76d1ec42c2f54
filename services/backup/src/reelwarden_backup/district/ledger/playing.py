"""Whether a file plays, found out by a process of its own with limits: what it decodes came from outside.

python -m reelwarden_backup.district.ledger.playing FILE     # exit code 0: its first and last picture decode
"""

import asyncio
import resource
import sys
from pathlib import Path

import av

SECONDS = 60
"""Of processor time; twice as much by the clock."""
MEMORY = 1 << 30


async def plays(path: Path) -> bool:
    """Whether the first and the last picture of a file can be decoded; what ends the decoder cannot."""
    command = (sys.executable, "-I", "-m", __name__, str(path))
    nothing = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *command, stdin=nothing, stdout=nothing, stderr=nothing, env={}
    )
    try:
        return await asyncio.wait_for(process.wait(), 2 * SECONDS) == 0
    except TimeoutError:
        return False
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def decodes(path: Path) -> bool:
    """The same, in this process."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            first = next(container.decode(stream), None)
            if stream.duration:
                container.seek(stream.duration + (stream.start_time or 0), stream=stream)
            last = None
            for picture in container.decode(stream):
                last = picture
    except (av.FFmpegError, IndexError, OSError, MemoryError):
        return False
    return first is not None and last is not None


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    sys.exit(not decodes(Path(sys.argv[1])))
