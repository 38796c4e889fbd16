"""Sends the requests of the asynchronous client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import httpx

from ._request import CallOptions, Reply, Request
from ._retry import RetryPolicy
from ._session import Session
from ._transport import (
    DEFAULT,
    Settings,
    after_success,
    document_of,
    failure_of,
    is_final_renewal,
    may_renew,
    renewal,
    source_of,
    token_of,
)
from .downloads import AsyncDownload
from .errors import ConnectionFailed, TenancyError, error_of


class AsyncRuntime:
    """Sends requests, renews tokens, repeats attempts. The tasks of an event loop may share it."""

    _settings: Settings
    _session: Session
    _retry: RetryPolicy
    _http: httpx.AsyncClient
    # The renewal that is running.
    _renewal: asyncio.Task[None] | None

    async def _send(self, request: Request, options: CallOptions | None, stream: bool = False) -> httpx.Response:
        """Returns the response of a success. With `stream`, its body is not read yet."""
        options = options or DEFAULT
        attempt, renewed = 0, False
        source = source_of(request)
        is_repeatable = source is None or source.is_repeatable
        while True:
            if not request.public and self._session.is_due():
                await self._renew(self._session.access_token)
            token = token_of(self._settings, self._session, request)
            content = source.async_pieces() if source else None
            sent = self._settings.build(request, options, token, content, source.length if source else None)
            try:
                response = await self._http.send(sent, stream=True, follow_redirects=False)
                try:
                    if not (response.is_success and stream):
                        await response.aread()
                except BaseException:
                    await response.aclose()
                    raise
                if response.is_success:
                    if options.on_response:
                        options.on_response(Reply(response.status_code, response.headers))
                    return response
                error = error_of(response.status_code, response.headers, response.content)
            except httpx.RequestError as failed:
                error = failure_of(failed)
                error.__cause__ = failed
            if is_repeatable and not renewed and may_renew(self._settings, self._session, request, error):
                await self._renew(token)
                renewed = True
                continue
            pause = self._retry.pause(request, attempt, error, options.retries)
            if pause is None or not is_repeatable:
                raise error
            await asyncio.sleep(pause)
            attempt += 1

    async def _renew(self, stale: str | None) -> None:
        """Replaces the access token `stale`, unless another call has replaced it."""
        if self._session.failure:
            raise self._session.failure
        if self._renewal is None:
            tokens = self._session.tokens
            if tokens is None or tokens.access_token != stale:
                return
            self._renewal = asyncio.create_task(self._renew_once(tokens.refresh_token))
        # A cancelled call must not cancel the renewal: the new refresh token would be lost.
        await asyncio.shield(self._renewal)

    async def _renew_once(self, refresh_token: str) -> None:
        try:
            signed_in = await self._document(renewal(refresh_token), None)
            self._session.adopt(signed_in)
        except TenancyError as error:
            if is_final_renewal(error):
                self._session.failure = error
            raise
        finally:
            self._renewal = None

    async def _document(self, request: Request, options: CallOptions | None) -> Any:
        return document_of(await self._send(request, options))

    async def _json(self, request: Request, options: CallOptions | None) -> Any:
        document = await self._document(request, options)
        if request.signs_in or request.ends_session:
            after_success(self._settings, self._session, request, document)
        return document

    async def _none(self, request: Request, options: CallOptions | None) -> None:
        await self._send(request, options)

    async def _text(self, request: Request, options: CallOptions | None) -> str:
        return (await self._send(request, options)).text

    async def _headers(self, request: Request, options: CallOptions | None) -> Mapping[str, str]:
        return (await self._send(request, options)).headers

    async def _download(self, request: Request, options: CallOptions | None) -> AsyncDownload:
        return AsyncDownload(await self._send(request, options, stream=True))

    async def _offset_pages(self, page: Callable[[int], Awaitable[Any]]) -> AsyncIterator[Any]:
        offset = 0
        while True:
            found = await page(offset)
            for item in found["items"]:
                yield item
            offset += len(found["items"])
            if not found["items"] or offset >= found["total"]:
                return

    async def _cursor_pages(self, page: Callable[[str | None], Awaitable[Any]]) -> AsyncIterator[Any]:
        cursor = None
        while True:
            found = await page(cursor)
            for item in found["items"]:
                yield item
            if found["next_cursor"] is None:
                return
            if found["next_cursor"] == cursor:
                raise ConnectionFailed("The service returned the same cursor again.")
            cursor = found["next_cursor"]
