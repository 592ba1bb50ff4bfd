"""How fast the engine is, stage by stage: medians, spread and memory of the path that is shipped.

Knows engines and seconds. Does not know a network, a viewer or an encoder.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lingen_live.engine.engine import Engine
from lingen_live.engine.memory import resident_bytes

_PROMPTS = ("a meadow at dawn", "make it snow", "night over the city", "a red balloon over the sea at dusk")
_STEER_EVERY = 16
_SETTLE_CHECK_S = 0.2


def settle(engine: Engine) -> None:
    """Wait until it is decided which path the engine takes; a minute or more where a compiler has to run first."""
    while engine.seek_upgrade():
        time.sleep(_SETTLE_CHECK_S)


def run_bench(engine: Engine, n_chunks: int, on_chunk: Callable[[], object]) -> dict[str, Any]:
    """Generate chunks as fast as possible, steering now and then.

    Args:
        engine: warm.
        n_chunks: at least 2.
        on_chunk: called after each chunk.

    Returns:
        JSON-able numbers: milliseconds a chunk by stage (median, 95th percentile, maximum), frames a second, how
        many times faster than playback, resident memory at the first and the last chunk.
    """
    profiles = []
    first_rss = resident_bytes() or 0
    for index in range(n_chunks):
        if index % _STEER_EVERY == _STEER_EVERY - 1:
            engine.steer(_PROMPTS[index // _STEER_EVERY % len(_PROMPTS)], 2)
        profiles.append(engine.tick().profile)
        if index == min(9, n_chunks - 1):
            first_rss = resident_bytes() or 0
        on_chunk()
    stages = list(dict.fromkeys(span.name for profile in profiles for span in profile.spans))
    by_stage = {name: [p.to_json()["spans_ms"].get(name, 0.0) for p in profiles] for name in stages}
    by_stage["chunk"] = [1000 * profile.total_s for profile in profiles]
    median_ms = statistics.median(by_stage["chunk"])
    info = engine.info
    return {
        "hardware": describe_hardware(),
        "engine": info.to_json(),
        "n_chunks": n_chunks,
        "stages_ms": {name: _summary(values) for name, values in by_stage.items()},
        "frames_per_second": 1000 * info.frames_per_chunk / median_ms,
        "times_faster_than_playback": 1000 * info.frames_per_chunk / info.fps / median_ms,
        "rss_first_bytes": first_rss,
        "rss_last_bytes": resident_bytes() or 0,
    }


def as_table(result: dict[str, Any]) -> str:
    """The numbers for a person."""
    engine = result["engine"]
    lines = [
        f"{result['hardware']}, {engine['compute_threads']} compute thread(s), {engine['dtype']}, {engine['path']}",
        f"{'stage':<10} {'median':>9} {'p95':>9} {'max':>9}   ms a chunk of {engine['frames_per_chunk']} frames",
    ]
    for name, numbers in result["stages_ms"].items():
        lines.append(f"{name:<10} {numbers['median']:>9.1f} {numbers['p95']:>9.1f} {numbers['max']:>9.1f}")
    lines.append(
        f"{result['frames_per_second']:.1f} frames/s, {result['times_faster_than_playback']:.2f} times playback; "
        f"memory {result['rss_first_bytes'] / 2**20:.0f} MiB at chunk 10, "
        f"{result['rss_last_bytes'] / 2**20:.0f} MiB at the end"
    )
    return "\n".join(lines)


def _summary(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    return {"median": statistics.median(values), "p95": cuts[-1], "max": max(values)}


def describe_hardware() -> str:
    """The processor's own name, as far as the system knows it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
