"""Lives of chunks as a trace in Chrome's format, which ui.perfetto.dev and chrome://tracing open. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lingen_live.profile.lives import ChunkLife
from lingen_live.profile.summary import told_of

# One row each. Waiting is drawn apart from work, because waits of several chunks overlap.
_ROWS = ("engine", "server", "encoder", "waiting")
_ROW_OF = {
    "mailbox": "waiting",
    "queue": "waiting",
    "buffer": "waiting",
    "transfer": "server",
    "colour": "server",
    "archive": "server",
    "encode": "encoder",
    "hand out": "encoder",
}


def to_trace(lives: Sequence[ChunkLife]) -> dict[str, Any]:
    """A document of complete events ("X"); times are microseconds of the server's monotonic clock.

    Waits are asynchronous events ("b", "e"), as events of a row may only nest. Each device of a cluster has a row of
    its own, and each chunk says which one made it, and in how much memory, where its first wait begins.
    """
    devices = list(dict.fromkeys(life.device for life in lives if life.device is not None))
    events: list[dict[str, Any]] = [
        {"name": "process_name", "ph": "M", "pid": 1, "tid": 0, "args": {"name": "lingen live"}}
    ]
    for tid, name in enumerate(_ROWS, 1):
        events.append({"name": "thread_name", "ph": "M", "pid": 1, "tid": tid, "args": {"name": name}})
    for tid, device in enumerate(devices, 1 + len(_ROWS)):
        events.append({"name": "thread_name", "ph": "M", "pid": 1, "tid": tid, "args": {"name": f"engine {device}"}})
    for number, life in enumerate(lives):
        engine_tid = 1 if life.device is None else 1 + len(_ROWS) + devices.index(life.device)
        for span in life.spans:
            start_us, duration_us = 1e6 * (life.origin_s + span.start_s), 1e6 * span.duration_s
            events += _events(life, span.name, start_us, duration_us, number, engine_tid)
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def row_of(stage: str) -> str:
    """Where a stage happens: "engine", "server", "encoder", or "waiting" if it is no work at all."""
    return _ROW_OF.get(stage, "engine")


def _events(
    life: ChunkLife, name: str, start_us: float, duration_us: float, number: int, engine_tid: int
) -> list[dict[str, Any]]:
    row = row_of(name)
    tid = engine_tid if row == "engine" else 1 + _ROWS.index(row)
    common = {"name": name, "cat": row, "pid": 1, "tid": tid, "ts": round(start_us, 1)}
    if row != "waiting":
        return [{**common, "ph": "X", "dur": round(duration_us, 1), "args": {"chunk": life.chunk_index}}]
    end = {**common, "ph": "e", "id": f"{number} {name}", "ts": round(start_us + duration_us, 1)}
    return [{**common, "ph": "b", "id": f"{number} {name}", "args": {"chunk": life.chunk_index, **told_of(life)}}, end]
