"""Questions to a worker and who waits for the answers. Of one event loop; knows no process."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from lingen_live.engine.messages import Answer
from lingen_live.engine.scenario import Scenario
from lingen_live.errors import EngineError

_GONE = "The engine stopped before it could answer; ask again in a moment."


class Queries:
    """Questions that wait for an answer."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[bytes | Scenario]] = {}
        self._numbers = itertools.count()

    async def ask(self, send: Callable[[int], None]) -> bytes | Scenario:
        """Send a question under a number, and wait.

        Raises:
            LingenError: the answer is a refusal, or nobody is left to answer.
        """
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            send(number)
            return await answer
        finally:
            del self._waiting[number]

    def hear(self, answer: Answer) -> None:
        """Pass an answer on, if whoever asked still waits."""
        waiting = self._waiting.get(answer.question)
        if waiting is None or waiting.done():
            return
        if answer.refusal is not None:
            waiting.set_exception(engine_error(answer.refusal.code, answer.refusal.message))
        elif answer.value is not None:
            waiting.set_result(answer.value)

    def fail(self) -> None:
        """Nobody will answer what was asked until now."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(EngineError(_GONE))


def engine_error(code: str, message: str) -> EngineError:
    """An error that happened in the worker."""
    error = EngineError(message)
    error.code = code
    return error
