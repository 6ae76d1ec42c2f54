"""`reelwarden manifests`: write the files for Kubernetes and Compose, or prove that they are in step."""

from pathlib import Path
from typing import Annotated

import typer
import yaml

from reelwarden_local.manifests import compose, kubernetes

_HEAD = "# Written by `reelwarden manifests` from its table. Do not edit; overlays change what differs.\n"


def render() -> dict[str, str]:
    """Path below `deploy/` → text."""
    found = {
        f"kubernetes/base/{name}": _HEAD + yaml.safe_dump_all(objects, sort_keys=False, width=110)
        for name, objects in kubernetes.files().items()
    }
    found["compose/compose.yaml"] = _HEAD + yaml.safe_dump(compose.file(), sort_keys=False, width=110)
    return found


def manifests(
    folder: Annotated[Path, typer.Argument(help="Where `kubernetes/` and `compose/` lie.")] = Path("deploy"),
    *,
    check: Annotated[bool, typer.Option("--check", help="Only compare what is committed.")] = False,
) -> None:
    """Write the files for Kubernetes and Compose from the table of roles."""
    texts = render()
    if not check:
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
            print(folder / name)
        return
    there = {str(p.relative_to(folder)) for p in (folder / "kubernetes" / "base").glob("*.yaml")}
    drifted = sorted(there - set(texts))
    drifted += [
        n for n, text in texts.items() if not (folder / n).exists() or (folder / n).read_text() != text
    ]
    if drifted:
        print(f"{', '.join(drifted)} differ from the table of roles; run `reelwarden manifests`")
        raise typer.Exit(1)
    print(f"{folder}/kubernetes and {folder}/compose are what the table of roles gives")
