"""Who waits for which control to take effect. Knows outboxes and ids; does not know what was asked for."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lingen_live.serve.errors import ProtocolError
from lingen_live.serve.outbox import Outbox
from lingen_live.serve.protocol import Event

MAX_PENDING = 64


@dataclass(frozen=True, slots=True)
class Ticket:
    """Someone who waits since `asked_s` (monotonic), and what they call it."""

    outbox: Outbox
    id: int
    asked_s: float


class Receipts:
    """Numbers for controls: those of clients are only unique to each of them.

    Args:
        max_pending: controls that one client may have waiting.
        clock: monotonic seconds.
    """

    def __init__(self, max_pending: int = MAX_PENDING, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_pending = max_pending
        self._clock = clock
        self._tickets: dict[int, Ticket] = {}
        self._numbers = itertools.count(1)

    def check(self, outbox: Outbox, id: int) -> None:
        """Refuse control `id` if its sender has too many waiting.

        Raises:
            ProtocolError: with both numbers.
        """
        n_pending = sum(ticket.outbox is outbox for ticket in self._tickets.values())
        if n_pending >= self._max_pending:
            message = f"{n_pending} controls wait already; at most {self._max_pending} may."
            raise ProtocolError("too_many_pending", message, id)

    def open(self, outbox: Outbox, id: int) -> int:
        """The number under which control `id` goes to the engine."""
        number = next(self._numbers)
        self._tickets[number] = Ticket(outbox, id, self._clock())
        return number

    def asked_s(self, numbers: Iterable[int]) -> float | None:
        """When the oldest of these controls arrived; None if nobody waits for any."""
        return min((self._tickets[number].asked_s for number in numbers if number in self._tickets), default=None)

    def answer(self, number: int, event: Callable[[int], Event]) -> None:
        """Post `event`, made from the sender's own id, and forget `number`; nobody waits once they left."""
        if ticket := self._tickets.pop(number, None):
            ticket.outbox.post(event(ticket.id))

    def forget(self, outbox: Outbox) -> None:
        """Whoever read `outbox` left."""
        self._tickets = {number: ticket for number, ticket in self._tickets.items() if ticket.outbox is not outbox}
