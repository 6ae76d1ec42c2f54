"""Questions by request and reply: an answer may stay away.

A `query` changes nothing; a `task` is carried out once or not at all, and its answer says which.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import BaseModel, ValidationError

from reelwarden_common.errors import ReelwardenError, Transient
from reelwarden_common.events.base import Model
from reelwarden_common.messaging.topology import question_subject
from reelwarden_common.telemetry import log

A = TypeVar("A", bound=BaseModel)
HEADROOM = 1024
"""Bytes that subject and protocol may add."""


class NoAnswer(Transient):
    """Nobody answered in time: the role is down, or the school is cut off."""


class BadQuestion(Transient):
    """The one asked did not understand the question, or could not answer it now."""


class Problem(Model):
    """What an answer says instead, when there is none."""

    problem: str


@dataclass(frozen=True)
class Answer:
    """One question that a role answers: its form, and the function that knows."""

    question: str
    form: type[BaseModel]
    reply: Callable[[Any], Awaitable[BaseModel]]


async def ask(
    client: Client,
    question: str,
    school: str,
    form: BaseModel,
    answer: type[A],
    seconds: float = 5,
    *,
    role: str | None = None,
) -> A:
    """Ask and wait; `role` names the one asked where any answers this question.

    Raises:
        NoAnswer: nobody there, or too late.
        BadQuestion: there was an answer, but it says that it cannot answer.
    """
    subject = question_subject(question, school, role)
    try:
        message = await client.request(subject, form.model_dump_json().encode(), timeout=seconds)
    except (nats.errors.Error, TimeoutError) as error:
        text = f"{subject}: no answer within {seconds:g} s"
        raise NoAnswer(text) from error
    try:
        return answer.model_validate_json(message.data)
    except ValidationError as error:
        try:
            problem = Problem.model_validate_json(message.data).problem
        except ValidationError:
            problem = "the answer is not of the expected form"
        text = f"{subject}: {problem}"
        raise BadQuestion(text) from error


async def serve(client: Client, role: str, school: str, answer: Answer) -> None:
    """Answer a question for as long as the connection lives; replicas share the work."""

    async def reply(message: Msg) -> None:
        try:
            result: BaseModel = await answer.reply(answer.form.model_validate_json(message.data))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            result = Problem(problem=f"bad question: {first['loc']}: {first['msg']}")
        except ReelwardenError as error:
            result = Problem(problem=str(error))
        except Exception as error:  # noqa: BLE001 - the asker gets an answer, the log the reason
            log(role).exception("question_failed", question=answer.question)
            result = Problem(problem=f"could not be answered: {type(error).__name__}")
        body = result.model_dump_json().encode()
        if len(body) > client.max_payload - HEADROOM:
            too_much = f"the answer has {len(body)} bytes, more than the bus takes: ask about less"
            body = Problem(problem=too_much).model_dump_json().encode()
        await message.respond(body)

    await client.subscribe(question_subject(answer.question, school, role), queue=role, cb=reply)
