"""`district.toml`: the one file that says which schools, cameras and people there are.

    config = load(Path("district.toml"))
    config.keep_days("s001", "gate")

What is wrong in it is told with file and line, what is wrong, and what to do, all of it at once.
"""

from reelwarden_common.district.choices import BackupPolicy, Erasure, Grant, Layout, PersonRole, PlaceKind
from reelwarden_common.district.load import DistrictConfig, load
from reelwarden_common.district.models import (
    OIDC_ACCOUNT,
    Backup,
    BackupWindow,
    Camera,
    DistrictFile,
    Oidc,
    OidcGrant,
    Person,
    RecorderSettings,
    Retention,
    School,
)
from reelwarden_common.district.problems import ConfigError, Problem
from reelwarden_common.district.template import DIRECTIVES

__all__ = [
    "DIRECTIVES",
    "OIDC_ACCOUNT",
    "Backup",
    "BackupPolicy",
    "BackupWindow",
    "Camera",
    "ConfigError",
    "DistrictConfig",
    "DistrictFile",
    "Erasure",
    "Grant",
    "Layout",
    "Oidc",
    "OidcGrant",
    "Person",
    "PersonRole",
    "PlaceKind",
    "Problem",
    "RecorderSettings",
    "Retention",
    "School",
    "load",
]
