"""What intake leaves at the hub: messages, dead letters, positions. It owns no database."""

import json
from collections.abc import Callable, Mapping, Sequence

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.envelope import MAX_BODY, Malformed, Message, encode
from reelwarden_common.errors import Transient
from reelwarden_common.events.report import MessageRefused
from reelwarden_common.messaging.dead_letters import fault_of, letter_subject
from reelwarden_common.messaging.publisher import publish_all
from reelwarden_common.messaging.topology import Stream
from reelwarden_ingest.district.intake.domain import SOURCE, Position
from reelwarden_ingest.district.intake.line import Pulled

ROLE = "intake"
_DETAIL = 500


class HubAway(Transient):
    """The hub does not answer; nothing was taken over, nothing is lost."""


class Hub:
    """The hub's streams, as intake may use them, for one school's stream."""

    def __init__(
        self,
        jetstream: Callable[[], JetStreamContext],
        school: str,
        stream: Stream,
        clock: Clock = system_clock,
    ) -> None:
        self._jetstream = jetstream
        self._school = school
        self._stream = stream
        self._clock = clock

    async def saved(self) -> Position | None:
        """Return the position that was saved last.

        Raises:
            HubAway: no answer.
        """
        found = await self._last(Stream.INTAKE, self._position_subject)
        try:
            known = json.loads(found.data or b"") if found else None
            return Position(int(known["created"]), int(known["sequence"])) if known else None
        except (ValueError, KeyError, TypeError):
            return None

    async def newest(self) -> Position | None:
        """Return where the newest message that the hub has of this school's stream came from.

        Raises:
            HubAway: no answer.
        """
        found = await self._last(self._stream, f"rw.{self._school}.>")
        return Position.of_source((found.headers or {}).get(SOURCE, "")) if found else None

    async def save(self, position: Position) -> None:
        """Remember that everything up to `position` was dealt with.

        Raises:
            HubAway: not confirmed.
        """
        value = json.dumps({"created": position.created, "sequence": position.sequence}).encode()
        try:
            await self._jetstream().publish(self._position_subject, value, timeout=5)
        except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError) as error:
            raise HubAway(f"{self._position_subject}: not saved ({type(error).__name__})") from error

    async def land(self, messages: Sequence[Message]) -> None:
        """Publish in order; each is there once, however often this is called.

        Raises:
            NotTaken: the hub did not confirm.
        """
        await publish_all(self._jetstream(), messages)

    def message(self, pulled: Pulled, headers: Mapping[str, str]) -> Message:
        """Return the hub's copy of an admitted message: it names its source, and is deduplicated by it."""
        source = pulled.position.source(self._school, self._stream)
        return Message(
            pulled.raw.subject, {**headers, SOURCE: source, "Nats-Msg-Id": source}, pulled.raw.data
        )

    def dead_letter(self, pulled: Pulled, reason: Malformed) -> list[Message]:
        """Return what is kept of a refused message, and what is told about it. No header of it is kept."""
        raw = pulled.raw
        source = pulled.position.source(self._school, self._stream)
        detail = _plain(str(reason))[:_DETAIL]
        headers = {
            "rw-role": ROLE,
            "rw-school": self._school,
            "rw-subject": _plain(raw.subject)[:_DETAIL],
            "rw-stream": str(self._stream),
            "rw-sequence": str(pulled.position.sequence),
            "rw-size": str(len(raw.data)),
            "rw-fault": fault_of(reason).value,
            "rw-reason": "Malformed",
            "rw-detail": detail,
            SOURCE: source,
            "Nats-Msg-Id": f"dlq.{ROLE}.{source}",
        }
        letter = Message(letter_subject(ROLE, source), headers, raw.data[:MAX_BODY])
        told = encode(
            MessageRefused(
                subject_of=_plain(raw.subject)[:200],
                event=source[:64],
                reason="malformed",
                detail=detail,
                letter=source,
                fault=fault_of(reason),
            ),
            school=self._school,
            role=ROLE,
            event_id=f"refused.{ROLE}.{source}",
            time=self._clock(),
        )
        return [letter, told]

    @property
    def _position_subject(self) -> str:
        return f"intake.pos.{self._school}.{self._stream}"

    async def _last(self, stream: Stream, subject: str) -> RawStreamMsg | None:
        try:
            return await self._jetstream().get_last_msg(stream, subject)
        except NotFoundError:
            return None
        except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError) as error:
            raise HubAway(f"{stream}: no word about {subject} ({type(error).__name__})") from error


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
