"""One life of the worker process: spawn it, talk to it, end it. Blocking calls, for a thread of their own.

Knows processes and pipes. Does not know restarts, event loops or what a chunk is for.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import reduction, resource_tracker
from multiprocessing.connection import Connection, wait
from typing import cast

from lingen_live.engine.interface import EngineFactory
from lingen_live.engine.messages import FromWorker, Stop, ToWorker
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.worker import worker_main

STOP_GRACE_S = 0.6
TERMINATE_GRACE_S = 0.4

_spawn_lock = threading.Lock()


class WorkerGoneError(Exception):
    """The pipe to the worker is closed: it ended, or is about to."""


class WorkerLife:
    """A running worker process and the pipe to it.

    `send` may be called from any thread; everything else from the one thread that watches.
    """

    def __init__(self, options: EngineOptions, factory: EngineFactory) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe(duplex=True)
        self._send_lock = threading.Lock()
        self._how_ended: str | None = None
        # A daemon: should this interpreter end without `end()`, multiprocessing terminates the worker.
        self._process = context.Process(
            target=worker_main, args=(theirs, options, factory), name="lingen-engine", daemon=True
        )
        try:
            with _worker_surroundings(options.n_threads):
                self._process.start()
        except BaseException:
            self._connection.close()
            raise
        finally:
            theirs.close()

    @property
    def pid(self) -> int:
        """Process id."""
        return cast(int, self._process.pid)

    def send(self, message: ToWorker, fd: int | None = None) -> None:
        """Send `message`; the worker reads while it waits, so that there is room in the pipe.

        Args:
            message: what is said.
            fd: a descriptor that follows it.

        Raises:
            WorkerGoneError: the worker does not listen any more.
        """
        with self._send_lock:
            try:
                self._connection.send(message)
                if fd is not None:
                    reduction.send_handle(self._connection, fd, self.pid)
            except OSError as error:
                raise WorkerGoneError from error

    def receive(self, wake: Connection, timeout_s: float | None) -> FromWorker | None:
        """The next message, or None when `wake` became readable first.

        Raises:
            WorkerGoneError: the worker ended and has nothing more to say.
            TimeoutError: nothing came for `timeout_s`.
        """
        readable = wait([self._connection, wake, self._process.sentinel], timeout_s)
        if wake in readable:
            return None
        if not readable:
            raise TimeoutError
        if self._connection not in readable:
            raise WorkerGoneError  # its pipe may live on in some process that it started
        try:
            return cast(FromWorker, self._connection.recv())
        except (EOFError, OSError) as error:
            raise WorkerGoneError from error

    def end(self, *, asks_first: bool = True) -> str:
        """Make sure that the process is gone, and say how it went; idempotent.

        Args:
            asks_first: let it end in order; time lost if it cannot listen.
        """
        if self._how_ended is not None:
            return self._how_ended
        if asks_first:
            with suppress(WorkerGoneError):  # it ended by itself, or is about to
                self.send(Stop())
            self._process.join(STOP_GRACE_S)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(TERMINATE_GRACE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._how_ended = _describe_exit(cast(int, self._process.exitcode))
        self._process.close()
        with self._send_lock:
            self._connection.close()
        return self._how_ended


def _describe_exit(exit_code: int) -> str:
    if exit_code < 0:
        return f"The engine process was killed by signal {-exit_code} ({signal.strsignal(-exit_code)})."
    return f"The engine process ended with exit code {exit_code}."


@contextmanager
def _worker_surroundings(n_threads: int) -> Iterator[None]:
    """Environment and signal mask that a process started inside inherits.

    OpenMP reads its environment once, when torch loads it, so the variables must be there from the start;
    waiting threads sleep, because spinning ones starve the video encoder. Ctrl-C stays blocked until the
    worker is able to ignore it.
    """
    wanted = {"OMP_NUM_THREADS": str(n_threads), "OMP_WAIT_POLICY": "PASSIVE"}
    with _spawn_lock:
        before = {name: os.environ.get(name) for name in wanted}
        # Started now, because starting it later would unblock SIGINT behind our back.
        resource_tracker.ensure_running()
        has_mask = hasattr(signal, "pthread_sigmask")
        old_mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if has_mask else set()
        os.environ.update(wanted)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
            if has_mask:
                signal.pthread_sigmask(signal.SIG_SETMASK, old_mask)
