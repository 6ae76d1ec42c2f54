"""Every address that a web application answers at, however its routers are nested."""

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.routing import APIRoute, _IncludedRouter

Route = tuple[str, str]
"""Method and path."""


def routes_of(app: FastAPI) -> list[Route]:
    """All of them, in order, each once."""
    return sorted(set(_walk(app.routes)))


def _walk(routes: object, prefix: str = "") -> Iterator[Route]:
    for route in routes:  # type: ignore[attr-defined]
        if isinstance(route, _IncludedRouter):
            yield from _walk(route.original_router.routes, prefix + route.include_context.prefix)
        elif isinstance(route, APIRoute):
            for method in route.methods or ():
                yield method, prefix + route.path
