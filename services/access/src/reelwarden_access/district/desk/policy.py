"""Who signs for what, as data: the checks read these tables, and the page of the rules shows them."""

from dataclasses import dataclass

from reelwarden_access.district.desk.application import Application, Outsider
from reelwarden_common.district import PersonRole
from reelwarden_common.events.access import Manner


@dataclass(frozen=True)
class Signing:
    """Who approves or rejects one kind of application."""

    manner: Manner
    concerns_leader: bool
    signers: tuple[PersonRole, ...]
    """In the order in which a person's roles count."""
    needed: int
    """Different people."""
    among: PersonRole | None
    """Without whom it is not approved."""
    barred: tuple[PersonRole, ...]
    """Whoever is one of these signs only as `among`."""
    rule: str


SIGNING = (
    Signing(Manner.VIEW, False, (PersonRole.LEADER, PersonRole.SAFETY), 1, None, (), "R4.2"),
    Signing(Manner.COPY, False, (PersonRole.LEADER, PersonRole.SAFETY), 2, None, (), "R4.4"),
    Signing(
        Manner.VIEW,
        True,
        (PersonRole.DISTRICT_OFFICER,),
        1,
        PersonRole.DISTRICT_OFFICER,
        (PersonRole.LEADER,),
        "R4.4",
    ),
    Signing(
        Manner.COPY,
        True,
        (PersonRole.DISTRICT_OFFICER, PersonRole.SAFETY),
        2,
        PersonRole.DISTRICT_OFFICER,
        (PersonRole.LEADER,),
        "R4.4",
    ),
)
"""R4.2: a leader or the safety department; R4.4: a copy by two, a leader's own footage one level higher."""
MAY_BE_URGENT = frozenset({Outsider.POLICE, Outsider.COURT})
"""Whose matter cannot wait: decided within hours, and at the top of every list."""


def signing_of(application: Application) -> Signing:
    """The line of the table that an application falls under."""
    return next(
        one
        for one in SIGNING
        if (one.manner, one.concerns_leader) == (application.manner, application.concerns_leader)
    )


def role_of_signer(application: Application, roles: frozenset[PersonRole]) -> PersonRole | None:
    """In which role somebody with these roles signs; None if in none."""
    signing = signing_of(application)
    if roles.intersection(signing.barred) and signing.among not in roles:
        return None
    return next((role for role in signing.signers if role in roles), None)
