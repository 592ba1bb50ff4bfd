"""One turn of a hosted engine: take the orders, make a chunk, say what became of each order.

All or nothing: if the chunk cannot be made, no order was taken. Knows engine and orders. Does not know processes,
pipes or time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from lingen_live.engine.control import (
    Blend,
    CancelPlan,
    Cut,
    Delete,
    EngineControl,
    Fork,
    LoadSession,
    MovePlan,
    Order,
    Plan,
    PlayScenario,
    Reanchor,
    Reseed,
    Reset,
    SaysWords,
    Seek,
    Steer,
    Switch,
    Turn,
    starts_fresh,
)
from lingen_live.engine.interface import ChunkLike, EngineLike
from lingen_live.engine.view import NO_TIMELINE, TimelineView
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
        is_fresh: the chunk does not follow from what is queued before it, which is stale.
        is_turned: the chunk takes the place of one that is queued, which is stale with all that follow it.
        timeline: as it is after the chunk.
    """

    chunk: ChunkLike
    applied_ids: tuple[int, ...]
    refusals: tuple[Refusal, ...]
    is_fresh: bool
    is_turned: bool = False
    timeline: TimelineView = NO_TIMELINE


def run_tick(
    engine: EngineLike,
    orders: tuple[Order, ...],
    turn: Turn | None = None,
    is_unwanted: Callable[[], bool] = lambda: False,
) -> Tick:
    """Apply `orders`, oldest first, and make the next chunk.

    Args:
        engine: is as it was if anything is raised.
        orders: to be taken.
        turn: where words may count from, when that was made already but not shown.
        is_unwanted: asked between steps.

    Raises:
        AbandonedError: `is_unwanted` said so.
        Exception: whatever the engine raises, except that a `LingenError` of a control becomes a refusal.
    """
    mark = engine.mark()
    try:
        return _run(engine, orders, turn, is_unwanted)
    except BaseException:
        engine.restore(mark)
        raise


def _run(engine: EngineLike, orders: tuple[Order, ...], turn: Turn | None, is_unwanted: Callable[[], bool]) -> Tick:
    applied: list[int] = []
    refusals: list[Refusal] = []
    is_fresh = is_turned = False
    mark = engine.mark()
    if turn is not None and any(isinstance(order.control, SaysWords) for order in orders):
        is_turned = engine.turn_back(turn.chunk_index, turn.epoch)
    for order in orders:
        try:
            _apply(engine, order.control)
        except LingenError as error:
            refusals.append(Refusal(order.ids, error.code, error.message))
        else:
            applied += order.ids
            is_fresh = is_fresh or starts_fresh(order.control)
    if is_turned and not applied:  # nothing was said: what is queued is as good as ever
        engine.restore(mark)
        is_turned = False
    chunk = engine.tick(is_unwanted)
    return Tick(chunk, tuple(applied), tuple(refusals), is_fresh, is_turned, engine.view())


def _apply(engine: EngineLike, control: EngineControl) -> None:
    match control:
        case Steer():
            engine.steer(control.prompt, control.n_chunks)
        case Blend():
            engine.blend(control.parts, control.n_chunks)
        case Reanchor():
            engine.reanchor(control.prompt, control.n_chunks)
        case Cut():
            engine.cut(control.prompt)
        case Reseed():
            engine.reseed(control.seed)
        case Reset():
            engine.reset()
        case Seek() | Fork() | Switch() | Delete():
            _travel(engine, control)
        case Plan():
            engine.plan(control.verb, control.words, control.chunk_index, control.n_chunks)
        case MovePlan():
            engine.move_plan(control.plan_id, control.chunk_index)
        case CancelPlan():
            engine.cancel_plan(control.plan_id)
        case PlayScenario():
            engine.load_scenario(control.scenario)
        case LoadSession():
            engine.load_session(control.data)
        case _:
            assert_never(control)


def _travel(engine: EngineLike, control: Seek | Fork | Switch | Delete) -> None:
    match control:
        case Seek():
            engine.seek(control.chunk_index)
        case Fork():
            engine.fork(control.chunk_index, control.name)
        case Switch():
            engine.switch(control.branch_id)
        case Delete():
            engine.delete(control.branch_id)
        case _:
            assert_never(control)
