"""The services of a school, as systemd reads them."""

import subprocess
from pathlib import Path

import pytest

from reelwarden_local.install.site_folder import SiteFolder
from reelwarden_local.install.units import write_units

pytestmark = pytest.mark.system


def analyze(*words: str) -> tuple[int, str]:
    done = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_systemd_finds_nothing_wrong_in_them(tmp_path: Path) -> None:
    units = write_units(SiteFolder(tmp_path), Path("/srv/cctv"), "root")
    code, said = analyze("verify", "--man=no", *map(str, units))
    assert (code, said) == (0, "")


def test_they_may_do_little(tmp_path: Path) -> None:
    for unit in write_units(SiteFolder(tmp_path), Path("/srv/cctv"), "root"):
        code, said = analyze("security", "--offline=yes", "--threshold=30", str(unit))
        assert code == 0, said
