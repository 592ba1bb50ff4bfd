"""Where sessions are kept beside the gateway's memory: a folder, or whatever fsspec knows; as snapshot files.

A session has one file, the last, so that another gateway goes on with it should this one die. Writing is slow and may
fail, and neither may hold up a stream: what comes while one is being written takes the place of what waits. Blocking
calls are on threads. Knows bytes and names. Does not know streams.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from lingen_live.errors import ClusterError

SUFFIX = ".lgk"
_LOCK = ".gateway"

logger = logging.getLogger(__name__)


class Shelf(Protocol):
    """Where files lie; blocking."""

    def write(self, name: str, data: bytes) -> None:
        """Have a file hold `data`, or what it held before; raises OSError."""

    def remove(self, name: str) -> None:
        """Forget a file, if it is there."""

    def names(self) -> list[str]:
        """Of all files; raises OSError."""

    def read(self, name: str) -> bytes:
        """What a file holds; raises OSError."""


class FolderShelf:
    """A folder of this machine, made if it is not there; only its owner may read what lies there.

    It belongs to one gateway at a time, as long as that lives: two would bring the same sessions back.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            self._take()
        except OSError as error:
            raise ClusterError(f"Sessions cannot be kept in {str(folder)!r}: {error.strerror}.") from error

    def _take(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go of it, however this ends
        except BlockingIOError as error:
            os.close(self._lock)
            message = f"Sessions cannot be kept in {str(self._folder)!r}: another gateway keeps its own there."
            raise ClusterError(message) from error

    def close(self) -> None:
        """Let another gateway have the folder."""
        os.close(self._lock)

    def write(self, name: str, data: bytes) -> None:
        """Whole or not at all."""
        half = self._folder / f".{name}.part"
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        half.replace(self._folder / name)

    def remove(self, name: str) -> None:
        """Forget a file, if it is there."""
        (self._folder / name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """Of all files that are whole."""
        return sorted(one.name for one in self._folder.iterdir() if not one.name.startswith("."))

    def read(self, name: str) -> bytes:
        """What a file holds."""
        return (self._folder / name).read_bytes()


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

    def names(self) -> list[str]:
        """Of all files."""
        self._files.invalidate_cache()
        if not self._files.exists(self._folder):
            return []
        return sorted(path.rpartition("/")[2] for path in self._files.ls(self._folder, detail=False))

    def read(self, name: str) -> bytes:
        """What a file holds."""
        data = self._files.cat_file(f"{self._folder}/{name}")
        assert isinstance(data, bytes)
        return data


def open_shelf(place: str) -> Shelf:
    """The shelf at a path or URL.

    Raises:
        ClusterError: it cannot be.
    """
    return UrlShelf(place) if "://" in place else FolderShelf(Path(place))


class Store:
    """Sessions' files by name.

    Args:
        shelf: where they lie.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._waiting: dict[str, Callable[[], None]] = {}
        self._writing: asyncio.Task[None] | None = None
        self._is_failing = False

    def kept(self) -> dict[str, bytes]:
        """What lies there, by name; blocking, for the start.

        Raises:
            ClusterError: the place cannot be read.
        """
        found = {}
        try:
            for name in self._shelf.names():
                if name.endswith(SUFFIX):
                    found[name.removesuffix(SUFFIX)] = self._shelf.read(name)
        except Exception as error:  # a disk, a network, a foreign library
            raise ClusterError(f"Sessions that are kept cannot be read: {error}") from error
        return found

    def put(self, name: str, write: Callable[[], bytes]) -> None:
        """Keep a session, in the place of an older one of its name; `write`, called on a thread, makes the bytes."""
        self._post(name, lambda: self._shelf.write(name + SUFFIX, write()))

    def forget(self, name: str) -> None:
        """A session has ended."""
        self._post(name, partial(self._shelf.remove, name + SUFFIX))

    async def settled(self) -> None:
        """Wait until all is written."""
        if self._writing is not None:
            await self._writing

    def _post(self, name: str, work: Callable[[], None]) -> None:
        self._waiting[name] = work
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        while self._waiting:
            name = next(iter(self._waiting))
            work = self._waiting.pop(name)
            try:
                await asyncio.to_thread(work)
                self._is_failing = False
            except Exception as error:  # a full disk, a network: whatever it is, streams go on
                if not self._is_failing:
                    logger.warning("A session cannot be kept: %s. Streams go on; it is tried again.", error)
                self._is_failing = True
