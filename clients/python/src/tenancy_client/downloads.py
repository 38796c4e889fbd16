"""Responses whose body is read as a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from types import TracebackType

import httpx

from ._transport import failure_of


class _Described:
    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    @property
    def status(self) -> int:
        """The status: 200, or 206 for a part."""
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the response."""
        return self._response.headers

    @property
    def etag(self) -> str | None:
        """The entity tag, for `if_match` and `if_none_match`."""
        value: str | None = self._response.headers.get("etag")
        return value

    @property
    def content_type(self) -> str | None:
        """The content type."""
        value: str | None = self._response.headers.get("content-type")
        return value

    @property
    def size(self) -> int | None:
        """The number of bytes, if the service has announced it."""
        length = self._response.headers.get("content-length")
        return None if length is None else int(length)


class Download(_Described):
    """A body that is being received. Use it in a `with` statement, which closes its connection."""

    def __enter__(self) -> Download:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._response.close()

    def __iter__(self) -> Iterator[bytes]:
        """Receives the body piece by piece. Raises `ConnectionFailed` if it ends early."""
        try:
            yield from self._response.iter_bytes()
        except httpx.RequestError as error:
            raise failure_of(error) from error

    def read(self) -> bytes:
        """Receives the whole body."""
        return b"".join(self)

    def save(self, path: Path) -> None:
        """Writes the body to a file. After an error, the file has a part of it."""
        with path.open("wb") as file:
            file.writelines(self)


class AsyncDownload(_Described):
    """A body that is being received. Use it in an `async with` statement, which closes its connection."""

    async def __aenter__(self) -> AsyncDownload:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._response.aclose()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Receives the body piece by piece. Raises `ConnectionFailed` if it ends early."""
        try:
            async for piece in self._response.aiter_bytes():
                yield piece
        except httpx.RequestError as error:
            raise failure_of(error) from error

    async def read(self) -> bytes:
        """Receives the whole body."""
        return b"".join([piece async for piece in self])
