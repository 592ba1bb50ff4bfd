"""How long the server waits for a request to come in whole: whoever dawdles is let go, and harms nobody else.

uvicorn waits for ever for the end of a request that has begun (slowloris). Knows uvicorn's HTTP protocol; knows nothing
of what is asked for.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from uvicorn.protocols.http.h11_impl import H11Protocol

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


@dataclass(slots=True)
class Patience:
    """Limits, and the connections that are being waited for.

    Attributes:
        head_s: from the connection, or from the first byte of a later request, to the end of its headers.
        body_s: from there to the end of its body.
        n_waiting: connections that may be waited for at a time; when one more comes, the oldest is let go.
        waiting: those, oldest first.
    """

    head_s: float = 10.0
    body_s: float = 60.0
    n_waiting: int = 64
    waiting: dict[PatientProtocol, asyncio.TimerHandle] = field(default_factory=dict)

    def begin(self, protocol: PatientProtocol, limit_s: float) -> None:
        """Wait for one, from now on."""
        self.end(protocol)
        if len(self.waiting) >= self.n_waiting:
            self.give_up(next(iter(self.waiting)))
        timer = asyncio.get_running_loop().call_later(limit_s, self.give_up, protocol)
        self.waiting[protocol] = timer

    def end(self, protocol: PatientProtocol) -> None:
        """Its request is in, or it is gone."""
        timer = self.waiting.pop(protocol, None)
        if timer is not None:
            timer.cancel()

    def give_up(self, protocol: PatientProtocol) -> None:
        """Let one go."""
        self.end(protocol)
        protocol.leave()


class PatientProtocol(H11Protocol):
    """HTTP on one connection; `patience` is given by a subclass, as uvicorn makes the protocols itself."""

    patience: Patience
    _is_in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there."""
        super().connection_made(transport)
        self.patience.begin(self, self.patience.head_s)

    def data_received(self, data: bytes) -> None:
        """Take what came, and see what is still missing."""
        super().data_received(data)
        cycle, patience = self.cycle, self.patience
        is_answering = cycle is not None and not cycle.response_complete
        if self.transport.get_protocol() is not self or (is_answering and not cycle.more_body):
            patience.end(self)  # all of it is here, or it has become a WebSocket
        elif is_answering != self._is_in_body or self not in patience.waiting:
            self._is_in_body = is_answering
            patience.begin(self, patience.body_s if is_answering else patience.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self.patience.end(self)
        super().connection_lost(exc)

    def leave(self) -> None:
        """Hang up; with an answer if none has begun."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_TOO_SLOW)
        self.transport.close()


def patient_protocol(patience: Patience) -> type[PatientProtocol]:
    """The protocol of a server whose connections share `patience`."""
    return type("PatientProtocolOfAServer", (PatientProtocol,), {"patience": patience})
