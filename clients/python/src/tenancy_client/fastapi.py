"""Verifies the callers of a FastAPI application.

    tenancy = Tenancy("http://tenancy:8002")
    tenancy.install(app)

    @app.get("/notes")
    async def notes(caller: Annotated[Identity, Depends(tenancy.require("tenant:read"))]): ...

Without a positive answer of the service, no request reaches its handler.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from starlette.requests import HTTPConnection

from . import AsyncClient, CallOptions, Problem, RetryPolicy, TenancyError
from .models import Role

# The headers of a caller that identify it, and the headers of a refusal about the next step.
CREDENTIALS = (b"authorization", b"x-api-key", b"x-tenant-slug")
ADVICE = ("www-authenticate", "retry-after")


@dataclass(frozen=True)
class Identity:
    """The verified caller. Store data under its `tenant_id`."""

    tenant_id: str
    tenant_slug: str
    user_id: str | None
    user_role: Role | None
    api_key_id: str | None
    scopes: frozenset[str]


class Refused(HTTPException):
    """The caller is refused, or cannot be verified. `detail` is the problem."""


class Tenancy:
    """Verifies callers with the service at `url`, within `timeout` seconds."""

    def __init__(self, url: str, *, timeout: float = 2.0, http: httpx.AsyncClient | None = None) -> None:
        self._timeout = timeout
        # Without the proxies of the environment, which would receive the credentials and could forge the response.
        self._own_http = None if http else httpx.AsyncClient(trust_env=False)
        http = http or self._own_http
        # One repetition after a broken connection. Refusals with Retry-After go to the caller at once.
        self._client = AsyncClient(url, timeout=timeout, retry=RetryPolicy(retries=1, longest_pause=0), http=http)

    def install(self, app: FastAPI) -> None:
        """Makes the application respond to refused callers with the problem itself."""
        app.add_exception_handler(Refused, _respond)

    def require(self, *scopes: str) -> Callable[[HTTPConnection], Awaitable[Identity]]:
        """Returns a dependency that verifies the caller and its scopes."""

        async def verify(connection: HTTPConnection) -> Identity:
            options = CallOptions(headers=[own for own in connection.headers.raw if own[0].lower() in CREDENTIALS])
            try:
                async with asyncio.timeout(self._timeout):
                    found = await self._client.verify_credential(scope=" ".join(scopes) or None, options=options)
                user_id, role, held = found["user_id"], found["user_role"], frozenset(found["scopes"])
                caller = Identity(found["tenant_id"], found["tenant_slug"], user_id, role, found["api_key_id"], held)
            except Problem as problem:
                if problem.status >= 500:
                    raise _unavailable() from problem
                advice = {name: problem.headers[name] for name in ADVICE if name in problem.headers}
                raise Refused(problem.status, problem.document, advice) from problem
            except (TenancyError, TimeoutError, TypeError, LookupError) as error:
                raise _unavailable() from error
            if not caller.tenant_id or not caller.scopes.issuperset(scopes):
                raise _unavailable()
            return caller

        return verify

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._own_http:
            await self._own_http.aclose()


def _unavailable() -> Refused:
    detail = "The caller cannot be verified at the moment. Try again later."
    kind = {"type": "urn:tenancy:problem:unavailable", "title": "Unavailable", "code": "unavailable", "status": 503}
    return Refused(503, {**kind, "detail": detail}, {"retry-after": "5"})


async def _respond(_: Request, refused: Exception) -> JSONResponse:
    assert isinstance(refused, Refused)
    return JSONResponse(refused.detail, refused.status_code, refused.headers, "application/problem+json")
