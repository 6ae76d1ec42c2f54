"""How routes get at the desk's acts."""

from typing import Annotated

from fastapi import Depends, Request

from reelwarden_access.district.desk.attachment_office import Attachments
from reelwarden_access.district.desk.extension_office import ExtensionOffice
from reelwarden_access.district.desk.office import Office
from reelwarden_access.district.desk.supervision_office import SupervisionOffice


def _office(request: Request) -> Office:
    office: Office = request.app.state.office
    return office


def _extensions(request: Request) -> ExtensionOffice:
    office: ExtensionOffice = request.app.state.extensions
    return office


def _supervisions(request: Request) -> SupervisionOffice:
    office: SupervisionOffice = request.app.state.supervisions
    return office


def _attachments(request: Request) -> Attachments:
    office: Attachments = request.app.state.attachments
    return office


AtAttachments = Annotated[Attachments, Depends(_attachments)]
AtExtensions = Annotated[ExtensionOffice, Depends(_extensions)]
At = Annotated[Office, Depends(_office)]
AtSupervisions = Annotated[SupervisionOffice, Depends(_supervisions)]
