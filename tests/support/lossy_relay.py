"""A bad network in between: passes UDP on both ways, and loses a share of it, or all for a while."""

from __future__ import annotations

import re
import selectors
import socket
import threading
from random import Random
from types import TracebackType
from typing import Self

_CANDIDATE = re.compile(r"(a=candidate:\S+ \d+ udp \d+ )(\d+\.\d+\.\d+\.\d+) (\d+)( typ host)")
_BYTES = 2048


class LossyRelay:
    """Relays for the addresses of one side, in a thread.

    Args:
        loss: share of packets lost, each way.
        seed: of the dice.

    Attributes:
        is_dark: while set, everything is lost.
        n_passed, n_lost: packets.
    """

    def __init__(self, loss: float, seed: int = 0) -> None:
        self._loss, self._dice = loss, Random(seed)
        self.is_dark = False
        self.n_passed = self.n_lost = 0
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._is_over = False
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, and free all ports."""
        self._is_over = True
        self._thread.join()
        for each in self._sockets:
            each.close()
        self._selector.close()

    def rewritten(self, answer_sdp: str) -> str:
        """An SDP answer whose IPv4 addresses are ports of this relay; the others are gone."""
        lines = [_CANDIDATE.sub(self._through, line) for line in answer_sdp.splitlines(keepends=True)]
        return "".join(line for line in lines if "a=candidate" not in line or (" typ host" in line and "." in line))

    def _through(self, match: re.Match[str]) -> str:
        return f"{match[1]}{match[2]} {self._port_for(match[2], int(match[3]))}{match[4]}"

    def _port_for(self, host: str, port: int) -> int:
        front, back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        front.bind((host, 0))
        back.bind((host, 0))
        back.connect((host, port))
        front.setblocking(False)
        back.setblocking(False)
        caller: list[tuple[str, int]] = []

        def from_front() -> None:
            data, caller[:] = _received(front)
            if data and self._passes():
                back.send(data)

        def from_back() -> None:
            data, _ = _received(back)
            if data and caller and self._passes():
                front.sendto(data, caller[0])

        with self._lock:
            self._sockets += [front, back]
            self._selector.register(front, selectors.EVENT_READ, from_front)
            self._selector.register(back, selectors.EVENT_READ, from_back)
        return int(front.getsockname()[1])

    def _passes(self) -> bool:
        is_lost = self.is_dark or self._dice.random() < self._loss
        self.n_lost += is_lost
        self.n_passed += not is_lost
        return not is_lost

    def _run(self) -> None:
        while not self._is_over:
            for key, _ in self._selector.select(0.05):
                try:
                    key.data()
                except OSError:
                    continue  # whoever was there has gone; what comes next may be from somebody else


def _received(end: socket.socket) -> tuple[bytes, list[tuple[str, int]]]:
    data, address = end.recvfrom(_BYTES)
    return data, [address]
