"""Builds requests and reads responses, for both runtimes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx

from ._content import Source
from ._request import CallOptions, Request
from ._session import Session
from .errors import ConnectionFailed, Problem, TenancyError, TimedOut, UnexpectedResponse

DEFAULT = CallOptions()
USER_AGENT = "tenancy-client-python/0.1.0"
# The codes after which another access token may be valid.
STALE = {"token_expired", "token_revoked", "invalid_token"}


class Settings:
    """The options of a client."""

    def __init__(self, url: str, tenant: str | None, credential: str | None, timeout: float) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError("The URL of the service must start with http:// or https://.")
        self.url = url.rstrip("/")
        self.tenant = tenant
        self.credential = credential
        self.timeout = timeout

    def build(
        self,
        request: Request,
        options: CallOptions,
        token: str | None,
        content: bytes | Iterator[bytes] | AsyncIterator[bytes] | None,
        length: int | None,
    ) -> httpx.Request:
        """Returns the request of an attempt."""
        headers: list[tuple[str, str] | tuple[bytes, bytes]] = [("Accept", "*/*"), ("User-Agent", USER_AGENT)]
        headers += [(name, value) for name, value in request.headers.items() if value is not None]
        if self.tenant and request.path.startswith("/api/"):
            headers.append(("X-Tenant-Slug", self.tenant))
        if token:
            headers.append(("Authorization", f"Bearer {token}"))
        data: Any = None
        if request.json is not None:
            content = json.dumps(request.json, allow_nan=False).encode()
            headers.append(("Content-Type", "application/json"))
        elif request.form is not None:
            data = {name: value for name, value in request.form.items() if value is not None}
        elif request.content_type:
            headers.append(("Content-Type", request.content_type))
            if length is not None:
                headers.append(("Content-Length", str(length)))
        more = options.headers or []
        headers += more.items() if isinstance(more, Mapping) else more
        timeout = httpx.Timeout(options.timeout or self.timeout)
        return httpx.Request(
            request.method,
            self.url + request.target(),
            params=tuple(request.query_items()) or None,
            headers=headers,  # type: ignore[arg-type]
            content=content,
            data=data,
            extensions={"timeout": timeout.as_dict()},
        )


def source_of(request: Request) -> Source | None:
    """Returns the content of an upload."""
    return None if request.content is None else Source(request.content)


def token_of(settings: Settings, session: Session, request: Request) -> str | None:
    """Returns the credential for an attempt."""
    if request.public:
        return None
    if settings.credential:
        return settings.credential
    if session.failure:
        raise session.failure
    return session.access_token


def may_renew(settings: Settings, session: Session, request: Request, error: TenancyError) -> bool:
    """Whether an attempt failed because of the access token of the session."""
    has_session = not request.public and not settings.credential and session.tokens is not None
    return has_session and isinstance(error, Problem) and error.status == 401 and error.code in STALE


def is_final_renewal(error: TenancyError) -> bool:
    """Whether the refresh token is not valid any longer."""
    return isinstance(error, Problem) and error.status in (400, 401, 403, 404, 422)


def after_success(settings: Settings, session: Session, request: Request, document: Any) -> None:
    """Adopts the tokens of a sign-in, and forgets those of an ended session."""
    if settings.credential:
        return
    if request.signs_in:
        session.adopt(document)
    elif request.ends_session and session.tokens:
        named = (request.json or {}).get("refresh_token")
        if named in (None, session.tokens.refresh_token):
            session.clear()


def document_of(response: httpx.Response) -> Any:
    """Returns the JSON of a success, or None if it has no body."""
    if response.status_code == 204 or not response.content:
        return None
    try:
        return json.loads(response.content)
    except ValueError as error:
        raise UnexpectedResponse(response.status_code, response.headers, response.content) from error


def failure_of(error: httpx.RequestError) -> TenancyError:
    """Returns the error for a failed connection."""
    if isinstance(error, httpx.TimeoutException):
        return TimedOut("The service did not respond in time.")
    return ConnectionFailed(f"The connection to the service failed: {error or type(error).__name__}")


def renewal(refresh_token: str) -> Request:
    """Returns the request that renews tokens.

    If its response is lost, it is repeated with the same token. The service accepts this within REFRESH_GRACE_SECONDS.
    Later it ends the session, which is lost in any case: its next refresh token is unknown.
    """
    body = {"refresh_token": refresh_token}
    return Renewal("POST", "/api/v1/auth/refresh", json=body, public=True)


class Renewal(Request):
    """A request that renews tokens."""

    @property
    def is_idempotent(self) -> bool:
        """See `renewal`."""
        return True
