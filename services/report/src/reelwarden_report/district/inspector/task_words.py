"""Words for what is to be done at the desk, by which role, and for the parts in a retrieval."""

from collections.abc import Mapping
from typing import Any

from reelwarden_common.web import N_, Text

TASKS = {
    "decide": N_("to be decided"),
    "retrieve": N_("footage to be retrieved"),
    "record": N_("record to be filled in"),
    "sign": N_("record to be signed"),
    "declare": N_("use of the copy to be declared"),
    "close": N_("to be closed"),
    "review": N_("two parts by one person to be reviewed"),
    "review_paper": N_("form on paper to be reviewed"),
    "paper_skipped": N_("numbered paper form passed over, not accounted for"),
    "paper_twice": N_("numbered paper form used twice"),
    "applicant": N_("applicant"),
    "leader": N_("school leader"),
    "safety": N_("safety department"),
    "retriever": N_("operator"),
    "reception": N_("reception"),
    "district_officer": N_("district officer"),
    "approver": N_("approver"),
    "supervisor": N_("supervisor"),
}
"""What is to be done at the desk, by which role; and the parts in a retrieval."""


def of_tasks(facts: Mapping[str, Any]) -> dict[str, Text]:
    """Those of a finding's facts that speak of tasks, in words."""
    found = {key: task(facts[key]) for key in ("task", "for_role") if isinstance(facts.get(key), str)}
    if isinstance(facts.get("parts"), list):
        holes = " + ".join(f"%({part})s" for part in facts["parts"])
        found["parts"] = Text(holes, **{part: task(part) for part in facts["parts"]})
    return found


def task(value: str) -> Text:
    """What is to be done, by whom, or as what, in words."""
    return Text(TASKS.get(value, value))
