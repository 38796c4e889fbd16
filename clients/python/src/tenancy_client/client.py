"""The clients of the service."""

from __future__ import annotations

import threading
from collections.abc import Callable

import httpx

from ._generated.async_operations import AsyncOperations
from ._generated.operations import Operations
from ._retry import RetryPolicy
from ._session import Session, Tokens
from ._transport import Settings


class Client(Operations):
    """A client for threads.

    :param url: The address of the service, such as `https://tenancy.example`.
    :param tenant: The slug of the tenant. A sign-in needs it, unless the address names the tenant.
    :param credential: An API key, an operator key or an access token that is not renewed.
    :param tokens: The tokens of a session. The client renews them. `login` replaces them.
    :param on_tokens: Receives new tokens before a call uses them, or None after the end of the session. Only one
        process may renew the tokens of a session.
    :param timeout: Seconds without progress after which a call fails.
    :param http: An HTTP client with other settings, such as a proxy or certificates. `close` leaves it open.
    """

    def __init__(
        self,
        url: str,
        *,
        tenant: str | None = None,
        credential: str | None = None,
        tokens: Tokens | None = None,
        on_tokens: Callable[[Tokens | None], None] | None = None,
        timeout: float = 30.0,
        retry: RetryPolicy = RetryPolicy(),
        http: httpx.Client | None = None,
    ) -> None:
        self._settings = Settings(url, tenant, credential, timeout)
        self._session = Session(tokens, on_tokens)
        self._retry = retry
        self._owns_http = http is None
        self._http = http or httpx.Client()
        self._renewal = threading.RLock()

    @property
    def tokens(self) -> Tokens | None:
        """The current tokens of the session."""
        return self._session.tokens

    def close(self) -> None:
        """Closes the connections."""
        if self._owns_http:
            self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(AsyncOperations):
    """A client for the tasks of one event loop. Its parameters are those of `Client`."""

    def __init__(
        self,
        url: str,
        *,
        tenant: str | None = None,
        credential: str | None = None,
        tokens: Tokens | None = None,
        on_tokens: Callable[[Tokens | None], None] | None = None,
        timeout: float = 30.0,
        retry: RetryPolicy = RetryPolicy(),
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._settings = Settings(url, tenant, credential, timeout)
        self._session = Session(tokens, on_tokens)
        self._retry = retry
        self._owns_http = http is None
        self._http = http or httpx.AsyncClient()
        self._renewal = None

    @property
    def tokens(self) -> Tokens | None:
        """The current tokens of the session."""
        return self._session.tokens

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._owns_http:
            await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
