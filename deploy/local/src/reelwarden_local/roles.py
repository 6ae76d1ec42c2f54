"""Which process runs what: a module per district role, and one host process per school for its five roles."""

import importlib
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from reelwarden_common.messaging.topology import Place, roles_at
from reelwarden_common.role import Role
from reelwarden_common.settings import RoleSettings

DISTRICT_ROLES = tuple(r.name for r in roles_at(Place.DISTRICT))
SITE_ROLES = tuple(r.name for r in roles_at(Place.SCHOOL))
_SERVICE = {r.name: r.service for place in Place for r in roles_at(place)}


def service_of(role: str) -> str:
    """The service that a role belongs to."""
    return _SERVICE[role]


def module_of(role: str) -> str:
    """The module that starts a role: `python -m <module>`."""
    half = "site" if role in SITE_ROLES else "district"
    return f"reelwarden_{_SERVICE[role]}.{half}.{role}.app"


@dataclass(frozen=True)
class RoleModule:
    """A role's settings class and builder, as its package offers them."""

    role: str
    app: ModuleType

    @property
    def settings(self) -> type[RoleSettings]:
        """The class that reads `RW_*`."""
        found: type[RoleSettings] = self.app.Settings
        return found

    def build(self, settings: RoleSettings) -> AbstractAsyncContextManager[Role[Any]]:
        """The role, ready to run."""
        built: AbstractAsyncContextManager[Role[Any]] = self.app.build(settings)
        return built


def load(role: str) -> RoleModule:
    """Import a role's app."""
    return RoleModule(role, importlib.import_module(module_of(role)))
