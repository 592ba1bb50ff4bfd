"""The worker process: builds an engine, then makes chunks for every request that comes through its pipe.

Ends when the pipe does, so it never outlives the process that started it. Knows the pipe and the shared memory. Does
not know who listens, time, or what frames are for.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections import deque
from contextlib import suppress
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

from lingen_live.engine.arena import map_memory
from lingen_live.engine.crew import Crew
from lingen_live.engine.interface import AbandonedError, EngineFactory, EngineLike
from lingen_live.engine.messages import (
    Abandon,
    Attach,
    Attached,
    Changed,
    Close,
    Failed,
    Open,
    Progress,
    Query,
    Ready,
    Stop,
    TickAbandoned,
    TickDone,
    TickRequest,
    ToWorker,
)
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.shared import SharedChunk
from lingen_live.errors import LingenError


def worker_main(connection: Connection, options: EngineOptions, factory: EngineFactory) -> None:
    """Entry point of the process.

    Ctrl-C in a terminal reaches every process of the job; here it is ignored, so that the server can end in
    order. If the other end of the pipe is gone, nobody is left to tell and the process simply ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):  # blocked by the parent until the line above took effect
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        _work(connection, options, factory)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    except Exception as error:  # the boundary of the process: the reason must reach the parent
        _say_last_words(connection, error)
        raise SystemExit(1) from None
    finally:
        connection.close()


def _work(connection: Connection, options: EngineOptions, factory: EngineFactory) -> None:
    def on_progress(stage: str, fraction: float) -> None:
        connection.send(Progress(stage, fraction))

    engine = factory(options, on_progress)
    connection.send(Ready(engine.info, engine.pool_bytes(options.n_streams), engine.costs_s))
    first = connection.recv()
    if not isinstance(first, Attach):
        return
    _attach_pool(connection, engine, first)
    shared = SharedChunk.attach(first.name, first.n_rows)
    try:
        crew = Crew(engine, options.n_streams)
        connection.send(Attached(tuple(crew.open(stream) for stream in first.streams)))
        _serve_requests(connection, engine, crew, shared)
    finally:
        shared.close()


def _attach_pool(connection: Connection, engine: EngineLike[Any], request: Attach) -> None:
    """Take over the memory that streams lie in."""
    if request.pool_bytes == 0:
        return
    fd = reduction.recv_handle(connection)
    try:
        memory = map_memory(fd, request.pool_bytes)
    finally:
        os.close(fd)
    engine.attach(memory, [stream.kept for stream in request.streams if stream.kept is not None])


def _serve_requests(connection: Connection, engine: EngineLike[Any], crew: Crew, shared: SharedChunk) -> None:
    info = engine.info
    inbox = _Inbox(connection)
    while not isinstance(request := inbox.next(), Attach | Stop):
        match request:
            case TickRequest():
                _tick(connection, crew, shared, inbox, request)
            case Open():
                connection.send(crew.open(request))
            case Close():
                crew.close(request.number)
            case Query():
                connection.send(crew.answer(request))
            case Abandon():
                pass  # the chunk was done already
        # The parent knows by now of all that changed: to go on elsewhere, it needs no slot that was given up here.
        engine.settle()
        if engine.info != info:
            info = engine.info
            connection.send(Changed(info))


def _tick(connection: Connection, crew: Crew, shared: SharedChunk, inbox: _Inbox, request: TickRequest) -> None:
    try:
        ticks = crew.run(request.jobs, inbox.has_abandon)
    except AbandonedError:
        connection.send(TickAbandoned())
        return
    for row, tick in enumerate(ticks):
        shared.write(tick.chunk.frames, row)
    numbers = [job.number for job in request.jobs]
    connection.send(TickDone(tuple(crew.report(number, tick) for number, tick in zip(numbers, ticks, strict=True))))


class _Inbox:
    """Messages in order, of which some are looked at while a chunk is being made."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: deque[ToWorker] = deque()

    def next(self) -> ToWorker:
        """The oldest message, when there is one."""
        return self._waiting.popleft() if self._waiting else self._connection.recv()

    def has_abandon(self) -> bool:
        """Whether the chunk that is being made is not wanted any more."""
        while self._connection.poll():
            message = self._connection.recv()
            if isinstance(message, Abandon):
                return True
            self._waiting.append(message)
        return any(isinstance(message, Stop) for message in self._waiting)


def _say_last_words(connection: Connection, error: Exception) -> None:
    if isinstance(error, LingenError):
        last_words = Failed(error.code, error.message, "")
    else:
        sentence = f"The engine stopped on {type(error).__name__}: {error}"
        last_words = Failed("engine_failed", sentence, traceback.format_exc())
    with suppress(BrokenPipeError, ConnectionResetError):  # the parent is gone: nobody is left to tell
        connection.send(last_words)
