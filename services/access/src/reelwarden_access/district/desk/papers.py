"""What goes into a package beside the PDFs, so that `verify.py` can check the signatures under the form."""

from typing import Any

import rfc8785

from reelwarden_access.district.desk.shown import ApplicationShown, SignatureShown


def to_be_checked(shown: ApplicationShown) -> dict[str, bytes]:
    """The form as it was signed (canonical JSON), and the signatures under it."""
    signatures = [_signature(one) for one in shown.signatures]
    return {"application.json": rfc8785.dumps(shown.form), "signatures.json": rfc8785.dumps(signatures)}


def _signature(one: SignatureShown) -> dict[str, Any]:
    plain = one.model_dump(mode="json", exclude={"own_key"})
    return plain | {"passkey": one.own_key}
