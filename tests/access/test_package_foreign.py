"""Tools that know nothing of us check a package (BagIt, RFC 8493), and find what was done to it.

The commands are those of the README in the package and of docs/evidence.md.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from reelwarden_access import verify
from reelwarden_access.district.desk.package import build_package
from tests.access.packages import Log, parts_of

DOCS = Path(__file__).parents[2] / "docs" / "evidence.md"
SIGNED = (
    "openssl pkeyutl -verify -pubin -inkey public-key.pem -rawin -in tagmanifest-sha256.txt"
    " -sigfile tagmanifest-sha256.sig"
)
COMPLETE = "sha256sum --check --strict tagmanifest-sha256.txt manifest-sha256.txt"
Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("foreign")
    build_package(folder / "package.zip", parts_of(folder, Log.of(9).answer((1, 3), countersigned=6)))
    return folder / "package.zip"


@pytest.fixture
def unpacked(package: Path, tmp_path: Path) -> Path:
    with zipfile.ZipFile(package) as opened:
        opened.extractall(tmp_path / "bag")
    return tmp_path / "bag"


def run(command: str, folder: Path) -> tuple[bool, str]:
    """In a plain shell, as somebody types it; English, so that what it says can be read here."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    return done.returncode == 0, done.stdout + done.stderr


def bagit(folder: Path) -> tuple[bool, str]:
    """The library of the Library of Congress."""
    return run(f"{sys.executable} -W ignore -m bagit --validate .", folder)


def test_the_readme_names_the_commands(unpacked: Path) -> None:
    readme = (unpacked / "README.txt").read_text(encoding="utf-8")
    assert SIGNED in readme
    assert COMPLETE in readme


def test_sha256sum_and_bagit_find_it_whole(unpacked: Path) -> None:
    good, told = run(COMPLETE, unpacked)
    assert good, told
    files = [one for one in unpacked.rglob("*") if one.is_file()]
    assert told.count(": OK") == len(files) - 2, "all but the list that is signed, and its signature"
    good, told = bagit(unpacked)
    assert good, told


def flip(name: str, place: float = 0.5) -> Change:
    def change(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[int(place * (len(content) - 1))] ^= 1
        (folder / name).write_bytes(content)

    return change


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (flip("data/footage/view/gate-1.mp4"), "data/footage/view/gate-1.mp4"),
        (flip("data/footage/view/gate-1.mp4", 0), "data/footage/view/gate-1.mp4"),
        (flip("data/footage/view/gate-1.mp4", 1), "data/footage/view/gate-1.mp4"),
        (flip("data/custody/00000001.json"), "data/custody/00000001.json"),
        (flip("manifest.json"), "manifest.json"),
        (flip("verify.py"), "verify.py"),
        (lambda folder: (folder / "data/footage/gaps.json").unlink(), "data/footage/gaps.json"),
    ],
)
def test_sha256sum_and_bagit_name_what_was_changed_or_taken(
    unpacked: Path, change: Change, name: str
) -> None:
    change(unpacked)
    for good, told in (run(COMPLETE, unpacked), bagit(unpacked)):
        assert not good
        assert name in told
    verdict = verify.verify(unpacked)
    assert verdict.exit_code in (1, 2)
    assert name in verify.report(verdict)


def test_bagit_names_what_was_added(unpacked: Path) -> None:
    (unpacked / "data/footage/more.mp4").write_bytes(b"x")
    good, told = bagit(unpacked)
    assert not good
    assert "data/footage/more.mp4" in told
    (unpacked / "fetch.txt").write_text("http://127.0.0.1/x 1 data/footage/more.mp4\n")
    assert {"data/footage/more.mp4", "fetch.txt"} == {
        one.fields["name"] for one in verify.verify(unpacked).problems
    }


def test_lists_written_anew_are_not_signed(unpacked: Path) -> None:
    """Whoever changes a file and makes all sums anew satisfies the sums, and not the signature."""
    (unpacked / "data/footage/gaps.json").write_bytes(b"[]")
    sums = "find {} -type f | LC_ALL=C sort | xargs sha256sum | sed 's|  [.]/|  |' > {}.txt"
    run(sums.format("data", "manifest-sha256"), unpacked)
    beside = "-maxdepth 1 -not -name 'tagmanifest*'"
    run(sums.format(f". {beside}", "tagmanifest-sha256"), unpacked)
    for good, told in (run(COMPLETE, unpacked), bagit(unpacked)):
        assert good, told
    assert [one.code for one in verify.verify(unpacked).problems] == ["bad-signature"]


@pytest.mark.system
def test_openssl_checks_the_signature(unpacked: Path) -> None:
    good, told = run(SIGNED, unpacked)
    assert good, told
    assert "Signature Verified Successfully" in told
    for name in ("tagmanifest-sha256.txt", "tagmanifest-sha256.sig", "public-key.pem"):
        kept = (unpacked / name).read_bytes()
        flip(name)(unpacked)
        assert not run(SIGNED, unpacked)[0], name
        (unpacked / name).write_bytes(kept)


def commands(of: str) -> str:
    """The commands under a heading of docs/evidence.md."""
    part = DOCS.read_text(encoding="utf-8").partition(f"## {of}\n")[2].partition("\n## ")[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", part, re.DOTALL))


@pytest.mark.system
def test_openssl_checks_both_signatures_of_the_custody_log(unpacked: Path) -> None:
    """The expert's way of docs/evidence.md, word for word: log, countersignature, and one entry's place."""
    check = commands("The custody log")
    assert "openssl" in check
    good, told = run(check, unpacked)
    assert good, told
    assert told.count("Signature Verified Successfully") == 2
    custody = unpacked / "data/custody"
    entries = sorted(path.name for path in custody.glob("*.json"))
    assert [f"data/custody/{name}: in the log" in told for name in entries] == [True, True]
    lies = [("checkpoint.txt", 0.3), ("countersigned.txt", 0.1), ("countersigned.txt", 0.98)]
    for name, place in (*lies, *((entry, 0.5) for entry in entries)):
        kept = (custody / name).read_bytes()
        flip(name, place)(custody)
        assert not run(check, unpacked)[0], (name, place)
        (custody / name).write_bytes(kept)


def test_the_zip_unpacks_with_other_tools(package: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(package, tmp_path / "bag")
    assert verify.verify(tmp_path / "bag").intact
