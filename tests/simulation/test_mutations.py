"""Each fault that is put into the code on purpose breaks what must always hold: the stories would find it."""

import pytest

from tests.simulation.mutations import ALL
from tests.simulation.playing import play

FOUND_WITHIN = 200
"""Seeds in which each fault that is put in on purpose is found."""


@pytest.mark.parametrize("mutation", sorted(ALL))
def test_a_fault_that_is_put_in_on_purpose_is_found(mutation: str) -> None:
    told = play("--mutation", mutation, "--seeds", str(FOUND_WITHIN), "--until-one-fails")
    assert told["failed"]
