"""A turn of an engine that hosts its own stream and no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from lingen_live.engine.control import Order, Turn
from lingen_live.engine.engine import Chunk, Engine
from lingen_live.engine.tick import Errand, Tick, run_ticks


class Alone:
    """Has every stream make its own chunk."""

    def tick(
        self, streams: Sequence[Engine], is_unwanted: Callable[[], bool], n_steps: int | None = None
    ) -> list[Chunk]:
        return [stream.tick(is_unwanted, n_steps) for stream in streams]


def run_tick(engine: Engine, orders: tuple[Order, ...], turn: Turn | None = None) -> Tick:
    (tick,) = run_ticks(cast(Any, Alone()), [Errand(cast(Any, engine), orders, turn)])
    return tick
