"""What may go wrong inside a role's work: it dies, its disk is full, other things happen meanwhile."""

import errno
import random
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

from reelwarden_common.envelope import Message
from reelwarden_common.errors import StorageFull


class Crash(BaseException):
    """The process of one role ends here: nothing of it handles this."""

    def __init__(self, role: str) -> None:
        super().__init__(role)
        self.role = role


class Faults:
    """The dice, and what is broken now."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.dying: str | None = None
        self.points = 0
        """So many points until the dying role dies."""
        self.full: set[str] = set()
        """Schools whose disk is full."""
        self.hear: Callable[[Sequence[Message]], None] = lambda _said: None

    def die_soon(self, role: str) -> None:
        """The next long work of this role does not come to its end."""
        self.dying, self.points = role, self.dice.randint(1, 36)

    def point(self, role: str) -> None:
        """A process may end here."""
        if self.dying == role:
            self.points -= 1
            if self.points <= 0:
                self.dying = None
                raise Crash(role)

    def before_commit(self, role: str) -> None:
        """What is not committed is lost."""
        self.point(role)
        if role.partition("/")[0] in self.full and self.dice.random() < 0.2:
            raise StorageFull(f"{role}: no space left")

    def after_commit(self, role: str, said: Sequence[Message]) -> None:
        """It counts, whatever comes next."""
        if said:
            self.hear(said)
        self.point(role)

    def writing(self, role: str) -> None:
        """A file or folder is about to be made."""
        self.point(role)
        if role.partition("/")[0] in self.full:
            raise OSError(errno.ENOSPC, "No space left on device")


def done(work: Awaitable[Any]) -> Any:
    """Run what waits for nobody to its end, without an event loop: the order of everything is ours."""
    steps = work.__await__()
    try:
        next(steps)
    except StopIteration as end:
        return end.value
    raise RuntimeError("a role waits for what nobody here will do")


@contextmanager
def one_at_a_time(dice: random.Random, meanwhile: Callable[[], None]) -> Iterator[None]:
    """Threads, tasks and sleep happen at once and in order; ids come from the dice."""

    async def to_thread(work: Callable[..., Any], /, *given: Any, **named: Any) -> Any:
        meanwhile()
        return work(*given, **named)

    async def gather(*works: Awaitable[Any], return_exceptions: bool = False) -> list[Any]:
        results: list[Any] = []
        for work in works:
            try:
                results.append(await work)
            except Exception as error:
                if not return_exceptions:
                    raise
                results.append(error)
        return results

    async def sleep(_seconds: float) -> None:
        meanwhile()

    def uuid4() -> uuid.UUID:
        return uuid.UUID(int=dice.getrandbits(128), version=4)

    with (
        mock.patch("asyncio.to_thread", to_thread),
        mock.patch("asyncio.gather", gather),
        mock.patch("asyncio.sleep", sleep),
        mock.patch("uuid.uuid4", uuid4),
    ):
        yield
