"""The systemd units of a school: its NATS server, and its roles beside it."""

import sys
from pathlib import Path

from reelwarden_local.install.site_folder import SiteFolder
from reelwarden_local.servers.process import binary_beside_python

NATS_UNIT, SITE_UNIT = "reelwarden-nats.service", "reelwarden-site.service"
_HARDENED = """\
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
SystemCallArchitectures=native
SystemCallFilter=@system-service
RemoveIPC=yes
UMask=0027
RestrictRealtime=yes
LockPersonality=yes
CapabilityBoundingSet=
"""


def write_units(folder: SiteFolder, storage: Path, user: str) -> list[Path]:
    """Write both units into the school's folder; returns their paths.

    Args:
        folder: The school's.
        storage: Where its recorders write: beside the folder the only place that the roles may write to.
        user: Whose account both run under; it owns the folder and may write the storage.
    """
    units = {NATS_UNIT: nats_unit(folder, user), SITE_UNIT: site_unit(folder, storage, user)}
    (folder.path / "systemd").mkdir(exist_ok=True)
    written = []
    for name, text in units.items():
        path = folder.path / "systemd" / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def nats_unit(folder: SiteFolder, user: str) -> str:
    """The server that holds what the school says until the district has it."""
    return f"""[Unit]
Description=Reelwarden: NATS server of the school
After=network-online.target
Wants=network-online.target

[Service]
User={user}
ExecStart={binary_beside_python("nats-server")} --config {folder.leaf_config}
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=2
LimitNOFILE=65536
ReadWritePaths={folder.path}
{_HARDENED}
[Install]
WantedBy=multi-user.target
"""


def site_unit(folder: SiteFolder, storage: Path, user: str) -> str:
    """Scanner, reaper, exporter, replicator and notary."""
    command = Path(sys.executable).with_name("reelwarden")
    return f"""[Unit]
Description=Reelwarden: roles of the school
After={NATS_UNIT} time-sync.target
Wants={NATS_UNIT} time-sync.target
RequiresMountsFor={storage}

[Service]
User={user}
ExecStart={command} site run --state {folder.path}
Restart=always
RestartSec=5
TimeoutStopSec=60
LimitNOFILE=65536
ReadWritePaths={folder.path} {storage}
{_HARDENED}
[Install]
WantedBy=multi-user.target
"""
