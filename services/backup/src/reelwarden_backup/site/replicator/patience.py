"""When the S3 store is away: rest, longer each time, and say why nothing moves."""

from datetime import UTC, datetime, timedelta

from reelwarden_backup.site.replicator.domain import pause_after
from reelwarden_common.clock import Clock
from reelwarden_common.errors import ReelwardenError
from reelwarden_common.s3 import S3

LONGEST_REST = timedelta(minutes=1)


class Patience:
    """Shared by all loops of the replicator, so that not each of them has to find out."""

    def __init__(self, s3: S3, bucket: str, clock: Clock) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._clock = clock
        self._until = datetime.min.replace(tzinfo=UTC)
        self._failures = 0
        self.reason = ""
        """Why nothing moves; empty while all is well."""

    @property
    def resting(self) -> bool:
        """Whether it is too early to try again; an end further off was set by a clock that was wrong."""
        return timedelta(0) < self._until - self._clock() <= LONGEST_REST

    def well(self) -> None:
        """The store did what it was asked."""
        self._failures, self.reason = 0, ""

    async def is_away(self, error: ReelwardenError) -> bool:
        """Whether the store itself is away, and not one object bad; if so, rest.

        Copies that fail side by side have found the same thing: they rest once, not longer for each of them.
        """
        if not self.resting and await self._s3.answers(self._bucket):
            return False
        if not self.resting:
            self._until = self._clock() + min(LONGEST_REST, pause_after(self._failures))
            self._failures += 1
            self.reason = str(error)
        return True
