"""What every event has in common: frozen, forgiving to newer senders, addressed by its class."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    TypeAdapter,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

ID_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
DISTRICT_SCHOOL = "district"
"""Stands in a subject where an event concerns no school."""
ANY_ROLE = "any"


_AWARE = TypeAdapter(AwareDatetime)


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        message = "is outside the years 1 to 9999 in UTC"
        raise ValueError(message) from error


def _read(text: Any) -> datetime:  # noqa: ANN401 - whatever stands in the JSON
    """Read the notation of `_iso` by the shortest way: times are what takes longest in a segment."""
    try:
        read = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        read = None
    return read if read is not None and read.tzinfo is UTC else _utc(_AWARE.validate_python(text))


class _InUtc:
    """Validates moments into UTC."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_plain_validator_function(_read),
            python_schema=core_schema.no_info_after_validator_function(_utc, _AWARE.core_schema),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        del schema
        return handler(_AWARE.core_schema)


def _iso(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


Instant = Annotated[
    datetime,
    _InUtc,
    PlainSerializer(_iso, return_type=str, when_used="json"),
    Field(examples=["2026-03-02T08:00:00.000000Z"]),
]
"""A moment, always UTC, written as RFC 3339 with microseconds."""

SchoolId = Annotated[str, Field(pattern=ID_PATTERN, examples=["s001"])]
CameraId = Annotated[str, Field(pattern=ID_PATTERN, examples=["gate"])]
Id = Annotated[str, Field(min_length=1, max_length=64, examples=["0c9d1f6e5b7a4e0f8a3b2c1d0e9f8a7b"])]
ActorId = Annotated[str, Field(min_length=1, max_length=64, examples=["a-5d3f09"])]
"""A person as the desk numbers them: never a name (PIPL art. 51)."""
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", examples=["ab" * 32])]
"""SHA-256, lower-case hexadecimal."""
Day = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$", examples=["2026-03-02"])]
Locator = Annotated[str, Field(max_length=4096, examples=["frigate/recordings/2026-03-02/08/gate/00.00.mp4"])]
"""A file's path below the school's storage folder."""
Reason = Annotated[str, Field(max_length=64, examples=["truncated"])]
"""A code that programs read; what people read is made from it."""
Detail = Annotated[str, Field(max_length=500, examples=["the file ends inside its last packet"])]


class Model(BaseModel):
    """A frozen value; fields that a newer sender adds are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Model):
    """A fact, in the past tense.

    `SUBJECT` is `<role>.<entity>.<fact>`; the school comes from the NATS subject, never from the body,
    because the subject is what the bus's permissions guard.
    """

    SUBJECT: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1
    TO_SCHOOL: ClassVar[bool] = False
    """A decision that a school must act on: it travels down in the DISTRICT stream."""

    @classmethod
    def role(cls) -> str:
        """The role that publishes it; `any` where every role may."""
        return cls.SUBJECT.split(".", 1)[0]

    @classmethod
    def fact(cls) -> str:
        """`<entity>.<fact>`."""
        return cls.SUBJECT.split(".", 1)[1]

    @classmethod
    def ce_type(cls) -> str:
        """The CloudEvents type: who says it (two notaries sign checkpoints), what, and which version.

        The version stands in it so that a V2 can travel beside V1.
        """
        return f"reelwarden.{cls.SUBJECT}.v{cls.VERSION}"

    @classmethod
    def subject(cls, school: str, role: str | None = None) -> str:
        """The NATS subject for one school (or `*`), as `role` publishes it."""
        own = cls.role()
        return f"rw.{school}.{(role or '*') if own == ANY_ROLE else own}.{cls.fact()}"


class CameraSpan(Model):
    """A span of one camera's footage, from start (inclusive) to end (exclusive)."""

    camera: CameraId
    start: Instant
    end: Instant

    @property
    def duration(self) -> timedelta:
        """How long it is."""
        return self.end - self.start
