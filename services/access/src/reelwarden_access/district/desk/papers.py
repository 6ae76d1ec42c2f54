"""What goes into a package beside the PDFs, so that `verify.py` can check the signatures under the form."""

from typing import Any

import rfc8785

from reelwarden_access.district.desk.paper_looks import SUFFIXES
from reelwarden_access.district.desk.shown import ApplicationShown, SignatureShown
from reelwarden_access.district.desk.store import DeskStore
from reelwarden_access.verify import FORMS, attachment_name


def to_be_checked(shown: ApplicationShown) -> dict[str, bytes]:
    """The form as it was signed (canonical JSON), and the signatures under it."""
    signatures = [_signature(one) for one in shown.signatures]
    return {"application.json": rfc8785.dumps(shown.form), "signatures.json": rfc8785.dumps(signatures)}


def record_to_be_checked(shown: ApplicationShown) -> dict[str, bytes]:
    """The record as it was signed, the signatures under it, and the acts signed beside it."""
    if shown.record is None:
        return {}
    signatures = [_signature(one) for one in shown.record.signatures]
    acts = [one.model_dump(mode="json", exclude={"own_key"}) | {"passkey": one.own_key} for one in shown.acts]
    return {
        "record.json": rfc8785.dumps(shown.record.form),
        "record-signatures.json": rfc8785.dumps(signatures),
        "acts.json": rfc8785.dumps(acts),
    }


async def attached(store: DeskStore, application: str) -> dict[str, bytes]:
    """The files that were attached to the form, by their place in it."""
    found = {}
    for number, one in enumerate(await store.attachments.of(application), start=1):
        name = attachment_name(number).removeprefix(FORMS) + SUFFIXES[one.media_type]
        parts: list[bytes] = []
        while part := await store.attachments.part(one.id, len(parts)):
            parts.append(part)
        found[name] = b"".join(parts)
    return found


def _signature(one: SignatureShown) -> dict[str, Any]:
    plain = one.model_dump(mode="json", exclude={"own_key"})
    return plain | {"passkey": one.own_key}
