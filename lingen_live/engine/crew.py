"""The streams of one engine by number: opened, made to step, asked, closed. What every host does, wherever it computes.

Knows engines and messages. Does not know pipes, processes or time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lingen_live.engine.client import ready
from lingen_live.engine.interface import EngineLike, StreamLike
from lingen_live.engine.messages import Answer, Done, Job, Open, Opened, Query
from lingen_live.engine.question import Question, SessionAt
from lingen_live.engine.scenario import Scenario
from lingen_live.engine.tick import Errand, Refusal, Tick, run_ticks
from lingen_live.errors import EngineError, LingenError

_ELSEWHERE = np.empty((0, 0, 0, 3), np.uint8)


class Crew:
    """Streams of `engine`, at most `max_streams`: there is memory for no more."""

    def __init__(self, engine: EngineLike[Any], max_streams: int) -> None:
        self._engine = engine
        self._max_streams = max_streams
        self._streams: dict[int, StreamLike] = {}

    def open(self, request: Open) -> Opened:
        """Open a stream, or say why not."""
        try:
            self._check_room()
            stream = self._engine.open(
                seed=request.seed, prompt=request.prompt, kept=request.kept, carried=request.carried
            )
        except LingenError as error:
            return Opened(request.number, False, Refusal((), error.code, error.message))
        self._streams[request.number] = stream
        return Opened(request.number, stream.is_resumed)

    def _check_room(self) -> None:
        if len(self._streams) >= self._max_streams:
            raise EngineError(f"{len(self._streams)} streams are open; at most {self._max_streams} may be.")

    def close(self, number: int) -> None:
        """Forget a stream; idempotent."""
        self._streams.pop(number, None)

    def run(self, jobs: Sequence[Job], is_unwanted: Callable[[], bool]) -> list[Tick]:
        """Make the chunks of `jobs`, in their order; errors as of `run_ticks`."""
        errands = [Errand(self._streams[job.number], job.orders, job.turn, job.n_steps) for job in jobs]
        return run_ticks(self._engine, errands, is_unwanted)

    def report(self, number: int, tick: Tick) -> Done:
        """What is said of a chunk whose frames go another way."""
        chunk = dataclasses.replace(ready(tick), frames=_ELSEWHERE)
        return Done(number, tick.chunk.frames.shape, chunk, tick.refusals, self._streams[number].kept())

    def answer(self, query: Query) -> Answer:
        """The answer to a question about a stream, or why there is none."""
        try:
            value = self.ask(query.number, query.what)
        except LingenError as error:
            return Answer(query.question, None, Refusal((), error.code, error.message))
        return Answer(query.question, value, None)

    def ask(self, number: int, what: Question) -> bytes | Scenario:
        """The answer to a question about a stream.

        Raises:
            LingenError: it cannot be told.
        """
        if number not in self._streams:
            raise EngineError("This stream is not open any more.")
        stream = self._streams[number]
        match what:
            case SessionAt():
                return stream.save_session(what.chunk_index)
            case "session":
                return stream.save_session()
            case _:
                return stream.scenario()
