"""The thread that looks after the worker process: starts it, passes on what it says, and starts it again when it dies.

Owns the process and the memory for frames. What it hears it tells a listener on the event loop. Knows lives of a
worker. Does not know streams or whose turn it is.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import multiprocessing
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, assert_never

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.info import EngineInfo
from lingen_live.engine.interface import EngineFactory
from lingen_live.engine.life import WorkerGoneError, WorkerLife
from lingen_live.engine.messages import (
    Answer,
    Attached,
    Changed,
    Done,
    Failed,
    Opened,
    Progress,
    Ready,
    TickAbandoned,
    TickDone,
)
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.shared import SharedChunk
from lingen_live.errors import EngineError

MAX_RETRY_S = 10.0
HANG_CHECK_S = 5.0

logger = logging.getLogger(__name__)


class Listener(Protocol):
    """Hears of the worker, on the event loop."""

    def hear_progress(self, stage: str, fraction: float) -> None:
        """How far building has come."""

    def hear_built(self, life: WorkerLife, ready: Ready, name: str, n_rows: int) -> None:
        """The engine waits for its memory; for frames there is `n_rows` under this name."""

    def hear_attached(self, info: EngineInfo, streams: Sequence[Opened]) -> None:
        """The engine has its memory, and runs."""

    def hear_opened(self, opened: Opened) -> None:
        """A stream was opened later."""

    def hear_chunks(self, chunks: Sequence[tuple[Done, NDArray[np.uint8]]]) -> None:
        """Chunks are there, with their frames."""

    def hear_abandoned(self) -> None:
        """There are no chunks."""

    def hear_answer(self, answer: Answer) -> None:
        """A question was answered."""

    def hear_changed(self, info: EngineInfo) -> None:
        """The engine says something new about itself."""

    def hear_death(self, reason: str, retry_in_s: float) -> None:
        """The worker is gone; another comes."""

    def hear_failed_start(self, code: str, message: str) -> None:
        """The worker never came to life; no other comes."""

    def hear_end(self) -> None:
        """Nothing more is heard."""


class WorkerWatcher:
    """A thread, from `start` to `stop`.

    Args:
        options: how to build the engine.
        factory: picklable by name; called in the worker.
        listener: hears of it.
        first_retry_s: pause before the first restart; doubles up to `MAX_RETRY_S` until a chunk is made.
        hang_s: chunks that take longer than this count as a death.
    """

    def __init__(
        self,
        options: EngineOptions,
        factory: EngineFactory,
        listener: Listener,
        *,
        first_retry_s: float,
        hang_s: float,
    ) -> None:
        self._options = options
        self._factory = factory
        self._listener = listener
        self._first_retry_s = first_retry_s
        self._hang_s = hang_s
        self._has_been_ready = False
        self._has_made_chunk = False
        self._deadline_s: float | None = None  # written by the event loop, read by the thread
        self.shared: SharedChunk | None = None
        self._wake_reader, self._wake_writer = multiprocessing.Pipe(duplex=False)
        self._thread = threading.Thread(target=self._watch, name="lingen-worker-watch", daemon=True)

    # On the event loop.

    @property
    def is_running(self) -> bool:
        """Whether `listener.hear_end` is still to come."""
        return self._thread.is_alive()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin; the listener hears on this loop."""
        self._loop = loop
        self._thread.start()

    def expect_chunks(self, *, are_expected: bool) -> None:
        """From now on chunks are being made, or are not any more."""
        self._deadline_s = time.monotonic() + self._hang_s if are_expected else None

    def wake(self) -> None:
        """End soon."""
        self._wake_writer.send(None)

    def close(self) -> None:
        """Let go, once nothing is running."""
        if self._thread.ident is not None:
            self._thread.join()
        self._wake_writer.close()
        self._wake_reader.close()

    # On the thread.

    def _watch(self) -> None:
        retry_s = self._first_retry_s / 2
        while (last_words := self._live()) is not None:
            if not self._has_been_ready:
                self._tell(self._listener.hear_failed_start, last_words.code, last_words.message)
                break
            retry_s = self._first_retry_s if self._has_made_chunk else min(2 * retry_s, MAX_RETRY_S)
            self._has_made_chunk = False
            self._tell(self._listener.hear_death, last_words.message, retry_s)
            if self._wake_reader.poll(retry_s):
                break
        self._tell(self._listener.hear_end)

    def _live(self) -> Failed | None:
        """One life of the worker: the reason for its death, or None when it is to end."""
        life: WorkerLife | None = None
        try:
            life = WorkerLife(self._options, self._factory)
            return self._attend(life)
        except WorkerGoneError:
            return Failed(EngineError.code, life.end() if life else "", "")
        except TimeoutError:
            if life:
                life.end(asks_first=False)
            return Failed(EngineError.code, f"The engine made no chunk within {self._hang_s:g} s.", "")
        except Exception as error:  # the boundary of the thread: whatever it is, the listener must hear of it
            logger.exception("The engine process cannot be looked after")
            return Failed(EngineError.code, f"The engine process failed: {error}", "")
        finally:
            if life:
                life.end(asks_first=self.shared is not None)  # while it builds, it does not listen
            if self.shared:
                self.shared.close()
                self.shared = None

    def _attend(self, life: WorkerLife) -> Failed | None:
        """Pass on what `life` says until its last words, or until it is to end (None).

        Raises:
            WorkerGoneError: it ended without last words.
            TimeoutError: chunks are overdue.
        """
        info: EngineInfo | None = None
        while True:
            try:
                message = life.receive(self._wake_reader, min(HANG_CHECK_S, self._hang_s / 2))
            except TimeoutError:
                if (deadline_s := self._deadline_s) is not None and time.monotonic() > deadline_s:
                    raise
                continue
            match message:
                case None:
                    return None
                case Progress():
                    self._tell(self._listener.hear_progress, message.stage, message.fraction)
                case Ready():
                    info = message.info
                    self._share(life, message)
                case Attached():
                    self._make_ready(info, message)
                case Opened():
                    self._tell(self._listener.hear_opened, message)
                case TickDone():
                    self._take_chunks(message)
                case TickAbandoned():
                    self._tell(self._listener.hear_abandoned)
                case Answer():
                    self._tell(self._listener.hear_answer, message)
                case Changed():
                    self._tell(self._listener.hear_changed, message.info)
                case Failed():
                    if message.details:
                        logger.error("The engine process failed:\n%s", message.details)
                    return message
                case _:
                    assert_never(message)

    def _share(self, life: WorkerLife, ready: Ready) -> None:
        info, n_rows = ready.info, self._options.batch_limit
        self.shared = SharedChunk.create(info.frames_per_chunk * info.height_px * info.width_px * 3, n_rows)
        self._tell(self._listener.hear_built, life, ready, self.shared.name, n_rows)

    def _make_ready(self, info: EngineInfo | None, attached: Attached) -> None:
        if self.shared is None or info is None:
            raise EngineError("The engine took memory before it was ready.")
        # Chosen by a race on the first start; a stream goes on only in the arithmetic that it began in.
        self._options = dataclasses.replace(self._options, dtype=info.dtype)
        self.shared.hide()
        self._has_been_ready = True
        self._tell(self._listener.hear_attached, info, attached.streams)

    def _take_chunks(self, done: TickDone) -> None:
        if self.shared is None:
            raise EngineError("The engine sent a chunk before it was ready.")
        self._has_made_chunk = True
        frames = [self.shared.read(one.shape, row) for row, one in enumerate(done.chunks)]
        self._tell(self._listener.hear_chunks, list(zip(done.chunks, frames, strict=True)))

    def _tell(self, heard: Callable[..., None], *args: Any) -> None:
        self._loop.call_soon_threadsafe(heard, *args)
