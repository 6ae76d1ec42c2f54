"""Every form that travels: events, and the questions and answers of request and reply, with its schema."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from reelwarden_common import events
from reelwarden_common.events.base import Event
from reelwarden_common.messaging.topology import QUESTIONS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True)
class Form:
    """One kind of message body; `name` is also the stem of its files."""

    name: str
    model: type[BaseModel]

    @property
    def summary(self) -> str:
        """The first sentence of what it is, or its name in words."""
        text = (self.model.__doc__ or "").strip()
        own = text and text != (Event.__doc__ or "").strip() and "__doc__" in vars(self.model)
        first = text.split("\n\n", maxsplit=1)[0].replace("\n", " ") if own else ""
        return " ".join(first.split()) or _in_words(self.model.__name__)


def _in_words(name: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip().capitalize() + "."


def form_of(event: type[Event]) -> Form:
    """An event's form, named by its CloudEvents type."""
    return Form(event.ce_type(), event)


def question_form(question: str) -> Form:
    """What the asker sends."""
    return Form(f"{question}.request", QUESTIONS[question][0])


def answer_form(question: str) -> Form:
    """What comes back."""
    return Form(f"{question}.reply", QUESTIONS[question][1])


def all_forms() -> tuple[Form, ...]:
    """Events first, then questions and answers."""
    exchanges = (form(question) for question in QUESTIONS for form in (question_form, answer_form))
    return (*(form_of(event) for event in events.ALL), *exchanges)


def schema_of(form: Form) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what readers accept."""
    schema = form.model.model_json_schema(mode="validation")
    described = {"description": form.summary} if "description" not in schema else {}
    return {"$schema": DIALECT, "$id": f"urn:reelwarden:{form.name}"} | described | schema
