"""How the commands of installing speak: sentences on standard output, reasons on standard error."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import typer

from reelwarden_common.errors import ReelwardenError
from reelwarden_local.servers import ServerError
from reelwarden_local.words import Words

T = TypeVar("T")


def say(words: Words) -> None:
    """Tell it at once: somebody waits for it."""
    print(words, flush=True)


def fail(reason: object) -> typer.Exit:
    """Tell why it cannot be done; to be raised."""
    print(reason, file=sys.stderr)
    return typer.Exit(2)


def done(work: Coroutine[Any, Any, T]) -> T:
    """What the work comes to; why it cannot be done is told."""
    try:
        return asyncio.run(work)
    except (ReelwardenError, ServerError, OSError) as error:
        raise fail(error) from error
