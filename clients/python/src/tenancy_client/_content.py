"""Contents of uploads. A repetition needs a content that can be read again."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias

#: Bytes, a path, a binary file, or an iterable of pieces.
Content: TypeAlias = bytes | Path | BinaryIO | Iterable[bytes]
#: Like `Content`, or an asynchronous iterable of pieces.
AsyncContent: TypeAlias = Content | AsyncIterable[bytes]

PIECE = 64 * 1024


class Source:
    """A content of a request, which each attempt reads from its start."""

    def __init__(self, content: AsyncContent) -> None:
        self._content = content
        self._start = 0
        #: Whether another attempt can read the content again.
        self.is_repeatable = isinstance(content, bytes | Path)
        #: The length in bytes, if it is known.
        self.length: int | None = None
        if isinstance(content, bytes):
            self.length = len(content)
        elif isinstance(content, Path):
            self.length = content.stat().st_size
        elif isinstance(content, io.IOBase) and content.seekable():
            self.is_repeatable = True
            self._start = content.tell()
            self.length = content.seek(0, os.SEEK_END) - self._start
            content.seek(self._start)

    def pieces(self) -> Iterator[bytes]:
        """Reads the content."""
        content = self._content
        if isinstance(content, bytes):
            yield content
        elif isinstance(content, Path):
            with content.open("rb") as file:
                yield from _of_file(file)
        elif isinstance(content, io.IOBase):
            if self.is_repeatable:
                content.seek(self._start)
            yield from _of_file(content)
        elif isinstance(content, Iterable):
            yield from content
        else:
            raise TypeError("Only the asynchronous client accepts an asynchronous iterable.")

    async def async_pieces(self) -> AsyncIterator[bytes]:
        """Reads the content without blocking the event loop."""
        if isinstance(self._content, AsyncIterable):
            async for piece in self._content:
                yield piece
            return
        pieces = self.pieces()

        def following() -> bytes:
            # An empty piece marks the end: StopIteration cannot leave a thread.
            return next((piece for piece in pieces if piece), b"")

        while piece := await asyncio.to_thread(following):
            yield piece


def _of_file(file: BinaryIO | io.IOBase) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece
