"""One turn of a hosted engine: take the orders of some streams, make a chunk of each, say what became of each order.

All or nothing: if the chunks cannot be made, no order was taken. Knows engine and orders. Does not know processes,
pipes or time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

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
from lingen_live.engine.interface import ChunkLike, EngineLike, StreamLike
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


@dataclass(frozen=True, slots=True)
class Errand:
    """A stream whose next chunk is wanted.

    Attributes:
        stream: whose.
        orders: to be taken before, oldest first.
        turn: where words may count from, when that was made already but not shown.
        n_steps: denoising steps; None for the model's own.
    """

    stream: StreamLike
    orders: tuple[Order, ...] = ()
    turn: Turn | None = None
    n_steps: int | None = None


def run_ticks(
    engine: EngineLike[Any], errands: Sequence[Errand], is_unwanted: Callable[[], bool] = lambda: False
) -> list[Tick]:
    """Apply the orders of every errand and make the next chunk of each.

    Args:
        engine: whose streams they are; they are as they were if anything is raised.
        errands: one or more, of different streams, with the same number of steps.
        is_unwanted: asked between steps.

    Raises:
        AbandonedError: `is_unwanted` said so.
        Exception: whatever the engine raises, except that a `LingenError` of a control becomes a refusal.
    """
    marks = [errand.stream.mark() for errand in errands]
    try:
        fates = [_take(errand) for errand in errands]
        chunks = engine.tick([errand.stream for errand in errands], is_unwanted, errands[0].n_steps)
        return [
            Tick(chunk, fate.applied_ids, fate.refusals, fate.is_fresh, fate.is_turned, errand.stream.view())
            for chunk, fate, errand in zip(chunks, fates, errands, strict=True)
        ]
    except BaseException:
        for errand, mark in zip(errands, marks, strict=True):
            errand.stream.restore(mark)
        raise


@dataclass(frozen=True, slots=True)
class _Fate:
    """What became of the orders of an errand; see `Tick`."""

    applied_ids: tuple[int, ...]
    refusals: tuple[Refusal, ...]
    is_fresh: bool
    is_turned: bool


def _take(errand: Errand) -> _Fate:
    stream, turn = errand.stream, errand.turn
    applied: list[int] = []
    refusals: list[Refusal] = []
    is_fresh = is_turned = False
    mark = stream.mark()
    if turn is not None and any(isinstance(order.control, SaysWords) for order in errand.orders):
        is_turned = stream.turn_back(turn.chunk_index, turn.epoch)
    for order in errand.orders:
        try:
            _apply(stream, order.control)
        except LingenError as error:
            refusals.append(Refusal(order.ids, error.code, error.message))
        else:
            applied += order.ids
            is_fresh = is_fresh or starts_fresh(order.control)
    if is_turned and not applied:  # nothing was said: what is queued is as good as ever
        stream.restore(mark)
        is_turned = False
    return _Fate(tuple(applied), tuple(refusals), is_fresh, is_turned)


def _apply(stream: StreamLike, control: EngineControl) -> None:
    match control:
        case Steer():
            stream.steer(control.prompt, control.n_chunks)
        case Blend():
            stream.blend(control.parts, control.n_chunks)
        case Reanchor():
            stream.reanchor(control.prompt, control.n_chunks)
        case Cut():
            stream.cut(control.prompt)
        case Reseed():
            stream.reseed(control.seed)
        case Reset():
            stream.reset()
        case Seek() | Fork() | Switch() | Delete():
            _travel(stream, control)
        case Plan():
            stream.plan(control.verb, control.words, control.chunk_index, control.n_chunks)
        case MovePlan():
            stream.move_plan(control.plan_id, control.chunk_index)
        case CancelPlan():
            stream.cancel_plan(control.plan_id)
        case PlayScenario():
            stream.load_scenario(control.scenario)
        case LoadSession():
            stream.load_session(control.data)
        case _:
            assert_never(control)


def _travel(stream: StreamLike, control: Seek | Fork | Switch | Delete) -> None:
    match control:
        case Seek():
            stream.seek(control.chunk_index)
        case Fork():
            stream.fork(control.chunk_index, control.name)
        case Switch():
            stream.switch(control.branch_id)
        case Delete():
            stream.delete(control.branch_id)
        case _:
            assert_never(control)
