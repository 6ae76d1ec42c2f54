"""How routes get at the desk's acts."""

from typing import Annotated

from fastapi import Depends, Request

from reelwarden_access.district.desk.extension_office import ExtensionOffice
from reelwarden_access.district.desk.office import Office


def _office(request: Request) -> Office:
    office: Office = request.app.state.office
    return office


def _extensions(request: Request) -> ExtensionOffice:
    office: ExtensionOffice = request.app.state.extensions
    return office


AtExtensions = Annotated[ExtensionOffice, Depends(_extensions)]
At = Annotated[Office, Depends(_office)]
