"""Reads the operations of an OpenAPI document."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

# The operations after which the tokens of the session are invalid.
ENDING = {"logout", "logoutEverywhere"}
# Path parameters that may contain slashes.
SEVERAL_SEGMENTS = {"path", "key"}


@dataclass(frozen=True)
class Parameter:
    """A parameter of an operation, or a part of its path."""

    name: str
    place: str
    required: bool
    schema: dict[str, Any]
    description: str


@dataclass(frozen=True)
class Operation:
    """An operation with one kind of result."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Parameter]
    # The media type and the schema of the request body, if there is one.
    media_type: str | None
    body: dict[str, Any] | None
    body_required: bool
    # "json", "text", "download", "headers" or "none".
    result: str
    schema: dict[str, Any] | None
    # Whether a success may have no body.
    may_be_empty: bool
    public: bool
    signs_in: bool
    ends_session: bool
    # Parameters with a fixed value.
    fixed: dict[str, str] = field(default_factory=dict)

    def of(self, place: str) -> list[Parameter]:
        """Returns the parameters of a place that have no fixed value."""
        return [one for one in self.parameters if one.place == place and one.name not in self.fixed]

    @property
    def paging(self) -> str | None:
        """Returns "offset" or "cursor" for a list of several pages."""
        if self.result != "json":
            return None
        names = {one.name for one in self.of("query")}
        if {"offset", "limit"} <= names:
            return "offset"
        return "cursor" if "cursor" in names else None

    @property
    def iterator(self) -> str:
        """Returns the id of the iterator: listUsers becomes iterateUsers."""
        return re.sub("^(list|get)", "iterate", self.id)


def operations(document: dict[str, Any]) -> list[Operation]:
    """Returns all operations, ordered by path and method. A JSON list that is also available as CSV becomes two."""
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found += _read(path, method.upper(), operation)
    return found


def _read(path: str, method: str, operation: dict[str, Any]) -> list[Operation]:
    contents: dict[str, Any] = {}
    empty = False
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            content = response.get("content") or {}
            empty = empty or not content
            for media, value in content.items():
                # 202 of a deletion has another schema than 204. An update has the same schema in 200 and 202.
                contents.setdefault(media, value.get("schema"))
    parameters = [
        Parameter(
            one["name"],
            one["in"],
            one.get("required", False),
            one.get("schema", {}),
            " ".join(one.get("description", "").split()),
        )
        for one in operation.get("parameters", [])
        # Each call can set the tenant once, as an option of the client.
        if one["name"] != "X-Tenant-Slug"
    ]
    body = operation.get("requestBody", {})
    media_type, body_schema = next(((m, c["schema"]) for m, c in body.get("content", {}).items()), (None, None))
    has_json = "application/json" in contents
    json_schema = contents.pop("application/json", None)
    common = {
        "method": method,
        "path": path,
        "summary": operation.get("summary", ""),
        "description": operation.get("description", ""),
        "parameters": parameters,
        "media_type": media_type,
        "body": body_schema,
        "body_required": bool(body.get("required")),
        "public": not operation.get("security"),
        "ends_session": operation["operationId"] in ENDING,
    }
    if method == "HEAD":
        result, schema = "headers", None
    elif has_json:
        result, schema = "json", json_schema
    elif "application/octet-stream" in contents or "application/x-ndjson" in contents:
        result, schema = "download", None
    elif contents:
        result, schema = "text", None
    else:
        result, schema = "none", None
    signs_in = (schema or {}).get("$ref", "").endswith("/SignedIn")
    formats = {"format": "json"} if result == "json" and "text/csv" in contents else {}
    first = Operation(
        id=operation["operationId"],
        result=result,
        schema=schema,
        may_be_empty=empty and result == "json",
        signs_in=signs_in,
        fixed=formats,
        **common,
    )
    if not formats:
        return [first]
    csv = Operation(
        id=f"{first.id}Csv",
        result="download",
        schema=None,
        may_be_empty=False,
        signs_in=False,
        fixed={"format": "csv"},
        **common,
    )
    return [first, csv]


def codes(document: dict[str, Any]) -> dict[str, list[str]]:
    """Returns the codes of problems with the statuses of their responses."""
    names = document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
    found: dict[str, set[str]] = {name: set() for name in names}
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                for code in response.get("x-codes", []):
                    found[code].add(status)
    return {name: sorted(statuses) for name, statuses in sorted(found.items())}


def class_name(text: str) -> str:
    """Returns a class name: file_not_found becomes FileNotFound."""
    return "".join(part[:1].upper() + part[1:] for part in text.split("_"))


def sentences(operation: Operation) -> list[str]:
    """Returns the summary and the description of an operation as paragraphs."""
    texts = [operation.summary, *operation.description.split("\n\n")]
    return [" ".join(text.split()) for text in texts if text.strip()]
