"""The errors of the client. Every error is a `TenancyError`.

`tenancy_client.problems` has a class for each stable code, such as `problems.FileNotFound`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar


class TenancyError(Exception):
    """An error of the client or of the service."""


class ConnectionFailed(TenancyError):
    """The service cannot be reached, or the connection broke before the response was complete."""


class TimedOut(ConnectionFailed):
    """The service did not respond within the timeout."""


class UnexpectedResponse(TenancyError):
    """The response does not come from the service, for example from a proxy in front of it."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(f"The response with the status {status} is no problem of the service. Check the URL.")
        self.status = status
        self.headers = headers
        self.body = body


class NotModified(TenancyError):
    """The resource still has the entity tag of `if_none_match` (status 304)."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__("The resource has not changed.")
        self.headers = headers


class Problem(TenancyError):
    """An error of the service (RFC 9457). Each known code has a class; another code has this class."""

    code: ClassVar[str] = ""

    def __init__(self, status: int, headers: Mapping[str, str], document: Mapping[str, Any], body: bytes) -> None:
        self.status = status
        self.headers = headers
        #: The whole problem, as the service sent it.
        self.document = document
        self.body = body
        self.title = str(document.get("title", ""))
        self.detail = str(document.get("detail", ""))
        self.request_id = str(document.get("request_id", ""))
        #: The messages of invalid fields, by the name of the field.
        self.fields = {str(one["field"]): str(one["message"]) for one in document.get("errors", [])}
        #: For a quota: the resource, its limit and its usage.
        self.resource: str | None = document.get("resource")
        self.limit: int | None = document.get("limit")
        self.usage: int | None = document.get("usage")
        code = str(document["code"])
        if not self.code:
            self.code = code  # type: ignore[misc]
        super().__init__(f"{status} {code}: {self.detail} (request {self.request_id})")


def error_of(status: int, headers: Mapping[str, str], body: bytes) -> TenancyError:
    """Returns the error for a response that is no success."""
    from ._generated.problems import PROBLEMS

    if status == 304:
        return NotModified(headers)
    media_type = headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type == "application/problem+json":
        try:
            document = json.loads(body)
            return PROBLEMS.get(document["code"], Problem)(status, headers, document, body)
        except (ValueError, KeyError, TypeError, AttributeError):
            pass  # A malformed problem is not from the service.
    return UnexpectedResponse(status, headers, body)
