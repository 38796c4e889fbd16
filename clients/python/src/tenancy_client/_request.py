"""Requests of operations, and options of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

# Path parameters that may contain slashes.
SEVERAL_SEGMENTS = {"path", "key"}
# The methods that RFC 9110 defines as idempotent.
IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}


@dataclass(frozen=True)
class Reply:
    """The status and the headers of a response."""

    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True)
class CallOptions:
    """Options of one call. A value of None stands for the option of the client."""

    #: Seconds without progress after which the call fails.
    timeout: float | None = None
    #: The number of repetitions after failed attempts.
    retries: int | None = None
    #: Additional headers. A pair with the same name as another one adds a value.
    headers: Mapping[str, str] | Sequence[tuple[str, str] | tuple[bytes, bytes]] | None = None
    #: Receives the status and the headers of the successful response, for example the entity tag.
    on_response: Callable[[Reply], None] | None = None


@dataclass(frozen=True)
class Request:
    """A request of an operation."""

    method: str
    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str | None] = field(default_factory=dict)
    json: Any = None
    form: Any = None
    content: Any = None
    content_type: str | None = None
    #: Whether the operation takes no credential.
    public: bool = False
    #: Whether the response has the tokens of a new session.
    signs_in: bool = False
    #: Whether the tokens of the session become invalid.
    ends_session: bool = False

    def target(self) -> str:
        """Returns the path with its parameters.

        Raises `ValueError` for a segment that is empty, "." or "..": URL libraries resolve them, so the request would
        reach another endpoint.
        """
        path = self.path
        for name, value in self.parameters.items():
            segments = value.split("/") if name in SEVERAL_SEGMENTS else [value]
            if any(segment in ("", ".", "..") for segment in segments):
                raise ValueError(f"The {name} {value!r} has a segment that is empty, '.' or '..'.")
            path = path.replace(f"{{{name}}}", "/".join(quote(segment, safe="") for segment in segments))
        return path

    def query_items(self) -> list[tuple[str, str | int | float | bool | None]]:
        """Returns the parameters of the query that have a value."""
        text = {True: "true", False: "false"}
        values = {name: value for name, value in self.query.items() if value is not None}
        return [(name, text[value] if isinstance(value, bool) else str(value)) for name, value in values.items()]

    @property
    def is_idempotent(self) -> bool:
        """Whether a repetition has the same effect as one request."""
        if self.query.get("consume") is not None:
            return False
        if self.headers.get("Idempotency-Key"):
            return True
        if isinstance(self.json, dict) and self.json.get("idempotency_key"):
            return True
        return self.method in IDEMPOTENT and not self.is_conditional_write

    @property
    def is_conditional_write(self) -> bool:
        """Whether a repetition would fail because the first attempt has changed the resource."""
        conditions = ("If-Match", "If-None-Match", "If-Unmodified-Since")
        return self.method not in ("GET", "HEAD") and any(self.headers.get(name) for name in conditions)
