"""Named spans of one chunk: `with recorder.span("denoise"): ...`, then `recorder.finish(chunk_index)`.

Knows a clock that it was given. Does not know devices (synchronise before a span ends, if it must be exact)
nor what becomes of a profile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of work; `start_s` counts from the start of the chunk's first span."""

    name: str
    start_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class ChunkProfile:
    """All spans of one chunk, in the order in which they ended.

    Attributes:
        chunk_index: of the chunk.
        spans: counted from the start of the first.
        origin_s: that start, on the recorder's clock; on Linux, this clock is one for all processes.
        device: name of the device of a cluster that made it; None on a server of one machine.
        memory_bytes: that the engine's process had when it was done; None where it is not known.
    """

    chunk_index: int
    spans: tuple[Span, ...]
    origin_s: float = 0.0
    device: str | None = None
    memory_bytes: int | None = None

    @property
    def total_s(self) -> float:
        """From the start of the first span to the end of the last, gaps included; 0 without spans."""
        return max((span.start_s + span.duration_s for span in self.spans), default=0.0)

    def to_json(self) -> dict[str, Any]:
        """Milliseconds for people and clients; spans of one name are added up."""
        spans_ms: dict[str, float] = {}
        for span in self.spans:
            spans_ms[span.name] = spans_ms.get(span.name, 0.0) + 1000 * span.duration_s
        return {
            "chunk_index": self.chunk_index,
            "total_ms": round(1000 * self.total_s, 3),
            "spans_ms": {name: round(value, 3) for name, value in spans_ms.items()},
        }


class SpanRecorder:
    """Collects the spans of the chunk at hand; one thread, one chunk at a time.

    Args:
        clock: seconds on a monotonic scale.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._spans: list[Span] = []
        self._origin_s: float | None = None

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Time the body under `name`, also when it raises."""
        start_s = self._clock()
        if self._origin_s is None:
            self._origin_s = start_s
        origin_s = self._origin_s
        try:
            yield
        finally:
            self._spans.append(Span(name, start_s - origin_s, self._clock() - start_s))

    def finish(self, chunk_index: int, memory_bytes: int | None = None) -> ChunkProfile:
        """The profile of everything since the last call; the recorder is empty again afterwards."""
        profile = ChunkProfile(chunk_index, tuple(self._spans), self._origin_s or 0.0, memory_bytes=memory_bytes)
        self._spans = []
        self._origin_s = None
        return profile
