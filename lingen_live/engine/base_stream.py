"""`BaseStream`: the half of an `EngineClient` that is the same wherever its stream is: events, questions, its end.

Of one event loop. Does not know how a chunk is asked for, nor where it is made.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

from lingen_live.engine.client import ChunkReady, ControlRefused, EngineEvent
from lingen_live.engine.question import Question, SessionAt
from lingen_live.engine.scenario import Scenario
from lingen_live.engine.tick import Refusal
from lingen_live.errors import EngineError
from lingen_live.prompt import MAX_PROMPT_CHARS


class BaseStream(ABC):
    """A stream and its events.

    Args:
        number: of the stream, unique in its host.
        prompt: words that it begins with.
        seed: of the noise.

    Attributes:
        prompt: the last words that can be said again.
        seed: of its last chunk.
        is_closed: whether no more events come.
    """

    def __init__(self, number: int, prompt: str, seed: int) -> None:
        self.number = number
        self.prompt, self.seed = prompt, seed
        self.is_closed = False
        self._queue: asyncio.Queue[EngineEvent | None] = asyncio.Queue()
        self._opened = asyncio.Event()
        self._refusal: Refusal | None = None

    @abstractmethod
    async def _query(self, what: Question) -> bytes | Scenario:
        """Have a question answered between two chunks; raises `LingenError` if there is no answer."""

    @abstractmethod
    def _release(self) -> None:
        """Tell the host that the stream is closed."""

    async def save(self, chunk_index: int | None = None) -> bytes:
        """The stream as a session file; waits for the chunk that is being made.

        Args:
            chunk_index: as it was at a kept moment of its branch, the one before that chunk; None for as it is.

        Raises:
            LingenError: it cannot be saved now, or the moment is not kept.
        """
        saved = await self._query("session" if chunk_index is None else SessionAt(chunk_index))
        assert isinstance(saved, bytes)
        return saved

    async def scenario(self) -> Scenario:
        """The stream's branch, to be played again; waits for the chunk that is being made.

        Raises:
            LingenError: it cannot be told.
        """
        told = await self._query("scenario")
        assert isinstance(told, Scenario)
        return told

    async def events(self) -> AsyncIterator[EngineEvent]:
        """All events, in order, until the stream is closed."""
        while (event := await self._queue.get()) is not None:
            yield event

    async def close(self) -> None:
        """Close the stream and let go of all that it held; idempotent."""
        if not self.is_closed:
            self.end()
            self._release()

    def end(self) -> None:
        """No more events come."""
        self.is_closed = True
        self._opened.set()
        self._queue.put_nowait(None)

    def tell(self, event: EngineEvent) -> None:
        """One more event."""
        self._queue.put_nowait(event)

    def _note(self, chunk: ChunkReady) -> None:
        """Keep in mind what a chunk was made of."""
        # A blend has a name that says no prompt again.
        self.prompt = chunk.prompt if len(chunk.prompt) <= MAX_PROMPT_CHARS else self.prompt
        self.seed = chunk.seed

    def _refuse(self, ids: tuple[int, ...], reason: str) -> None:
        """The engine ended over controls. They are not tried again: should one of them be why, it would never end."""
        if ids:
            message = f"{reason} The request was not applied; send it again."
            self.tell(ControlRefused(ids, EngineError.code, message))
