"""FFmpeg in a process of its own, with limits: footage that ends the decoder ends nothing else.

    python -m reelwarden_access.site.exporter.beside

One line of JSON on standard input asks for one piece of work, one line on standard output tells what came of
it. The process has no variable of ours and two gigabytes of memory; it is started when first needed, and
again after it ended.
"""

import errno
import os
import resource
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Literal

from pydantic import Base64Bytes, BaseModel, ValidationError

from reelwarden_access.site.exporter.domain import Parameters
from reelwarden_access.site.exporter.encode import encode
from reelwarden_access.site.exporter.files import Located
from reelwarden_access.site.exporter.media import Shown, Strip, Unplayable, inspect, still, stitch

MEMORY = 2 << 30
LOOK_SECONDS = 120
"""For one file that is looked into, or a still; the least for everything."""
SECONDS_A_SECOND = 20
"""For each second of footage that is stitched or encoded."""
_LONGEST_LINE = 4 << 20


class Place(BaseModel):
    """A `Located`, as it travels."""

    root: Path
    path: str
    init: Base64Bytes = b""

    @classmethod
    def of(cls, located: Located) -> "Place":
        """From the file's side."""
        return cls.model_construct(root=located.root, path=located.path, init=located.init)

    @property
    def located(self) -> Located:
        """Back."""
        return Located(self.root, self.path, self.init)


class StripAt(BaseModel):
    """A strip to be stitched."""

    place: Place
    start: datetime
    slack: timedelta


class Work(BaseModel):
    """What is asked for."""

    do: Literal["inspect", "stitch", "encode", "still"]
    strips: tuple[StripAt, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    video: Path | None = None
    target: Path | None = None

    @property
    def seconds(self) -> float:
        """How long it may take, of processor time and by the clock."""
        length = (self.end - self.start).total_seconds() if self.start and self.end else 0
        return LOOK_SECONDS + SECONDS_A_SECOND * length


class Done(BaseModel):
    """What came of it."""

    parameters: Parameters | None = None
    shown: Shown | None = None
    unplayable: str | None = None
    failed: tuple[int, str] | None = None
    """An OSError: number and words."""


class Beside:
    """The other side of such a process; used by threads, one after the other."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def inspect(self, place: Located) -> Parameters:
        """See `media.inspect`; raises Unplayable, too, for what the process does not survive."""
        strip = StripAt(place=Place.of(place), start=_EPOCH, slack=timedelta())
        done = self._ask(Work(do="inspect", strips=(strip,)))
        if done.parameters is None:
            raise Unplayable("no word about what it holds")
        return done.parameters

    def view(
        self,
        strips: Sequence[tuple[Located, datetime, timedelta]],
        span: tuple[datetime, datetime],
        target: Path,
        *,
        anew: bool,
    ) -> Shown:
        """See `media.stitch`, or `encode.encode` where it is encoded anew."""
        given = tuple(StripAt(place=Place.of(p), start=start, slack=slack) for p, start, slack in strips)
        work = Work(
            do="encode" if anew else "stitch", strips=given, start=span[0], end=span[1], target=target
        )
        done = self._ask(work)
        if done.shown is None:
            raise Unplayable("no word about what it shows")
        return done.shown

    def still(self, video: Path, target: Path) -> None:
        """See `media.still`."""
        self._ask(Work(do="still", video=video, target=target))

    def close(self) -> None:
        """Let the process end."""
        with self._lock:
            self._end()

    def _ask(self, work: Work) -> Done:
        with self._lock:
            try:
                said = self._said(work)
                done = Done.model_validate_json(said)
            except (OSError, ValidationError) as error:
                self._end()
                raise Unplayable("FFmpeg did not survive it, or took too long: it may be hostile") from error
        if done.unplayable is not None:
            raise Unplayable(done.unplayable)
        if done.failed is not None:
            raise OSError(*done.failed)
        return done

    def _said(self, work: Work) -> bytes:
        process = self._running()
        assert process.stdin is not None  # noqa: S101 - pipes
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(work.model_dump_json().encode() + b"\n")
        process.stdin.flush()
        ends, said = time.monotonic() + work.seconds, b""
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while not said.endswith(b"\n"):
                left = ends - time.monotonic()
                if left <= 0 or len(said) > _LONGEST_LINE or not selector.select(left):
                    raise TimeoutError
                some = os.read(process.stdout.fileno(), 1 << 16)
                if not some:
                    raise BrokenPipeError
                said += some
        return said

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                (sys.executable, "-I", "-m", __name__),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                start_new_session=True,
            )
        return self._process

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process = None


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def carried_out(work: Work) -> Done:
    """The work itself, in this process."""
    try:
        return _done(work)
    except Unplayable as error:
        return Done(unplayable=str(error))
    except OSError as error:
        return Done(failed=(error.errno or errno.EIO, error.strerror or str(error)))
    except MemoryError:
        return Done(unplayable="it needs more memory than there is")


def _done(work: Work) -> Done:
    match work:
        case Work(do="inspect", strips=(strip,)):
            with strip.place.located.playable() as file:
                return Done(parameters=inspect(file))
        case Work(do="still", video=Path() as video, target=Path() as target):
            still(video, target)
            return Done()
        case Work(start=datetime() as start, end=datetime() as end, target=Path() as target):
            strips = [Strip(one.place.located.playable, one.start, one.slack) for one in work.strips]
            make = encode if work.do == "encode" else stitch
            return Done(shown=make(strips, start, end, target))
    return Done(unplayable="not understood")


def main() -> None:
    """Work until nobody asks any more."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for line in sys.stdin.buffer:
        work = Work.model_validate_json(line)
        used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used + work.seconds) + 1, most))
        sys.stdout.buffer.write(carried_out(work).model_dump_json().encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
