"""Sends the requests of the synchronous client."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
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
from .downloads import Download
from .errors import ConnectionFailed, TenancyError, error_of


class Runtime:
    """Sends requests, renews tokens, repeats attempts. Threads may share it."""

    _settings: Settings
    _session: Session
    _retry: RetryPolicy
    _http: httpx.Client
    # Reentrant, because `on_tokens` may call the client.
    _renewal: threading.RLock

    def _send(self, request: Request, options: CallOptions | None, stream: bool = False) -> httpx.Response:
        """Returns the response of a success. With `stream`, its body is not read yet."""
        options = options or DEFAULT
        attempt, renewed = 0, False
        source = source_of(request)
        is_repeatable = source is None or source.is_repeatable
        while True:
            if not request.public and self._session.is_due():
                self._renew(self._session.access_token)
            token = token_of(self._settings, self._session, request)
            content = source.pieces() if source else None
            sent = self._settings.build(request, options, token, content, source.length if source else None)
            try:
                response = self._http.send(sent, stream=True, follow_redirects=False)
                try:
                    if not (response.is_success and stream):
                        response.read()
                except BaseException:
                    response.close()
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
                self._renew(token)
                renewed = True
                continue
            pause = self._retry.pause(request, attempt, error, options.retries)
            if pause is None or not is_repeatable:
                raise error
            time.sleep(pause)
            attempt += 1

    def _renew(self, stale: str | None) -> None:
        """Replaces the access token `stale`, unless another call has replaced it."""
        session, seen = self._session, self._session.renewals
        with self._renewal:
            tokens = session.tokens
            if session.failure:
                raise session.failure
            if tokens is None or tokens.access_token != stale:
                return
            # Calls that have waited for a renewal share its failure.
            if session.error and session.renewals != seen:
                raise session.error
            session.error = None
            try:
                signed_in = self._document(renewal(tokens.refresh_token), None)
            except TenancyError as error:
                session.error = error
                if is_final_renewal(error):
                    session.failure = error
                raise
            finally:
                session.renewals += 1
            session.adopt(signed_in)

    def _document(self, request: Request, options: CallOptions | None) -> Any:
        return document_of(self._send(request, options))

    def _json(self, request: Request, options: CallOptions | None) -> Any:
        document = self._document(request, options)
        if request.signs_in or request.ends_session:
            with self._renewal:
                after_success(self._settings, self._session, request, document)
        return document

    def _none(self, request: Request, options: CallOptions | None) -> None:
        self._send(request, options)

    def _text(self, request: Request, options: CallOptions | None) -> str:
        return self._send(request, options).text

    def _headers(self, request: Request, options: CallOptions | None) -> Mapping[str, str]:
        return self._send(request, options).headers

    def _download(self, request: Request, options: CallOptions | None) -> Download:
        return Download(self._send(request, options, stream=True))

    def _offset_pages(self, page: Callable[[int], Any]) -> Iterator[Any]:
        offset = 0
        while True:
            found = page(offset)
            yield from found["items"]
            offset += len(found["items"])
            if not found["items"] or offset >= found["total"]:
                return

    def _cursor_pages(self, page: Callable[[str | None], Any]) -> Iterator[Any]:
        cursor = None
        while True:
            found = page(cursor)
            yield from found["items"]
            if found["next_cursor"] is None:
                return
            if found["next_cursor"] == cursor:
                raise ConnectionFailed("The service returned the same cursor again.")
            cursor = found["next_cursor"]
