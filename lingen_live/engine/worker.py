"""The worker process: builds an engine, then makes one chunk for every request that comes through its pipe.

The messages of both directions are defined here. Ends when the pipe does, so it never outlives the process
that started it. Knows the pipe and the shared chunk. Does not know who listens, time, or what frames are for.
"""

from __future__ import annotations

import signal
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

from lingen_live.engine.control import Order
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.interface import EngineFactory, EngineLike
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.shared import SharedChunk
from lingen_live.engine.tick import Refusal, run_tick
from lingen_live.engine.understanding import Understanding
from lingen_live.errors import LingenError
from lingen_live.profile.spans import ChunkProfile


@dataclass(frozen=True, slots=True)
class Attach:
    """To the worker: frames go into the shared memory of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class TickRequest:
    """To the worker: take these orders and make one chunk."""

    orders: tuple[Order, ...]


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
    """From the worker: the frames are in the shared memory; everything else about the chunk is here."""

    shape: tuple[int, ...]
    chunk_index: int
    prompt: str
    blend: float
    seed: int
    profile: ChunkProfile
    applied_ids: tuple[int, ...]
    refusals: tuple[Refusal, ...]
    is_fresh: bool
    understanding: Understanding


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


ToWorker = Attach | TickRequest | Stop
FromWorker = Progress | Ready | Attached | TickDone | Changed | Failed


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
    while isinstance(request := connection.recv(), TickRequest):
        tick = run_tick(engine, request.orders)
        chunk = tick.chunk
        shared.write(chunk.frames)
        connection.send(
            TickDone(
                chunk.frames.shape,
                chunk.chunk_index,
                chunk.prompt,
                chunk.blend,
                chunk.seed,
                chunk.profile,
                tick.applied_ids,
                tick.refusals,
                tick.is_fresh,
                chunk.understanding,
            )
        )
        if engine.info != info:
            info = engine.info
            connection.send(Changed(info))


def _say_last_words(connection: Connection, error: Exception) -> None:
    if isinstance(error, LingenError):
        last_words = Failed(error.code, error.message, "")
    else:
        sentence = f"The engine stopped on {type(error).__name__}: {error}"
        last_words = Failed("engine_failed", sentence, traceback.format_exc())
    with suppress(BrokenPipeError, ConnectionResetError):  # the parent is gone: nobody is left to tell
        connection.send(last_words)
