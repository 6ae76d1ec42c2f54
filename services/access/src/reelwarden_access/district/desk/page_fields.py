"""What people write into the pages' forms, as programs would send it; slips are told by the fields' names."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from reelwarden_access.district.desk.domain import required
from reelwarden_common.web import Wrong
from reelwarden_common.web.text import N_, Text

M = TypeVar("M", bound=BaseModel)
_NAMES: Mapping[str, str] = {
    "school": N_("School"),
    "cameras": N_("Cameras"),
    "start": N_("From"),
    "end": N_("To"),
    "manner": N_("Manner"),
    "source": N_("Kind"),
    "until": N_("Keep until"),
    "case_number": N_("Case number"),
    "reason": N_("Reason"),
    "relation": N_("Relation to those concerned"),
    "phone": N_("Phone"),
    "documents": N_("Supporting documents"),
    "password": N_("Password"),
    "passkey": N_("Your own key"),
    "outsider": N_("Role"),
    "name": N_("Name"),
    "unit": N_("Unit"),
    "identity_document": N_("Identity document"),
    "authority_document": N_("Authority document"),
    "digest": N_("Digest of the form"),
    "opinion": N_("Opinion"),
    "present": N_("Present"),
    "minutes": N_("For how many minutes"),
    "recipient": N_("Recipient, as in the identity document"),
    "medium": N_("Medium"),
    "content": N_("Content"),
    "outcome": N_("Outcome"),
    "copies": N_("Copies"),
    "declaration": N_("Declaration"),
    "note": N_("Receipt"),
    "approver": N_("Approved by"),
    "approved_at": N_("Approved at"),
    "operator": N_("Operator"),
    "supervisor": N_("Supervisor"),
    "retrieved_at": N_("Retrieved at"),
    "decision": N_("Finding"),
}


def taken(kind: type[M], written: Mapping[str, Any]) -> M:
    """The form as its model; a field left empty was not sent.

    Raises:
        Wrong: the first field that is missing or cannot be taken.
    """
    try:
        return kind.model_validate({name: value for name, value in written.items() if value != ""})
    except ValidationError as error:
        raise _unfit(error) from error


def _unfit(error: ValidationError) -> Wrong:
    first = error.errors()[0]
    name = str(first["loc"][0])
    field = Text(_NAMES.get(name, name))
    most = first.get("ctx", {}).get("max_length")
    match first["type"]:
        case "missing":
            required({field.message: ""})
        case "string_too_long":
            text = Text(N_("%(field)s: at most %(most)s characters, please."), field=field, most=most)
            return Wrong("field_too_long", text, "R4.2")
        case "too_long":
            text = Text(N_("%(field)s: at most %(most)s entries, please."), field=field, most=most)
            return Wrong("field_too_long", text, "R4.2")
    text = Text(N_("%(field)s: this cannot be understood. Please fill it in anew."), field=field)
    return Wrong("field_unclear", text, "R4.2")
