"""One turn of a hosted engine: take the orders, make a chunk, say what became of each order.

Knows engine and orders. Does not know processes, pipes or time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from lingen_live.engine.control import Cut, EngineControl, Order, Reseed, Reset, Steer, starts_fresh
from lingen_live.engine.interface import ChunkLike, EngineLike
from lingen_live.errors import LingenError


@dataclass(frozen=True, slots=True)
class Refusal:
    """Orders that the engine refused: their ids, and one sentence why. The stream goes on."""

    ids: tuple[int, ...]
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A chunk and the fate of the orders before it.

    Attributes:
        chunk: what was made.
        applied_ids: ids of all orders that took effect with this chunk.
        refusals: orders that did not.
        is_fresh: the chunk has no past, so whatever is queued before it is stale.
    """

    chunk: ChunkLike
    applied_ids: tuple[int, ...]
    refusals: tuple[Refusal, ...]
    is_fresh: bool


def run_tick(engine: EngineLike, orders: tuple[Order, ...]) -> Tick:
    """Apply `orders`, oldest first, and make the next chunk.

    Raises:
        Exception: whatever the engine raises, except that a `LingenError` of a control becomes a refusal.
    """
    applied: list[int] = []
    refusals: list[Refusal] = []
    is_fresh = False
    for order in orders:
        try:
            _apply(engine, order.control)
        except LingenError as error:
            refusals.append(Refusal(order.ids, error.code, error.message))
        else:
            applied += order.ids
            is_fresh = is_fresh or starts_fresh(order.control)
    return Tick(engine.tick(), tuple(applied), tuple(refusals), is_fresh)


def _apply(engine: EngineLike, control: EngineControl) -> None:
    match control:
        case Steer():
            engine.steer(control.prompt, control.n_chunks)
        case Cut():
            engine.cut(control.prompt)
        case Reseed():
            engine.reseed(control.seed)
        case Reset():
            engine.reset()
        case _:
            assert_never(control)
