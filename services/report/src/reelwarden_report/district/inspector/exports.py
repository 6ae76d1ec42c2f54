"""Every list of the API as a table for spreadsheets: `?format=csv` on the same address."""

import json
from collections.abc import Callable, Coroutine
from typing import Any, get_args, get_origin, get_type_hints

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from reelwarden_common.web.tables import as_csv

_FORMAT = {
    "name": "format",
    "in": "query",
    "description": "`csv`: the list as a table.",
    "schema": {"type": "string", "enum": ["json", "csv"], "default": "json"},
}
_TABLE = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


def list_in(answer: Any) -> str | None:  # noqa: ANN401 - any type that a route names
    """Where an answer has its list: "" if it is one, else the name of its only one; None without."""
    if get_origin(answer) is list:
        return ""
    if not (isinstance(answer, type) and issubclass(answer, BaseModel)):
        return None
    lists = [name for name, field in answer.model_fields.items() if _shapes(field.annotation)]
    return lists[0] if len(lists) == 1 else None


def _shapes(annotation: Any) -> bool:  # noqa: ANN401 - any annotation
    inner = get_args(annotation)
    named = bool(inner) and isinstance(inner[0], type) and issubclass(inner[0], BaseModel)
    return named and get_origin(annotation) in (list, tuple)


class Exporting(APIRoute):
    """A route whose list may be had as a table, too."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **given: Any) -> None:  # noqa: ANN401 - FastAPI's own
        where = list_in(get_type_hints(endpoint).get("return"))
        self.exports = where if "GET" in (given.get("methods") or ()) else None
        if self.exports is not None:
            given["responses"] = {**(given.get("responses") or {}), **_TABLE}
            given["openapi_extra"] = {"parameters": [_FORMAT]}
        super().__init__(path, endpoint, **given)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The same answer, laid out anew where that was asked for."""
        answer = super().get_route_handler()
        where = self.exports

        async def exported(request: Request) -> Response:
            response = await answer(request)
            if where is None or request.query_params.get("format") != "csv":
                return response
            found = json.loads(bytes(response.body))
            name = f"{self.path.rstrip('/').rpartition('/')[2]}.csv"
            return Response(
                as_csv(found[where] if where else found),
                media_type="text/csv; charset=utf-8",
                headers={"content-disposition": f'attachment; filename="{name}"'},
            )

        return exported
