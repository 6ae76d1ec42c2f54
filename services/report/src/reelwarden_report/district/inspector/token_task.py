"""Operators list, make and revoke tokens over the bus (ADR 0010)."""

from collections.abc import Sequence

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.errors import Refused
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.events.report import KnownToken, TokenAct, TokenAnswer, TokenTask
from reelwarden_common.messaging.questions import Answer
from reelwarden_common.messaging.topology import INSPECTOR_PROGRAM
from reelwarden_report.district.inspector.tokens import Order, Tokens


class BadOrder(Refused):
    """A token must have a name, schools of this district, and somebody who answers for it."""


class TokenTasks:
    """Carries them out."""

    def __init__(self, tokens: Tokens, schools: Sequence[str], clock: Clock = system_clock) -> None:
        self._tokens = tokens
        self._schools = [*schools, DISTRICT_SCHOOL]
        self._clock = clock

    def on_the_bus(self) -> Answer:
        """For the role's answers."""
        return Answer(INSPECTOR_PROGRAM, TokenTask, self.carry_out)

    async def carry_out(self, task: TokenTask) -> TokenAnswer:
        """One task; its answer says what came of it.

        Raises:
            BadOrder: it cannot be done as it is.
        """
        now = self._clock()
        if task.act is TokenAct.LIST:
            shown = await self._tokens.list(self._schools)
            return TokenAnswer(done=True, tokens=tuple(KnownToken(**one.model_dump()) for one in shown))
        if not task.by.strip():
            raise BadOrder("say by whom: the account of whoever does it")
        if task.act is TokenAct.REVOKE:
            done = await self._tokens.revoke(task.token, self._schools, f"ops:{task.by}", now)
            return TokenAnswer(done=done)
        unknown = [school for school in task.schools if school not in self._schools]
        if not task.name.strip() or not task.schools or unknown:
            raise BadOrder(f"a token needs a name and schools of this district {' '.join(unknown)}".strip())
        order = Order(task.name.strip(), tuple(dict.fromkeys(task.schools)), task.days, f"ops:{task.by}")
        _, key = await self._tokens.make(order, now)
        return TokenAnswer(done=True, key=key)
