"""What can be asked of a running engine, and the mailbox in which it waits for the next chunk.

Knows only values. Does not know who asked: `id` is the caller's business and only comes back in receipts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from lingen_live.engine.events import Words
from lingen_live.engine.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Steer:
    """Bend the stream to `prompt` over `n_chunks` chunks; the state is kept."""

    id: int
    prompt: str
    n_chunks: int = 1


@dataclass(frozen=True, slots=True)
class Blend:
    """Bend the stream to several prompts at once, (words, weight) each."""

    id: int
    parts: tuple[tuple[str, float], ...]
    n_chunks: int = 1


@dataclass(frozen=True, slots=True)
class Reanchor:
    """Go to `prompt` at once, the last `n_chunks` chunks remembered as if they had been made under it."""

    id: int
    prompt: str
    n_chunks: int


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


@dataclass(frozen=True, slots=True)
class Seek:
    """Go to the moment before a chunk of this branch."""

    id: int
    chunk_index: int


@dataclass(frozen=True, slots=True)
class Fork:
    """Go on from a moment of this branch on another; None is here, and a name that counts."""

    id: int
    chunk_index: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Switch:
    """Go on with another branch."""

    id: int
    branch_id: int


@dataclass(frozen=True, slots=True)
class Delete:
    """Forget another branch."""

    id: int
    branch_id: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Say words when a later chunk comes."""

    id: int
    verb: Literal["steer", "cut"]
    words: Words
    chunk_index: int
    n_chunks: int = 1


@dataclass(frozen=True, slots=True)
class MovePlan:
    """Have a plan come true with another chunk."""

    id: int
    plan_id: int
    chunk_index: int


@dataclass(frozen=True, slots=True)
class CancelPlan:
    """Forget a plan."""

    id: int
    plan_id: int


@dataclass(frozen=True, slots=True)
class PlayScenario:
    """Replay a scenario from its beginning, on a branch of its own."""

    id: int
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class LoadSession:
    """Go on with a saved session, on a branch of its own."""

    id: int
    data: bytes


SaysWords = Steer | Blend | Reanchor
"""Words that keep the picture: they may count from before what was made but not shown."""

Plans = Plan | MovePlan | CancelPlan | Delete
"""What does not change the next picture."""

Restarts = Cut | Reseed | Reset | Seek | Fork | Switch | PlayScenario | LoadSession
"""What makes frames stale that were made before it."""

EngineControl = SaysWords | Plans | Restarts

# Of these, an older one that no chunk followed would not be seen anyway.
_OUTDATED_BY_THEIR_LIKE = (Steer, Blend, Reanchor, Cut, Reseed, Reset, Seek, Switch)


def starts_fresh(control: EngineControl) -> bool:
    """Whether the chunk made under `control` does not follow from the one before, so that queued frames are stale."""
    return isinstance(control, Restarts)


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a stream may turn back to: the first chunk that was not shown, and the epoch that it was made in."""

    chunk_index: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Order:
    """A control as the engine takes it, with the ids of all the requests that it answers."""

    control: EngineControl
    ids: tuple[int, ...]


class Mailbox:
    """Controls waiting for the next chunk: the latest of most kinds wins, the ids of the others ride along.

    Whoever posts bounds the ids, and with them what waits.
    """

    def __init__(self) -> None:
        self._orders: dict[object, Order] = {}

    def __len__(self) -> int:
        return len(self._orders)

    def post(self, control: EngineControl) -> None:
        """Put `control` last in line, in the place of an older one of its kind if that is outdated by it."""
        self._put(Order(control, (control.id,)))

    def put_back(self, orders: Iterable[Order]) -> None:
        """Have orders that were drained in front of those that came since."""
        since = self.drain()
        for order in (*orders, *since):
            self._put(order)

    def drain(self) -> tuple[Order, ...]:
        """All orders, oldest first; the mailbox is empty afterwards."""
        orders = tuple(self._orders.values())
        self._orders = {}
        return orders

    def _put(self, order: Order) -> None:
        control = order.control
        key: object = type(control) if isinstance(control, _OUTDATED_BY_THEIR_LIKE) else (type(control), control.id)
        older = self._orders.pop(key, None)
        self._orders[key] = replace(order, ids=(*older.ids, *order.ids)) if older else order
