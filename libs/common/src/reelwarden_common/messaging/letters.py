"""A role's own dead letters: listed, shown, handled again, dismissed, for the people who run the district.

A role sees its own letters and no other's: each has a subject of its own below `dlq.<role>`, and that is
what its permissions name. A letter is settled by an empty one that takes its place and is gone a second
later (one message a subject, with a time to live): no role needs the right to delete from the stream.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from reelwarden_common.clock import Clock, system_clock
from reelwarden_common.envelope import Message, encode
from reelwarden_common.errors import ReelwardenError, Refused, Transient
from reelwarden_common.events.letters import (
    MOST_SHOWN,
    Act,
    Fault,
    Letter,
    LetterAnswer,
    LetterQuery,
    LettersAnswer,
    LetterSettled,
    LettersQuery,
    LetterTask,
    LetterTaskAnswer,
    Outcome,
)
from reelwarden_common.identity import digest_of
from reelwarden_common.messaging.dead_letters import (
    KNOWN_HEADERS,
    event_of,
    letter_subject,
    school_of,
    text_of,
)
from reelwarden_common.messaging.publisher import publish_all
from reelwarden_common.messaging.questions import Answer
from reelwarden_common.messaging.topology import LETTER, LETTERS, SETTLE_LETTER, Stream
from reelwarden_common.telemetry import log

SECONDS = 5.0
Handle = Callable[[str, Mapping[str, str], bytes], Awaitable[None]]
"""Handles subject, headers and body as if they had come now; raises what the handler raises."""


class DeadLetters:
    """The letters of one role at its place.

    Args:
        client, jetstream: The role's connection.
        handle: The role's delivery of one message.
    """

    def __init__(
        self,
        role: str,
        client: Callable[[], Client],
        jetstream: Callable[[], JetStreamContext],
        handle: Handle,
        clock: Clock = system_clock,
    ) -> None:
        self._role = role
        self._client = client
        self._jetstream = jetstream
        self._handle = handle
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    def answers(self) -> tuple[Answer, ...]:
        """What operators may ask about them."""
        return (
            Answer(LETTERS, LettersQuery, self.page),
            Answer(LETTER, LetterQuery, self.show),
            Answer(SETTLE_LETTER, LetterTask, self.settle),
        )

    async def page(self, query: LettersQuery) -> LettersAnswer:
        """The newest letters, or those behind one.

        Raises:
            Transient: the bus does not answer.
        """
        names = sorted(await self._names(), key=_place, reverse=True)
        start = 0
        if query.before is not None:
            start = next((i for i, n in enumerate(names) if _place(n) < _place(query.before)), len(names))
        shown = names[start : start + query.limit]
        found = [await self._find(name) for name in shown]
        return LettersAnswer(
            letters=tuple(_letter(name, raw) for name, raw in zip(shown, found, strict=True) if raw),
            more=start + query.limit < len(names),
            total=len(names) - found.count(None),
        )

    async def show(self, query: LetterQuery) -> LetterAnswer:
        """One letter with the beginning of its body.

        Raises:
            Transient: the bus does not answer.
        """
        raw = await self._find(query.letter)
        if raw is None:
            return LetterAnswer(letter=None)
        body = raw.data[:MOST_SHOWN].decode("utf-8", "replace")
        return LetterAnswer(letter=_letter(query.letter, raw), body=body[:MOST_SHOWN])

    async def settle(self, task: LetterTask) -> LetterTaskAnswer:
        """Handle a letter again, or dismiss it; what is settled is said, then taken away.

        Broken off in between it can be done again: the inbox knows what had its effect.

        Raises:
            Refused: dismissed without saying why.
            Transient: the bus does not answer.
        """
        if task.act is Act.DISMISS and not task.note.strip():
            raise Refused("say in a note why it is dismissed")
        async with self._one_at_a_time:
            raw = await self._find(task.letter)
            if raw is None:
                return LetterTaskAnswer(outcome=Outcome.UNKNOWN)
            if task.act is Act.REPLAY and (problem := await self._replay(raw)):
                return LetterTaskAnswer(outcome=Outcome.FAILED, detail=problem[:500])
            outcome = Outcome.REPLAYED if task.act is Act.REPLAY else Outcome.DISMISSED
            await self._settled(task, outcome, raw)
        log(self._role).info("letter_settled", letter=task.letter, outcome=outcome.value, by=task.by)
        return LetterTaskAnswer(outcome=outcome)

    async def _replay(self, raw: Msg) -> str | None:
        """What is wrong with it this time; None when it was handled."""
        headers = raw.headers or {}
        if "rw-cut-from" in headers:
            return f"only the beginning of its {headers['rw-cut-from']} bytes was kept: dismiss it"
        original = {name: value for name, value in headers.items() if name in KNOWN_HEADERS}
        try:
            await self._handle(headers["rw-subject"], original, raw.data)
        except ReelwardenError as error:
            return text_of(error)
        except Exception as error:  # noqa: BLE001 - told to the person who asked, the log has the rest
            log(self._role).exception("replay_failed", subject=headers["rw-subject"])
            return f"{type(error).__name__}: {error}"
        return None

    async def _settled(self, task: LetterTask, outcome: Outcome, raw: Msg) -> None:
        headers = raw.headers or {}
        known = digest_of([self._role, task.letter, headers["Nats-Time-Stamp"], outcome.value])[:32]
        said = encode(
            LetterSettled(
                letter=task.letter,
                subject_of=headers["rw-subject"][:200],
                event=event_of(headers),
                outcome=outcome.value,
                by=task.by,
                note=task.note,
            ),
            school=_school(headers),
            role=self._role,
            event_id=f"settled.{known}",
            time=self._clock(),
        )
        nothing = Message(
            letter_subject(self._role, task.letter), {"Nats-TTL": "1s", "Nats-Msg-Id": f"gone.{known}"}, b""
        )
        for message in (said, nothing):
            await publish_all(self._jetstream(), [message])

    async def count(self) -> int:
        """How many there are.

        Raises:
            Transient: the bus does not say.
        """
        return len(await self._names())

    async def _names(self) -> list[str]:
        """The ids of all letters (the server names up to 100,000)."""
        prefix = letter_subject(self._role, "")
        ask = json.dumps({"subjects_filter": f"{prefix}>"}).encode()
        answer = json.loads((await self._request(f"$JS.API.STREAM.INFO.{Stream.DLQ}", ask)).data)
        subjects = (answer.get("state") or {}).get("subjects") or {}
        return [subject.removeprefix(prefix) for subject in subjects]

    async def _find(self, name: str) -> Msg | None:
        subject = letter_subject(self._role, name)
        raw = await self._request(f"$JS.API.DIRECT.GET.{Stream.DLQ}.{subject}", b"")
        return raw if "rw-reason" in (raw.headers or {}) else None

    async def _request(self, subject: str, body: bytes) -> Msg:
        try:
            return await self._client().request(subject, body, timeout=SECONDS)
        except (nats.errors.Error, TimeoutError) as error:
            message = f"the bus does not say which dead letters there are ({type(error).__name__})"
            raise Transient(message) from error


def _place(name: str) -> tuple[str, ...]:
    return tuple(token.zfill(20) for token in name.split("."))


def _school(headers: Mapping[str, str]) -> str:
    return headers.get("rw-school") or school_of(headers.get("rw-subject", ""))


def _letter(name: str, raw: Msg) -> Letter:
    headers = raw.headers or {}
    fault = headers.get("rw-fault", "")
    return Letter.model_validate(
        {
            "letter": name,
            "at": headers["Nats-Time-Stamp"],
            "school": _school(headers),
            "subject": headers.get("rw-subject", "")[:500],
            "event_type": headers.get("ce-type", ""),
            "event": headers.get("ce-id", ""),
            "fault": fault if fault in set(Fault) else Fault.UNFORESEEN,
            "reason": headers["rw-reason"].lower()[:64],
            "detail": headers.get("rw-detail", "")[:500],
            "size": int(headers.get("rw-size") or headers.get("rw-cut-from") or len(raw.data)),
        }
    )
