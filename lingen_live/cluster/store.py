"""Where sessions are kept beside the gateway's memory: a folder, or whatever fsspec knows; as session files.

A session has one file, the last; it is loaded on any page, as one that was saved by hand. Writing is slow and may
fail, and neither may hold up a stream: what comes while one is being written takes the place of what waits. Blocking
calls are on threads. Knows bytes and names. Does not know streams.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Any, Protocol

from lingen_live.errors import ClusterError

SUFFIX = ".lgs"

logger = logging.getLogger(__name__)


class Shelf(Protocol):
    """Where files lie; blocking."""

    def write(self, name: str, data: bytes) -> None:
        """Have a file hold `data`, or what it held before; raises OSError."""

    def remove(self, name: str) -> None:
        """Forget a file, if it is there."""


class FolderShelf:
    """A folder of this machine, made if it is not there; only its owner may read what lies there."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ClusterError(f"Sessions cannot be kept in {str(folder)!r}: {error.strerror}.") from error
        self._folder = folder

    def write(self, name: str, data: bytes) -> None:
        """Whole or not at all."""
        half = self._folder / f".{name}.part"
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        half.replace(self._folder / name)

    def remove(self, name: str) -> None:
        """Forget a file, if it is there."""
        (self._folder / name).unlink(missing_ok=True)


class UrlShelf:
    """A place that fsspec reaches, such as s3://bucket/folder."""

    def __init__(self, url: str) -> None:
        try:
            import fsspec
        except ImportError as error:
            raise ClusterError(f"Sessions cannot be kept at {url!r}: fsspec is not installed.") from error
        try:
            self._files: Any
            self._files, self._folder = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ClusterError(f"Sessions cannot be kept at {url!r}: {error}") from error

    def write(self, name: str, data: bytes) -> None:
        """As whole as the place writes."""
        self._files.makedirs(self._folder, exist_ok=True)
        self._files.pipe_file(f"{self._folder}/{name}", data)

    def remove(self, name: str) -> None:
        """Forget a file, if it is there."""
        if self._files.exists(f"{self._folder}/{name}"):
            self._files.rm_file(f"{self._folder}/{name}")


def open_shelf(place: str) -> Shelf:
    """The shelf at a path or URL.

    Raises:
        ClusterError: it cannot be.
    """
    return UrlShelf(place) if "://" in place else FolderShelf(Path(place))


class Store:
    """Session files by name.

    Args:
        shelf: where they lie.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._waiting: dict[str, bytes | None] = {}
        self._writing: asyncio.Task[None] | None = None
        self._is_failing = False
        self.n_written = 0

    def put(self, name: str, data: bytes) -> None:
        """Keep a session, in the place of an older one of its name."""
        self._post(name, data)

    def forget(self, name: str) -> None:
        """A session has ended."""
        self._post(name, None)

    async def settled(self) -> None:
        """Wait until all is written."""
        if self._writing is not None:
            await self._writing

    def _post(self, name: str, data: bytes | None) -> None:
        self._waiting[name] = data
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        while self._waiting:
            name, data = next(iter(self._waiting.items()))
            del self._waiting[name]
            try:
                if data is None:
                    await asyncio.to_thread(self._shelf.remove, name + SUFFIX)
                else:
                    await asyncio.to_thread(self._shelf.write, name + SUFFIX, data)
                    self.n_written += 1
                self._is_failing = False
            except Exception as error:  # a full disk, a network: whatever it is, streams go on
                if not self._is_failing:
                    logger.warning("A session cannot be kept: %s. Streams go on; it is tried again.", error)
                self._is_failing = True
