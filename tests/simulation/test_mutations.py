"""Each fault that is put into the code on purpose breaks what must always hold: the stories would find it."""

import pytest

from tests.simulation.mutations import ALL
from tests.simulation.playing import play

FOUND_WITHIN = 200
"""Seeds in which each fault that is put in on purpose is found."""
BEGIN = {"no-last-look": 150}
"""The first of them, where many tell nothing: a hold has to come in the instant before the unlinking."""


@pytest.mark.parametrize("mutation", sorted(ALL))
def test_a_fault_that_is_put_in_on_purpose_is_found(mutation: str) -> None:
    seeds = ("--first", str(BEGIN.get(mutation, 0)), "--seeds", str(FOUND_WITHIN))
    told = play("--mutation", mutation, *seeds, "--until-one-fails")
    assert told["failed"]
