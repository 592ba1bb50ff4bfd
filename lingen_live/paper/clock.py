"""Marks in a sequence of work, and the seconds between them: by CUDA events on a GPU, by a clock on a CPU.

On a GPU a mark does not wait for the work before it, so that measuring does not slow down what is measured; ask for
seconds after a synchronisation only.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Mark:
    """A point in the work."""

    event: torch.cuda.Event | None
    at_s: float


class Stopwatch:
    """Makes marks.

    Args:
        device: where the work is done.
    """

    def __init__(self, device: str | torch.device) -> None:
        self._is_cuda = torch.device(device).type == "cuda"

    def mark(self) -> Mark:
        """Here."""
        if not self._is_cuda:
            return Mark(None, time.perf_counter())
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return Mark(event, time.perf_counter())

    def wait(self) -> None:
        """Until all work is done."""
        if self._is_cuda:
            torch.cuda.synchronize()


def seconds_between(first: Mark, last: Mark) -> float:
    """From one mark to another of the same stopwatch; on a GPU both must have been passed."""
    if first.event is None or last.event is None:
        return last.at_s - first.at_s
    return first.event.elapsed_time(last.event) / 1e3
