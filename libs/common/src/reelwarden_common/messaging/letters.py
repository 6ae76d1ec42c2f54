"""A role's own dead letters: listed for the people who run the district.

A role sees its own letters and no other's: each has a subject of its own below `dlq.<role>`, and that is
what its permissions name.
"""

import json
from collections.abc import Callable

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from reelwarden_common.envelope import Malformed, parse_subject
from reelwarden_common.errors import Refused, Transient
from reelwarden_common.events.base import DISTRICT_SCHOOL
from reelwarden_common.events.letters import Letter, LettersAnswer, LettersQuery
from reelwarden_common.messaging.dead_letters import letter_subject
from reelwarden_common.messaging.questions import Answer
from reelwarden_common.messaging.topology import LETTERS, Stream

SECONDS = 5.0


class NoSuchLetter(Refused):
    """There is no such dead letter: it was settled, aged out, or never was."""


class DeadLetters:
    """The letters of one role at its place."""

    def __init__(self, role: str, client: Callable[[], Client]) -> None:
        self._role = role
        self._client = client

    def answers(self) -> tuple[Answer, ...]:
        """What an operator may ask about them."""
        return (Answer(LETTERS, LettersQuery, self.page),)

    async def page(self, query: LettersQuery) -> LettersAnswer:
        """The newest letters, or those before one.

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
            total=len(names),
        )

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


def _letter(name: str, raw: Msg) -> Letter:
    headers = raw.headers or {}
    subject = headers.get("rw-subject", "")
    try:
        school = parse_subject(subject)[0]
    except Malformed:
        school = DISTRICT_SCHOOL
    return Letter(
        letter=name,
        at=headers["Nats-Time-Stamp"],
        school=school,
        subject=subject[:500],
        event_type=headers.get("ce-type", ""),
        event=headers.get("ce-id", ""),
        reason=headers["rw-reason"].lower()[:64],
        detail=headers.get("rw-detail", "")[:500],
        size=int(headers.get("rw-size") or headers.get("rw-cut-from") or len(raw.data)),
    )
