"""Ctrl-C, or a `kill`, at a moment of one's own choosing, so that no work is torn in two. Does not know the work."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

_Handler = Callable[[int, FrameType | None], object] | signal.Handlers

_USUAL: dict[signal.Signals, _Handler] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
"""The signals that ask for an end, and how Python handles them by itself."""


class InterruptGate:
    """While it is entered, the first Ctrl-C or SIGTERM is only noted (`is_asked`); a second one strikes at once.

    Only the main thread hears signals: elsewhere, and of a signal that the program handles in its own way, it
    changes nothing. A job that a shell put into the background ignores Ctrl-C, but not SIGTERM.
    """

    def __init__(self) -> None:
        self._is_asked = False
        self._held: list[signal.Signals] = []

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._held = [number for number, usual in _USUAL.items() if signal.getsignal(number) is usual]
        for number in self._held:
            signal.signal(number, self._hold)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in self._held:
            signal.signal(number, _USUAL[number])
        self._held = []

    @property
    def is_asked(self) -> bool:
        """Whether a signal has come; whoever entered the gate raises it where it does no harm."""
        return self._is_asked

    def _hold(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_asked:
            raise KeyboardInterrupt
        self._is_asked = True
