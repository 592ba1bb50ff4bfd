"""Ctrl-C at a moment of one's own choosing, so that no work is torn in two. Does not know the work."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class InterruptGate:
    """While it is entered, the first Ctrl-C is only noted (`is_asked`); a second one strikes at once.

    Only the main thread hears signals: elsewhere, and where the program handles SIGINT in its own way, it
    changes nothing.
    """

    def __init__(self) -> None:
        self._is_asked = False
        self._is_holding = False

    def __enter__(self) -> Self:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._hold)
            self._is_holding = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_holding:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._is_holding = False

    @property
    def is_asked(self) -> bool:
        """Whether a Ctrl-C has come; whoever entered the gate raises it where it does no harm."""
        return self._is_asked

    def _hold(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_asked:
            raise KeyboardInterrupt
        self._is_asked = True
