"""An evidence package is whole, or its verifier says what is not: with real H.264 in it."""

import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops
from typer.testing import CliRunner, Result

from reelwarden_access import verify
from reelwarden_access.district.desk.package import (
    PackageParts,
    PackageResult,
    build_package,
    files_of_export,
)
from reelwarden_access.district.desk.sealing import NotPackaged
from reelwarden_common.events.base import CameraSpan
from reelwarden_common.events.report import CustodyAnswer, CustodyEntry
from reelwarden_local.cli import app
from reelwarden_report.custody.notes import COSIGNED, Signer
from tests.access.footage import at
from tests.access.packages import COSIGNED_AT, LOG, MADE, WITNESS, Log, key_at, parts_of

MINE = Log.of(5)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> PackageParts:
    """With a log that only the district signed, and no keys along."""
    custody = MINE.answer((1, 3)).model_copy(update={"key": "", "witness_key": ""})
    return parts_of(tmp_path_factory.mktemp("parts"), custody)


@pytest.fixture(scope="module")
def package(parts: PackageParts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("package") / "package.zip"
    build_package(target, parts)
    return target


def _codes(found: verify.Verdict) -> set[str]:
    return {one.code for one in found.problems}


def _notes(found: verify.Verdict) -> set[str]:
    return {one.code for one in found.notes}


def test_a_whole_package_is_intact_and_says_what_to_know(package: Path, parts: PackageParts) -> None:
    found = verify.verify(package)
    assert found.intact, found.as_json()
    assert _notes(found) == {
        "gaps",
        "key-not-compared",
        "log-not-checked",
        "not-countersigned",
        "changed-stills",
    }
    assert found.number == parts.number
    assert found.exit_code == 0


def test_with_both_keys_nothing_is_left_open(package: Path, tmp_path: Path) -> None:
    pem = tmp_path / "public.pem"
    with zipfile.ZipFile(package) as opened:
        pem.write_bytes(opened.read("public-key.pem"))
    found = verify.verify(package, [str(pem)], [str(LOG.key())])
    assert found.intact
    assert _notes(found) == {"gaps", "changed-stills", "not-countersigned"}


def test_equal_parts_give_equal_bytes(parts: PackageParts, package: Path, tmp_path: Path) -> None:
    again = build_package(tmp_path / "again.zip", parts)
    assert (tmp_path / "again.zip").read_bytes() == package.read_bytes()
    assert again.digest == sha256(package.read_bytes()).hexdigest()
    assert again.size == package.stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == ["again.zip"]


def test_anyones_unzip_reads_it(package: Path, parts: PackageParts) -> None:
    with zipfile.ZipFile(package) as opened:
        assert opened.testzip() is None
        for name, path, _ in parts.footage_files:
            if not name.endswith(".jpg"):
                assert opened.read(f"data/footage/{name}") == path.read_bytes()
        assert opened.read("verify.py") == Path(verify.__file__).read_bytes()
        assert "编号" in opened.read("README.txt").decode()


def test_the_manifest_names_nobody(package: Path) -> None:
    with zipfile.ZipFile(package) as opened:
        manifest = opened.read("manifest.json").decode()
    assert "张警官" not in manifest
    assert json.loads(manifest)["made_at"] == "2026-03-03T01:02:03+00:00"


def test_stills_bear_the_recipients_mark_and_nothing_else_changes(package: Path, parts: PackageParts) -> None:
    original = next(path for name, path, _ in parts.footage_files if name.endswith(".jpg"))
    with zipfile.ZipFile(package) as opened:
        content = io.BytesIO(opened.read("data/footage/stills/gate-1.jpg"))
    with Image.open(original) as before, Image.open(content) as after:
        changed = ImageChops.difference(before.convert("L"), after.convert("L"))
    box = changed.point(lambda level: 255 if level > 60 else 0).getbbox()
    assert box is not None
    assert box[3] < 180 / 6, "the mark stays along the edge"
    assert box[2] <= 320


# what is found


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_byte_can_be_changed(package: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(package.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    target = tmp_path / "changed.zip"
    target.write_bytes(content)
    assert not verify.verify(target).intact, place


def test_no_byte_outside_of_large_files_can_be_changed(package: Path, tmp_path: Path) -> None:
    """Headers, directory and their gaps: all of them, not a sample."""
    content = package.read_bytes()
    with zipfile.ZipFile(package) as opened:
        starts = [info.header_offset for info in opened.infolist()]
        headers = [range(start, start + 64) for start in starts]
        tail = range(opened.start_dir, len(content))
    target = tmp_path / "changed.zip"
    for place in (place for part in (*headers, tail) for place in part):
        target.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert not verify.verify(target).intact, place


def test_no_byte_of_what_is_signed_can_be_changed(package: Path, tmp_path: Path) -> None:
    """The list of tag files, its signature and the manifest: every byte, and each is said in words."""
    content = package.read_bytes()
    target = tmp_path / "changed.zip"
    with zipfile.ZipFile(package) as opened:
        for name in (verify.SIGNATURE, verify.TAG_LIST, verify.MANIFEST):
            start = content.index(opened.read(name))
            for place in range(start, start + opened.getinfo(name).file_size):
                target.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
                found = verify.verify(target)
                assert not found.intact, (name, place)
                assert "✘" in verify.report(found)


@pytest.mark.parametrize("length", [0, 1, 21, 100, -1, -22, -1000])
def test_a_part_of_a_package_is_none(package: Path, tmp_path: Path, length: int) -> None:
    target = tmp_path / "part.zip"
    target.write_bytes(package.read_bytes()[:length])
    assert not verify.verify(target).intact


@pytest.mark.parametrize(("before", "after"), [(b"MZ", b""), (b"", b"\0"), (b"", b"a note")])
def test_nothing_hides_around_a_package(package: Path, tmp_path: Path, before: bytes, after: bytes) -> None:
    target = tmp_path / "wrapped.zip"
    target.write_bytes(before + package.read_bytes() + after)
    assert not verify.verify(target).intact


Change = Callable[[dict[str, bytes]], None]


def _rezipped(package: Path, target: Path, change: Change) -> Path:
    """Somebody takes it apart, changes something, and packs it again."""
    with zipfile.ZipFile(package) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    change(files)
    with zipfile.ZipFile(target, "w") as writer:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr, info.flag_bits = 3, verify.PLAIN_FILE, 0
            writer.writestr(info, content)
    return target


def _put(name: str, content: bytes) -> Change:
    return lambda files: files.__setitem__(name, content)


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        (_put("data/footage/view/extra.mp4", b"x"), "unlisted", "data/footage/view/extra.mp4"),
        (lambda files: files.pop("data/footage/gaps.json"), "missing", "data/footage/gaps.json"),
        (_put("data/forms/application.zh.pdf", b"%PDF other"), "changed", "data/forms/application.zh.pdf"),
        (_put("data/custody/00000001.json", b"{}"), "changed", "data/custody/00000001.json"),
        (_put("../outside.txt", b"x"), "bad-name", "../outside.txt"),
        (_put("/etc/passwd", b"x"), "bad-name", "/etc/passwd"),
        (_put("C:\\Windows\\x", b"x"), "bad-name", "Windows"),
        (_put("data/footage/View/GATE-1.mp4", b"x"), "unlisted", "GATE-1"),
        (_put("DATA/FOOTAGE/gaps.json", b"x"), "duplicate", "DATA/FOOTAGE/gaps.json"),
        (_put("tagmanifest-sha256.sig", b"\0" * 64), "bad-signature", ""),
        (lambda files: files.pop("manifest.json"), "not-a-package", "manifest.json"),
        (_put("manifest.json", b"[]"), "not-a-package", "manifest.json"),
        (_put("manifest.json", b"{" * 100_000), "not-a-package", "manifest.json"),
    ],
)
def test_what_is_wrong_is_said_in_both_languages(
    package: Path, tmp_path: Path, change: Change, code: str, told: str
) -> None:
    found = verify.verify(_rezipped(package, tmp_path / "changed.zip", change))
    problems = [one for one in found.problems if one.code == code]
    assert problems, found.as_json()
    assert told in " ".join(one.say("zh") for one in problems).replace("\\\\", "\\")
    assert told in " ".join(one.say("en") for one in problems).replace("\\\\", "\\")


def test_every_file_is_missed_and_every_other_one_told(package: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(package) as opened:
        names = opened.namelist()
    folders = {name.rpartition("/")[0] for name in names}
    assert {"", "data/custody", "data/forms", "data/footage/view"} <= folders
    for name in names:
        found = verify.verify(_rezipped(package, tmp_path / "less.zip", _without(name)))
        assert not found.intact
        assert name in verify.report(found), verify.report(found)
    for folder in folders:
        more = f"{folder}/more.txt".lstrip("/")
        found = verify.verify(_rezipped(package, tmp_path / "more.zip", _put(more, b"")))
        assert [one.fields["name"] for one in found.problems if one.code == "unlisted"] == [more]


def _without(name: str) -> Change:
    return lambda files: files.__delitem__(name)


def test_a_package_signed_by_somebody_else_is_told(
    parts: PackageParts, package: Path, tmp_path: Path
) -> None:
    forged = replace(parts, signing_key_path=key_at(tmp_path / "other.pem"))
    made = build_package(tmp_path / "forged.zip", forged)
    district = verify.verify(package).fingerprint
    assert _codes(verify.verify(tmp_path / "forged.zip", [district])) == {"unknown-key"}
    assert verify.verify(tmp_path / "forged.zip", [made.key.upper()]).intact
    assert verify.verify(package, [district]).intact


def test_compressed_files_and_links_are_no_part_of_it(package: Path, tmp_path: Path) -> None:
    target = tmp_path / "tricks.zip"
    shutil.copy(package, target)
    with zipfile.ZipFile(target, "a") as writer:
        link = zipfile.ZipInfo("data/forms/link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        writer.writestr(link, "/etc/passwd")
        writer.writestr("data/forms/bomb", b"\0" * 10_000_000, zipfile.ZIP_DEFLATED)
    found = verify.verify(target)
    assert {one.fields["name"] for one in found.problems if one.code == "not-plain"} == {
        "data/forms/link",
        "data/forms/bomb",
    }


def test_two_files_of_one_name_are_told(package: Path, tmp_path: Path) -> None:
    target = tmp_path / "double.zip"
    shutil.copy(package, target)
    with zipfile.ZipFile(target, "a") as writer, pytest.warns(UserWarning, match="Duplicate"):
        writer.writestr("data/footage/gaps.json", b"{}")
    assert "duplicate" in _codes(verify.verify(target))


# custody


def _with_custody(parts: PackageParts, target: Path, entry: str, proof: str) -> Path:
    assert parts.custody is not None
    changed = CustodyAnswer(
        entries=(CustodyEntry(index=1, entry=entry, proof=proof),),
        checkpoint=parts.custody.checkpoint,
        size=5,
    )
    build_package(target, replace(parts, custody=changed))
    return target


def test_an_entry_that_the_log_does_not_hold_is_told(parts: PackageParts, tmp_path: Path) -> None:
    assert parts.custody is not None
    first, second = parts.custody.entries
    for entry, proof in (("{}", first.proof), (first.entry, second.proof), (first.entry, "no proof")):
        found = verify.verify(_with_custody(parts, tmp_path / "p.zip", entry, proof))
        assert _codes(found) == {"bad-proof"}
    assert verify.verify(_with_custody(parts, tmp_path / "p.zip", first.entry, first.proof)).intact


def test_a_checkpoint_that_the_log_did_not_sign_is_told(parts: PackageParts, package: Path) -> None:
    del parts
    other = Signer(LOG.name, Ed25519PrivateKey.generate())
    assert _codes(verify.verify(package, (), [str(other.key())])) == {"bad-proof"}
    assert verify.verify(package, (), [str(LOG.key())]).intact


def _with_key(parts: PackageParts, log: Signer) -> PackageParts:
    assert parts.custody is not None
    return replace(parts, custody=parts.custody.model_copy(update={"key": str(log.key())}))


def test_keys_that_come_with_the_package_are_used_and_not_trusted(
    parts: PackageParts, tmp_path: Path
) -> None:
    build_package(tmp_path / "p.zip", _with_key(parts, LOG))
    found = verify.verify(tmp_path / "p.zip")
    assert found.intact
    assert {"log-key-not-compared"} <= _notes(found)
    assert "log-not-checked" not in _notes(found)
    other = Signer(LOG.name, Ed25519PrivateKey.generate())
    build_package(tmp_path / "p.zip", _with_key(parts, other))
    assert _codes(verify.verify(tmp_path / "p.zip")) == {"bad-proof"}
    assert verify.verify(tmp_path / "p.zip", (), [str(LOG.key())]).intact


def _answered(parts: PackageParts, target: Path, custody: CustodyAnswer) -> verify.Verdict:
    build_package(target, replace(parts, custody=custody))
    return verify.verify(target, (), [str(LOG.key()), str(WITNESS.key(COSIGNED))])


@pytest.mark.parametrize("countersigned", [1, 4, 6, 8, 9])
def test_both_sides_signed_the_log(parts: PackageParts, tmp_path: Path, countersigned: int) -> None:
    found = _answered(parts, tmp_path / "p.zip", Log.of(9).answer((1, 3), countersigned))
    assert found.intact, verify.report(found)
    newer = [one.fields["count"] for one in found.notes if one.code == "newer-entries"]
    assert newer == {1: ["2"]}.get(countersigned, []), "entries that only the district signed are told"
    (note,) = (one for one in found.notes if one.code == "countersigned")
    assert (note.fields["size"], note.fields["of"]) == (str(countersigned), "9")
    assert "2026-03-03" in note.say("en")
    assert not _notes(found) & {"not-countersigned", "log-key-not-compared"}


@pytest.mark.parametrize("changed", [0, 2, 5])
def test_a_log_that_one_side_wrote_anew_and_signed_is_told(
    parts: PackageParts, tmp_path: Path, changed: int
) -> None:
    """The district changes an entry that the school countersigned, makes all hashes anew and signs them."""
    kept, rewritten = Log.of(9), Log.of(9, changed)
    seen = kept.earlier(6, kept.countersigned(6))
    lie = rewritten.answer((changed,)).model_copy(update={"countersigned": seen})
    honest_proof = rewritten.earlier(6, kept.countersigned(6))
    for custody in (lie, lie.model_copy(update={"countersigned": honest_proof})):
        found = _answered(parts, tmp_path / "p.zip", custody)
        assert _codes(found) == {"bad-countersignature"}
        assert "changed since" in verify.report(found)
        assert "会签不成立" in verify.report(found)


def test_a_countersignature_that_is_left_out_is_missed(parts: PackageParts, tmp_path: Path) -> None:
    """Whoever knows the school's key knows that there must be one; others are told that there is none."""
    rewritten = Log.of(9, 2).answer((2,))
    found = _answered(parts, tmp_path / "p.zip", rewritten)
    assert _codes(found) == {"missing-countersignature"}
    assert WITNESS.name in verify.report(found)
    other = Signer("reelwarden/s002/notary/witness", WITNESS.private)
    for known in ((), [str(LOG.key()), str(other.key(COSIGNED))]):
        found = verify.verify(tmp_path / "p.zip", (), known)
        assert found.intact
        assert "not-countersigned" in _notes(found)


def test_a_log_that_was_rolled_back_is_told(parts: PackageParts, tmp_path: Path) -> None:
    """It has fewer entries than the other side signed."""
    whole, short = Log.of(9), Log.of(5)
    seen = whole.earlier(7, whole.countersigned(7)).model_copy(update={"consistency": ()})
    found = _answered(
        parts, tmp_path / "p.zip", short.answer((1,)).model_copy(update={"countersigned": seen})
    )
    assert _codes(found) == {"bad-countersignature"}


def test_a_countersignature_of_somebody_else_is_none(parts: PackageParts, tmp_path: Path) -> None:
    stranger = Signer(WITNESS.name, Ed25519PrivateKey.generate())
    elsewhere = Signer("reelwarden/s002/notary/witness", WITNESS.private)
    log = Log.of(9)
    for somebody in (stranger, elsewhere):
        note = somebody.cosign(log.note(6), COSIGNED_AT)
        custody = log.answer((1,)).model_copy(update={"countersigned": log.earlier(6, note)})
        assert _codes(_answered(parts, tmp_path / "p.zip", custody)) == {"bad-countersignature"}
    build_package(tmp_path / "p.zip", replace(parts, custody=log.answer((1,), 6)))
    keys = [str(LOG.key()), str(stranger.key(COSIGNED))]
    assert _codes(verify.verify(tmp_path / "p.zip", (), keys)) == {"bad-countersignature"}


def test_entries_of_another_checkpoint_are_told(parts: PackageParts, tmp_path: Path) -> None:
    custody = Log.of(9).answer((1,)).model_copy(update={"entries": Log.of(8).answer((1,)).entries})
    assert _codes(_answered(parts, tmp_path / "p.zip", custody)) == {"bad-proof"}


# keys that are trusted


def test_a_file_of_keys_leaves_nothing_open(parts: PackageParts, tmp_path: Path) -> None:
    target, keys = tmp_path / "p.zip", tmp_path / "keys.txt"
    build_package(target, replace(parts, custody=Log.of(9).answer((1,), 6)))
    with zipfile.ZipFile(target) as opened:
        pem = opened.read("public-key.pem").decode()
    logs = f"{LOG.key()}\n{WITNESS.key(COSIGNED)}  # the school's\n"
    fingerprint = verify.verify(target).fingerprint
    coloned = ":".join(fingerprint[at : at + 2].upper() for at in range(0, 64, 2))
    for lines in (f"# the district's\n{pem}{logs}", f"{'0' * 64}\n{coloned}\n\n{logs}"):
        keys.write_text(lines)
        told = _command(target, "--trust", keys, "--json")
        assert told.exit_code == 0, told.output
        found = {one["code"] for one in json.loads(told.output)["notes"]}
        assert found == {"gaps", "changed-stills", "countersigned"}
    keys.write_text(f"{'0' * 64}\n{logs}")
    told = _command(target, "--trust", keys)
    assert told.exit_code == 1
    assert "不是给定的" in told.output
    assert "not by the one given" in told.output
    assert _command(tmp_path / "gone.zip").exit_code == 2


def _command(*words: object) -> Result:
    return CliRunner().invoke(app, ["verify", *map(str, words)])


@pytest.mark.parametrize(
    "content",
    [b"", b"# nothing\n", b"nonsense\n", b"-----BEGIN PUBLIC KEY-----\nAA==\n", b"\xff", b"a+b+c\n"],
)
def test_a_file_of_keys_that_is_none_is_told(package: Path, tmp_path: Path, content: bytes) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_bytes(content)
    told = verify.verify_trusting(verify.parsed([str(package), "--trust", str(keys)]))
    assert (told.exit_code, _codes(told)) == (2, {"bad-key-file"})
    gone = verify.verify_trusting(verify.parsed([str(package), "--trust", str(tmp_path / "gone")]))
    assert gone.exit_code == 2


def test_entries_that_did_not_fit_are_said(parts: PackageParts, tmp_path: Path) -> None:
    custody = Log.of(9).answer((1,), 6)
    for more in (False, True):
        found = _answered(parts, tmp_path / "p.zip", custody.model_copy(update={"more": more}))
        assert found.intact
        assert ("custody-cut" in _notes(found)) is more


def test_no_custody_is_said(parts: PackageParts, tmp_path: Path) -> None:
    build_package(tmp_path / "p.zip", replace(parts, custody=None))
    assert "no-custody" in _notes(verify.verify(tmp_path / "p.zip"))


# what is refused when it is built


def test_a_file_that_is_not_what_was_exported_never_leaves(parts: PackageParts, tmp_path: Path) -> None:
    for victim in ("view/gate-1.mp4", "stills/gate-1.jpg"):
        files = [
            (name, path, "00" * 32 if name == victim else digest)
            for name, path, digest in parts.footage_files
        ]
        with pytest.raises(NotPackaged, match=victim):
            build_package(tmp_path / "p.zip", replace(parts, footage_files=files))
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_an_export_is_no_package(parts: PackageParts, tmp_path: Path) -> None:
    files = [one for one in parts.footage_files if one[0] != "view/gate-1.mp4"]
    with pytest.raises(NotPackaged, match=r"view/gate-1\.mp4"):
        build_package(tmp_path / "p.zip", replace(parts, footage_files=files))
    with pytest.raises(NotPackaged):
        files_of_export(b"nonsense")


@pytest.mark.parametrize("name", ["../x", "a//b", "/x", "a\\b", "x:y", "", "a/./b", "name "])
def test_names_that_leave_the_package_are_refused(parts: PackageParts, tmp_path: Path, name: str) -> None:
    path = parts.footage_files[0][1]
    files = [*parts.footage_files, (name, path, parts.footage_files[0][2])]
    with pytest.raises(NotPackaged):
        build_package(tmp_path / "p.zip", replace(parts, footage_files=files))


# the command


def _run(*arguments: object, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, *map(str, arguments)], capture_output=True, encoding="utf-8", check=False, timeout=60
    )


def test_the_command_tells_people_and_programs(package: Path, tmp_path: Path) -> None:
    module = Path(verify.__file__)
    good = _run(module, package)
    assert (good.returncode, "完整" in good.stdout, "intact" in good.stdout) == (0, True, True)
    changed = _rezipped(package, tmp_path / "c.zip", _put("data/forms/application.zh.pdf", b"other"))
    told = _run(module, changed, "--json")
    assert told.returncode == 1
    assert json.loads(told.stdout)["problems"][0]["code"] == "changed"
    assert _run(module, tmp_path / "absent.zip").returncode == 2


def test_the_copy_inside_checks_the_unpacked_folder_without_any_library(
    package: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(package) as opened:
        opened.extractall(tmp_path / "unpacked")
    script = tmp_path / "unpacked" / "verify.py"
    for folder in ((), (script.parent,)):
        done = _run("-I", "-S", script, *folder)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"核验 · checking {script.parent}\n" in done.stdout
    helped = _run("-I", "-S", script, "--help")
    assert (helped.returncode, "exit code" in helped.stdout) == (0, True)
    (script.parent / "data" / "forms" / "more.txt").write_text("x")
    (script.parent / "data" / "forms" / "link").symlink_to("/etc/passwd")
    told = _run("-I", "-S", script, script.parent, "--json")
    assert {one["code"] for one in json.loads(told.stdout)["problems"]} == {"unlisted", "not-plain"}
    assert _run("-I", "-S", script).returncode == 1
    (tmp_path / "verify.py").write_bytes(script.read_bytes())
    alone = _run("-I", "-S", tmp_path / "verify.py")
    assert (alone.returncode, "不是证据包" in alone.stdout) == (2, True)


@given(st.binary(max_size=200), st.integers(0, 63), st.integers(0, 255))
def test_the_plain_check_of_signatures_agrees_with_the_library(message: bytes, place: int, bits: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(sha256(message).digest())
    public, signature = key.public_key().public_bytes_raw(), bytearray(key.sign(message))
    signature[place] ^= bits
    expected = verify.signed_by(public, bytes(signature), message)
    assert verify.signed_by_plain(public, bytes(signature), message) == expected == (bits == 0)


def test_large_packages_have_wide_numbers() -> None:
    """Sizes and offsets beyond 4 GiB, as zip's 64-bit records write them."""
    size = 5 * 2**30
    header = verify.local_header("native/a.mp4", size, 7)
    found = verify.directory(
        [("native/a.mp4", size, 7, 0), ("b", 1, 8, len(header) + size)], len(header) + size + 40
    )
    assert header[4:6] == (45).to_bytes(2, "little")
    assert size.to_bytes(8, "little") in header
    assert (len(header) + size).to_bytes(8, "little") in found
    assert b"PK\6\6" in found


def test_results_name_the_manifest(parts: PackageParts, tmp_path: Path) -> None:
    made: PackageResult = build_package(tmp_path / "p.zip", parts)
    with zipfile.ZipFile(tmp_path / "p.zip") as opened:
        assert sha256(opened.read("manifest.json")).hexdigest() == made.manifest
    later = replace(parts, made_at=MADE + timedelta(seconds=1))
    assert build_package(tmp_path / "q.zip", later).digest != made.digest
    assert isinstance(parts.gaps[0], CameraSpan)
    assert parts.gaps[0].start == at(2)
