"""What can be asked of a running engine, and the mailbox in which it waits for the next chunk.

Knows only values. Does not know who asked: `id` is the caller's business and only comes back in receipts.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Steer:
    """Bend the stream to `prompt` over `n_chunks` chunks; the state is kept."""

    id: int
    prompt: str
    n_chunks: int = 1


@dataclass(frozen=True, slots=True)
class Cut:
    """Start anew with `prompt`: the next chunk remembers nothing."""

    id: int
    prompt: str


@dataclass(frozen=True, slots=True)
class Reseed:
    """Start anew from `seed` with the same prompt."""

    id: int
    seed: int


@dataclass(frozen=True, slots=True)
class Reset:
    """Start anew at chunk 0 with the same prompt and seed."""

    id: int


EngineControl = Steer | Cut | Reseed | Reset


def starts_fresh(control: EngineControl) -> bool:
    """Whether the chunk made under `control` has no past, so that frames queued before it are stale."""
    return not isinstance(control, Steer)


@dataclass(frozen=True, slots=True)
class Order:
    """A control as the engine takes it, with the ids of all the requests that it answers."""

    control: EngineControl
    ids: tuple[int, ...]


class Mailbox:
    """Controls waiting for the next chunk: the latest of each kind wins, the ids of the others ride along.

    Bounded in controls by the number of kinds; whoever posts bounds the ids.
    """

    def __init__(self) -> None:
        self._orders: dict[type[EngineControl], Order] = {}

    def __len__(self) -> int:
        return len(self._orders)

    def post(self, control: EngineControl) -> None:
        """Put `control` last in line, in the place of an older one of its kind."""
        older = self._orders.pop(type(control), None)
        ids = (*older.ids, control.id) if older else (control.id,)
        self._orders[type(control)] = Order(control, ids)

    def drain(self) -> tuple[Order, ...]:
        """All orders, oldest first; the mailbox is empty afterwards."""
        orders = tuple(self._orders.values())
        self._orders = {}
        return orders
