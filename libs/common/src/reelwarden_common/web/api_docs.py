"""The HTTP API as a page, made from OpenAPI without foreign scripts; the document itself lies beside it."""

from typing import Any

from fastapi import APIRouter, Request, Response

router = APIRouter()
_METHODS = ("get", "post", "put", "delete")


@router.get("/api/docs", include_in_schema=False)
async def api_docs(request: Request) -> Response:
    """All calls, with their fields."""
    document = request.app.openapi()
    calls = [
        _call(path, method, item[method], document)
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
    ]
    groups: dict[str, list[dict[str, Any]]] = {}
    for call in calls:
        groups.setdefault(call["group"], []).append(call)
    values = {"groups": groups, "document": document}
    response: Response = request.app.state.web.render(request, "api_docs.html", values)
    return response


def _call(path: str, method: str, item: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    contents: dict[str, Any] = item.get("requestBody", {}).get("content", {})
    body: dict[str, Any] = next(iter(contents.values()), {"schema": {}})["schema"]
    return {
        "path": path,
        "method": method.upper(),
        "group": next(iter(item.get("tags", [])), "other"),
        "summary": item.get("summary", ""),
        "description": item.get("description", ""),
        "parameters": [
            {
                "name": p["name"],
                "place": p["in"],
                "type": _type(p["schema"]),
                "required": p.get("required", False),
            }
            for p in item.get("parameters", [])
        ],
        "fields": _fields(body, document),
    }


def _fields(schema: dict[str, Any], document: dict[str, Any]) -> list[dict[str, Any]]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "type": _type(one),
            "required": name in required,
            "description": one.get("description", ""),
        }
        for name, one in schema.get("properties", {}).items()
    ]


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[1])
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"])
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"[{_type(schema.get('items', {}))}]"
    return str(schema.get("format", kind))
