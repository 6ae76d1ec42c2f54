"""`reelwarden verify`: is an evidence package what the district signed? Offline, by `verify.py`."""

from pathlib import Path
from typing import Annotated

import typer

from reelwarden_access.verify import main


def verify(
    package: Annotated[Path, typer.Argument(help="The zip, or the folder it was unpacked into.")],
    trust: Annotated[
        Path | None,
        typer.Option(
            metavar="KEYFILE",
            help="Keys that you got by another way: a fingerprint or a log's verifier key a line, or PEM.",
        ),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Check an evidence package; exit 0 authentic, 1 not, 2 cannot be read."""
    given = [str(package), *(["--trust", str(trust)] if trust else []), *(["--json"] if as_json else [])]
    raise typer.Exit(main(given))
