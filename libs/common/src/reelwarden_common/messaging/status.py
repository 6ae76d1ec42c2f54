"""What a role says of itself to the people who run the district."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from importlib.metadata import version

from reelwarden_common.errors import Transient
from reelwarden_common.events.status import StatusAnswer, StatusQuery, Waiting
from reelwarden_common.messaging.letters import DeadLetters
from reelwarden_common.messaging.questions import Answer
from reelwarden_common.messaging.topology import STATUS
from reelwarden_common.messaging.watchdog import Watchdog

_MOST_SAID = 500


def status_answer(
    started_at: datetime,
    readiness: Callable[[], Awaitable[str | None]],
    unsaid: Callable[[], Awaitable[float]],
    watchdog: Watchdog,
    letters: DeadLetters,
) -> Answer:
    """The answer to `any.query.status` of one replica."""

    async def tell(_query: StatusQuery) -> StatusAnswer:
        problem = await readiness() or ""
        try:
            given_up = await letters.count()
        except Transient as error:
            given_up, problem = 0, problem or str(error)
        left = await unsaid()
        return StatusAnswer(
            version=version("reelwarden-common"),
            started_at=started_at,
            problem=problem[:_MOST_SAID],
            unsaid=0 if left != left else int(left),  # noqa: PLR0124 - not a number: the database is away
            waiting=tuple(
                Waiting(stream=str(stream), pending=pending, unconfirmed=unconfirmed)
                for stream, (pending, unconfirmed) in watchdog.waiting.items()
            ),
            letters=given_up,
        )

    return Answer(STATUS, StatusQuery, tell)
