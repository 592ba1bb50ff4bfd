"""The worker process: builds an engine, then makes one chunk for every request that comes through its pipe.

The messages of both directions are defined here. Ends when the pipe does, so it never outlives the process
that started it. Knows the pipe and the shared chunk. Does not know who listens, time, or what frames are for.
"""

from __future__ import annotations

import dataclasses
import signal
import traceback
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Literal

import numpy as np

from lingen_live.engine.client import ChunkReady, ready
from lingen_live.engine.control import Order, Turn
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.interface import AbandonedError, EngineFactory, EngineLike
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.scenario import Scenario
from lingen_live.engine.shared import SharedChunk
from lingen_live.engine.tick import Refusal, run_tick
from lingen_live.errors import LingenError

BACKUP_EVERY_CHUNKS = 4
"""About two seconds of video are lost when a worker is killed."""

_ELSEWHERE = np.empty((0, 0, 0, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class Attach:
    """To the worker: frames go into the shared memory of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class TickRequest:
    """To the worker: take these orders and make one chunk; words may count from `turn`."""

    orders: tuple[Order, ...]
    turn: Turn | None = None


@dataclass(frozen=True, slots=True)
class Abandon:
    """To the worker: the chunk that is being made is not wanted; too late, it is ignored."""


@dataclass(frozen=True, slots=True)
class Query:
    """To the worker: answer between two chunks."""

    number: int
    what: Literal["session", "scenario"]


@dataclass(frozen=True, slots=True)
class Stop:
    """To the worker: end."""


@dataclass(frozen=True, slots=True)
class Progress:
    """From the worker: how far building has come; `fraction` of the stage, 0 to 1."""

    stage: str
    fraction: float


@dataclass(frozen=True, slots=True)
class Ready:
    """From the worker: warm, and waiting for `Attach`."""

    info: EngineInfo


@dataclass(frozen=True, slots=True)
class Attached:
    """From the worker: it holds the shared memory, whose name is not needed any more."""


@dataclass(frozen=True, slots=True)
class TickDone:
    """From the worker: the frames, of this shape, are in the shared memory; all else about the chunk is here."""

    shape: tuple[int, ...]
    chunk: ChunkReady
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class TickAbandoned:
    """From the worker: there is no chunk, and no order was taken."""


@dataclass(frozen=True, slots=True)
class Answer:
    """From the worker: to a query; why not, if there is a refusal."""

    number: int
    value: bytes | Scenario | None
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class Backup:
    """From the worker: a session file, from which to go on should it die."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Changed:
    """From the worker: the engine says something new about itself."""

    info: EngineInfo


@dataclass(frozen=True, slots=True)
class Failed:
    """From the worker: its last words. `details` is a traceback for the log, or empty."""

    code: str
    message: str
    details: str


ToWorker = Attach | TickRequest | Abandon | Query | Stop
FromWorker = Progress | Ready | Attached | TickDone | TickAbandoned | Answer | Backup | Changed | Failed


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
    connection.send(Ready(engine.info))
    first = connection.recv()
    if not isinstance(first, Attach):
        return
    shared = SharedChunk.attach(first.name)
    try:
        connection.send(Attached())
        _serve_requests(connection, engine, shared)
    finally:
        shared.close()


def _serve_requests(connection: Connection, engine: EngineLike, shared: SharedChunk) -> None:
    info = engine.info
    inbox = _Inbox(connection)
    n_chunks = 0
    while not isinstance(request := inbox.next(), Attach | Stop):
        match request:
            case TickRequest():
                try:
                    tick = run_tick(engine, request.orders, request.turn, inbox.has_abandon)
                except AbandonedError:
                    connection.send(TickAbandoned())
                    continue
                shared.write(tick.chunk.frames)
                chunk = dataclasses.replace(ready(tick), frames=_ELSEWHERE)
                connection.send(TickDone(tick.chunk.frames.shape, chunk, tick.refusals))
                n_chunks += 1
                if n_chunks % BACKUP_EVERY_CHUNKS == 0:
                    _back_up(connection, engine)
            case Query():
                connection.send(_answer(engine, request))
            case Abandon():
                pass  # the chunk was done already
        if engine.info != info:
            info = engine.info
            connection.send(Changed(info))
        while inbox.is_empty and engine.tidy():
            pass


class _Inbox:
    """Messages in order, of which some are looked at while a chunk is being made."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: deque[ToWorker] = deque()

    @property
    def is_empty(self) -> bool:
        """Whether nobody asked for anything."""
        return not self._waiting and not self._connection.poll()

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


def _back_up(connection: Connection, engine: EngineLike) -> None:
    """Leave word of where the stream is; one that cannot be saved now can be later."""
    with suppress(LingenError):
        connection.send(Backup(engine.save_session()))


def _answer(engine: EngineLike, query: Query) -> Answer:
    try:
        value = engine.save_session() if query.what == "session" else engine.scenario()
    except LingenError as error:
        return Answer(query.number, None, Refusal((), error.code, error.message))
    return Answer(query.number, value, None)


def _say_last_words(connection: Connection, error: Exception) -> None:
    if isinstance(error, LingenError):
        last_words = Failed(error.code, error.message, "")
    else:
        sentence = f"The engine stopped on {type(error).__name__}: {error}"
        last_words = Failed("engine_failed", sentence, traceback.format_exc())
    with suppress(BrokenPipeError, ConnectionResetError):  # the parent is gone: nobody is left to tell
        connection.send(last_words)
