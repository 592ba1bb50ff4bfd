"""Runs a house of sessions and its HTTP server until a signal comes, and leaves nothing behind.

Knows uvicorn, signals and the order of leaving. Does not know options or what is served.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import uvicorn
from fastapi import FastAPI

from lingen_live.engine.info import EngineInfo
from lingen_live.serve.house import House
from lingen_live.serve.patience import Patience, patient_protocol
from lingen_live.serve.protocol import MAX_MESSAGE_BYTES

# Colours, pictures and percentiles are made here; more threads would only fight with the engine.
N_HELPER_THREADS = 2
LINGER_S = 1

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait until `serve` listens to them: one inside the making of a loop would break it."""
    has_mask = hasattr(signal, "pthread_sigmask")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS) if has_mask else set()
    try:
        yield
    finally:
        if has_mask:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Server(uvicorn.Server):
    """uvicorn without its signal handling, which would raise the signal again before we are done."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


async def serve(
    app: FastAPI,
    house: House,
    listener: socket.socket,
    *,
    on_progress: Callable[[str, float], None],
    on_ready: Callable[[EngineInfo], None],
    patience: Patience | None = None,
    beside: Sequence[Callable[[], Coroutine[Any, Any, None]]] = (),
) -> None:
    """Serve `app` on `listener` and run `house` until SIGINT or SIGTERM.

    Args:
        app: made from `house`.
        house: is started here, and closed in the end.
        listener: bound and listening; closed in the end.
        on_progress: told how far the engine is.
        on_ready: told once, when it is warm.
        patience: with slow requests; None for the usual.
        beside: what runs as long as `house` does, and never ends by itself.

    Raises:
        LingenError: the engine cannot be built.
    """
    loop = asyncio.get_running_loop()
    executor = ThreadPoolExecutor(N_HELPER_THREADS, "lingen-helper")
    loop.set_default_executor(executor)
    server = _Server(_configure(app, patience or Patience()))
    stop = asyncio.Event()
    with _signals_set(stop):
        tasks = [
            asyncio.create_task(house.run(on_progress, on_ready)),
            asyncio.create_task(server.serve(sockets=[listener])),
            asyncio.create_task(_wait(stop)),
            *(asyncio.create_task(one()) for one in beside),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            server.should_exit = True
            tasks[0].cancel()
            for task in tasks[2:]:
                task.cancel()
            # Together, because each may take most of the two seconds that a person waits.
            await asyncio.gather(house.close(), *tasks, return_exceptions=True)
            executor.shutdown(wait=True)


def _configure(app: FastAPI, patience: Patience) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=patient_protocol(patience),
        log_level="warning",
        access_log=False,
        server_header=False,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # coded video does not shrink, and controls are small
        timeout_graceful_shutdown=LINGER_S,
        lifespan="off",
    )


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()


@contextlib.contextmanager
def _signals_set(stop: asyncio.Event) -> Iterator[None]:
    """SIGINT and SIGTERM set `stop` instead of ending the process, also those that waited in `signals_held`."""
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop.set)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
