"""The generated files: what they should be, what they are, and the copies kept of earlier releases."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reelwarden_common.contracts import page
from reelwarden_common.contracts.asyncapi import SERVICES, document
from reelwarden_common.contracts.compatibility import breaking_changes
from reelwarden_common.contracts.example import example_of
from reelwarden_common.contracts.forms import all_forms, schema_of

HERE = Path(__file__).parent
RELEASED = HERE / "released"
DOCS = Path("docs") / "events.md"
MEND = "python -m reelwarden_common.contracts --write"


def repository() -> Path | None:
    """The working copy that this package lies in; None where it was installed without one."""
    return next((p for p in HERE.parents if (p / "requirements.lock").exists()), None)


def generated() -> dict[Path, str]:
    """Every generated file with its text."""
    schemas = {form.name: schema_of(form) for form in all_forms()}
    examples = {form.name: example_of(form, schemas[form.name]) for form in all_forms()}
    files = {HERE / "schemas" / f"{name}.json": _text(schema) for name, schema in schemas.items()}
    files |= {HERE / "examples" / f"{name}.json": _text(example) for name, example in examples.items()}
    files |= {HERE / "asyncapi" / f"{s}.json": _text(document(s, examples)) for s in SERVICES}
    if root := repository():
        files[root / DOCS] = page.render()
    return files


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _present() -> Iterator[Path]:
    for folder in ("schemas", "examples", "asyncapi"):
        yield from (HERE / folder).glob("*.json")


def drifted(files: Mapping[Path, str]) -> list[str]:
    """Which files are missing, different, or left over; each with the reason."""
    found = []
    for path, text in files.items():
        if not path.exists():
            found.append(f"{_named(path)}: missing")
        elif path.read_text(encoding="utf-8") != text:
            found.append(f"{_named(path)}: differs from the code")
    found += [f"{_named(path)}: no longer generated" for path in _present() if path not in files]
    return sorted(found)


def _named(path: Path) -> str:
    root = repository()
    return str(path.relative_to(root or HERE))


def write(files: Mapping[Path, str]) -> list[str]:
    """Bring the files to what the code says; returns what was changed."""
    changed = drifted(files)
    for path in [p for p in _present() if p not in files]:
        path.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return changed


def release(version: str) -> Path:
    """Keep today's schemas and examples as those of a release, to be compared with ever after.

    Raises:
        FileExistsError: that release is kept already; what was released does not change.
    """
    folder = RELEASED / version
    folder.mkdir(parents=True)
    for kind in ("schemas", "examples"):
        (folder / kind).mkdir()
        for source in sorted((HERE / kind).glob("*.json")):
            (folder / kind / source.name).write_bytes(source.read_bytes())
    return folder


def releases() -> list[Path]:
    """The folders of the releases that are kept."""
    return sorted(p for p in RELEASED.glob("*") if p.is_dir()) if RELEASED.is_dir() else []


def broken_promises(released: Path) -> list[str]:
    """What today's schemas break of a release's."""
    now = {form.name: schema_of(form) for form in all_forms()}
    found = []
    for path in sorted((released / "schemas").glob("*.json")):
        if path.stem not in now:
            found.append(f"{path.stem}: removed; schools that lag still send it")
            continue
        was = json.loads(path.read_text(encoding="utf-8"))
        found += [f"{path.stem}: {change}" for change in breaking_changes(was, now[path.stem])]
    return [f"since {released.name}: {line}" for line in found]
