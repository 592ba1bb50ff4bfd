"""A long stream as fast as it goes, to see whether anything grows with its age: time a chunk, or memory.

Takes the turns that the worker process takes: orders, a chunk, what the server would go on from. Knows engines and
seconds. Does not know a network, a viewer or an encoder.
"""

from __future__ import annotations

import mmap
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from lingen_live.engine.batch import BatchedStream, StreamBatch
from lingen_live.engine.bench import describe_hardware
from lingen_live.engine.control import Order, Steer
from lingen_live.engine.curve import Curve, draw
from lingen_live.engine.engine import Engine
from lingen_live.engine.memory import resident_bytes
from lingen_live.engine.tick import Errand, run_ticks
from lingen_live.errors import ConfigError

_PROMPTS = ("a meadow at dawn", "make it snow", "night over the city", "a red balloon over the sea at dusk")
_STEER_EVERY = 16
_TRANSITION_CHUNKS = 2
_WINDOW_S = 300.0
_PER_POINT_S = 30.0
MAX_MINUTES = 24 * 60.0

Clocks = tuple[Callable[[], float], Callable[[], float]]


def run_bench_hour(
    engine: Engine,
    minutes: float,
    on_chunk: Callable[[int], object] = lambda n_chunks: None,
    clocks: Clocks = (time.perf_counter, time.process_time),
) -> dict[str, Any]:
    """Make a long stream.

    Args:
        engine: warm, and settled on its path; makes a stream of its seed and prompt.
        minutes: of video.
        on_chunk: called after each chunk with how many there are in all.
        clocks: seconds, and seconds of the processor: those grow only if the work does, whoever else is busy.

    Returns:
        JSON-able numbers: medians of the first and the last five minutes of video (or of a third, if it is shorter),
        and the curves.

    Raises:
        ConfigError: the length is out of its range.
    """
    chunk_s = engine.info.frames_per_chunk / engine.info.fps
    least = 3 * chunk_s / 60
    if not least <= minutes <= MAX_MINUTES:
        raise ConfigError(f"minutes is {minutes:g}; it must be {least:g} to {MAX_MINUTES:g}.")
    n_chunks = round(60 * minutes / chunk_s)
    batch = StreamBatch(engine)
    batch.attach(mmap.mmap(-1, batch.pool_bytes(1)))
    stream = batch.open(seed=engine.seed, prompt=engine.prompt)
    wall_ms, work_ms, rss = _live(batch, stream, n_chunks, on_chunk, clocks)
    window = min(round(_WINDOW_S / chunk_s), n_chunks // 3)
    spans = {name: _ends(values, window) for name, values in (("wall_ms", wall_ms), ("work_ms", work_ms), ("rss", rss))}
    return {
        "hardware": describe_hardware(),
        "engine": engine.info.to_json(),
        "n_chunks": n_chunks,
        "n_frames": n_chunks * engine.info.frames_per_chunk,
        "window_s": window * chunk_s,
        "chunk_ms": spans["wall_ms"],
        "processor_ms": spans["work_ms"],
        "rss_bytes": spans["rss"],
        "kept_bytes": stream.timeline.n_bytes,
        "n_kept": len(stream.timeline.current.snapshots),
        "prompt": stream.prompt,
        "curves": _curves(wall_ms, rss, chunk_s),
    }


def _live(
    batch: StreamBatch, stream: BatchedStream, n_chunks: int, on_chunk: Callable[[int], object], clocks: Clocks
) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds, milliseconds of the processor, and resident memory of every chunk."""
    wall_ms, work_ms, rss = [], [], []
    for index in range(n_chunks):
        starts_s = [clock() for clock in clocks]
        run_ticks(batch, [Errand(stream, _orders(index))])
        took_ms, worked_ms = (1000 * (clock() - start_s) for clock, start_s in zip(clocks, starts_s, strict=True))
        stream.kept()
        batch.settle()
        wall_ms.append(took_ms)
        work_ms.append(worked_ms)
        rss.append(float(resident_bytes() or 0))
        on_chunk(n_chunks)
    return wall_ms, work_ms, rss


def _ends(values: Sequence[float], window: int) -> dict[str, float]:
    """Medians of the first and the last values, and by how much the last is more."""
    first, last = statistics.median(values[:window]), statistics.median(values[-window:])
    return {"first": first, "last": last, "growth": last - first}


def _orders(index: int) -> tuple[Order, ...]:
    """What is said before a chunk: now and then something else."""
    if index % _STEER_EVERY != _STEER_EVERY - 1:
        return ()
    prompt = _PROMPTS[index // _STEER_EVERY % len(_PROMPTS)]
    return (Order(Steer(index, prompt, _TRANSITION_CHUNKS), (index,)),)


def _curves(took_ms: Sequence[float], rss: Sequence[float], chunk_s: float) -> dict[str, list[float]]:
    """Medians of half minutes of video, and when each ends."""
    per_point = max(1, min(round(_PER_POINT_S / chunk_s), len(took_ms) // 8))
    starts = range(0, len(took_ms) - per_point + 1, per_point)
    return {
        "minutes": [(start + per_point) * chunk_s / 60 for start in starts],
        "chunk_ms": [statistics.median(took_ms[start : start + per_point]) for start in starts],
        "rss_mib": [statistics.median(rss[start : start + per_point]) / 2**20 for start in starts],
    }


def as_hour_table(result: dict[str, Any]) -> str:
    """The numbers for a person."""
    engine = result["engine"]
    span_min = result["window_s"] / 60
    return "\n".join(
        (
            f"{result['hardware']}, {engine['compute_threads']} compute thread(s), {engine['dtype']}, {engine['path']}",
            f"{result['n_frames']} frames in {result['n_chunks']} chunks; medians of the first and the last "
            f"{span_min:.1f} minutes of video:",
            _spoken("a chunk", result["chunk_ms"], 1, "ms"),
            _spoken("of that the processor", result["processor_ms"], 1, "ms"),
            _spoken("resident memory", result["rss_bytes"], 1e6, "MB"),
            f"  kept in the end: {result['n_kept']} moments, {result['kept_bytes'] / 2**20:.1f} MiB",
        )
    )


def _spoken(what: str, ends: dict[str, float], unit: float, name: str) -> str:
    share = f"{100 * ends['growth'] / ends['first']:+.1f} %" if ends["first"] else "of nothing"
    numbers = f"{ends['first'] / unit:.1f} and {ends['last'] / unit:.1f} {name}"
    return f"  {what}: {numbers}, {ends['growth'] / unit:+.1f} {name} ({share})"


def hour_picture(result: dict[str, Any]) -> str:
    """The curves as SVG."""
    curves = result["curves"]
    return draw(
        "minutes of video",
        curves["minutes"],
        (
            Curve("a chunk, median of half minutes, ms", curves["chunk_ms"]),
            Curve("resident memory, MiB", curves["rss_mib"]),
        ),
    )
