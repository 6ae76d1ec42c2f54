"""Papers as people and programs see them."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, Field

from reelwarden_access.district.desk.attachment import Attachment
from reelwarden_access.district.desk.tables.attachments import EarlierForm


class AttachmentShown(BaseModel):
    """A paper of a form."""

    id: str
    name: str
    media_type: str
    size: int = Field(description="bytes")
    digest: str = Field(description="SHA-256 of the content; stands in the form that is signed")
    added_at: datetime
    signed_at: datetime | None = Field(description="null: it waits for the form to be signed")
    erased_at: datetime | None = Field(description="its content is gone, its digest stays in the form")

    @classmethod
    def of(cls, one: Attachment) -> "AttachmentShown":
        """From the rules' own shape."""
        return cls(
            id=one.id,
            name=one.name,
            media_type=one.media_type,
            size=one.size,
            digest=one.digest,
            added_at=one.added_at,
            signed_at=one.signed_at,
            erased_at=one.erased_at,
        )


class EarlierFormShown(BaseModel):
    """A form that was signed, before something was added to it."""

    digest: str
    signed_at: datetime
    replaced_at: datetime

    @classmethod
    def of(cls, forms: Sequence[EarlierForm]) -> "list[EarlierFormShown]":
        """From the table's own shape."""
        return [cls(digest=f.digest, signed_at=f.signed_at, replaced_at=f.replaced_at) for f in forms]
