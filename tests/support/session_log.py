"""What is said on a session's control socket, with times, heard by a thread; it comes back as a page does."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from lingen_live.serve.protocol import VERSION


class SessionLog:
    """A second pair of ears in a session.

    Args:
        url: of the page.
        session: the id that is asked for; None for one of its own.

    Attributes:
        heard: (monotonic seconds, message), oldest first.
    """

    def __init__(self, url: str, session: str | None = None) -> None:
        self._url = url.replace("http", "ws") + "ws"
        self.session = session
        self.heard: list[tuple[float, dict[str, Any]]] = []
        self._socket: ClientConnection | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; idempotent."""
        self._is_over.set()
        self._thread.join()

    def kinds(self) -> set[str]:
        """The types of all messages."""
        return {message["type"] for _, message in list(self.heard)}

    def chunks(self, since_s: float = 0.0) -> list[tuple[float, int]]:
        """(Seconds, index) of the chunks that began to play since a time."""
        found = [(at_s, message) for at_s, message in list(self.heard) if message["type"] == "chunk"]
        return [(at_s, message["chunk_index"]) for at_s, message in found if at_s >= since_s]

    def chunk_after(self, since_s: float, n: int = 1, timeout_s: float = 60.0) -> tuple[float, int]:
        """Wait for the `n`-th chunk since a time."""
        deadline_s = time.monotonic() + timeout_s
        while len(chunks := self.chunks(since_s)) < n:
            assert time.monotonic() < deadline_s, f"no chunk for {timeout_s:g} s; last heard: {self.heard[-3:]}"
            time.sleep(0.02)
        return chunks[n - 1]

    def status_after(self, since_s: float, status: str, timeout_s: float = 60.0) -> float:
        """Wait until the session says since a time that it is so; when it said it."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            for at_s, message in list(self.heard):
                if at_s >= since_s and message["type"] == "state" and message["status"] == status:
                    return at_s
            assert time.monotonic() < deadline_s, f"not {status!r} for {timeout_s:g} s; last heard: {self.heard[-3:]}"
            time.sleep(0.02)

    def statuses(self, since_s: float = 0.0) -> set[str]:
        """All that the session said since a time that it was."""
        states = [message for at_s, message in list(self.heard) if at_s >= since_s and message["type"] == "state"]
        return {message["status"] for message in states}

    def say(self, control: dict[str, Any]) -> None:
        """Send a control on the socket that is open."""
        assert self._socket is not None
        self._socket.send(json.dumps(control))

    def last(self, kind: str) -> dict[str, Any]:
        """The last message of a type."""
        return next(message for _, message in reversed(list(self.heard)) if message["type"] == kind)

    def _run(self) -> None:
        while not self._is_over.is_set():
            with suppress(OSError, WebSocketException, TimeoutError):
                self._listen()
            self._is_over.wait(0.1)

    def _listen(self) -> None:
        with connect(self._url, open_timeout=5) as socket:
            self._socket = socket
            socket.send(json.dumps({"type": "hello", "version": VERSION, "session": self.session}))
            while not self._is_over.is_set():
                with suppress(TimeoutError):
                    message = json.loads(socket.recv(timeout=0.2))
                    self.heard.append((time.monotonic(), message))
                    if message["type"] == "state":
                        self.session = message["session"]
