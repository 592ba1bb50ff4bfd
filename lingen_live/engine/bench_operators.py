"""Where the time of a batch goes, by kind of operator, and how near that is to what the processor can do.

A call of an operator counts with the fastest call of its shape, so that what else the machine does hardly shows.
Knows a model's passes. Does not know streams or deadlines.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from lingen_live.engine.engine import Engine
from lingen_live.profile.spans import SpanRecorder

_REPEATS = 3
_KINDS = {
    "products": ("mm", "addmm", "bmm", "baddbmm", "linear", "mkldnn_linear", "_linear_pointwise"),
    "convolutions": ("convolution", "conv2d", "mkldnn_convolution", "conv1d", "_convolution"),
    "attention": ("attention",),
    "copies": ("copy_", "cat", "clone", "index", "stack", "contiguous", "gather", "select_backward", "_to_copy"),
}


def profile_batches(engine: Engine, sizes: Sequence[int], repeats: int = _REPEATS) -> dict[str, Any]:
    """Measure on the eager path.

    Args:
        engine: on the CPU, warm.
        sizes: of batches.
        repeats: passes of each size.

    Returns:
        JSON-able numbers: `peak_gflops` of a large product, and of every size, by kind of operator, seconds a chunk and
        10^9 operations a second.
    """
    return {
        "dtype": str(engine.dtype).removeprefix("torch."),
        "peak_gflops": measure_peak(engine.dtype),
        "batches": [{"n_streams": size, "kinds": _profile(engine, size, repeats)} for size in sizes],
    }


def as_operator_table(result: dict[str, Any]) -> str:
    """The numbers for a person."""
    n_threads = torch.get_num_threads()
    lines = [
        f"a large product in {result['dtype']}: {result['peak_gflops']:.0f} GFLOP/s, {n_threads} thread(s)",
        f"{'kind':<14}" + "".join(f"{'batch of ' + str(one['n_streams']):>24}" for one in result["batches"]),
    ]
    for kind in result["batches"][0]["kinds"]:
        cells = (one["kinds"].get(kind, {"ms": 0.0, "gflops": 0.0}) for one in result["batches"])
        lines.append(f"{kind:<14}" + "".join(f"{c['ms']:>10.1f} ms {c['gflops']:>4.0f} GF/s" for c in cells))
    lines.append("milliseconds a chunk of one stream, and operations a second; elementwise operations are not counted")
    return "\n".join(lines)


def measure_peak(
    dtype: torch.dtype, side: int = 1024, repeats: int = 15, clock: Callable[[], float] = time.thread_time
) -> float:
    """10^9 operations a second of the fastest of some products of squares."""
    a, b = torch.randn(2, side, side).to(dtype).unbind(0)
    times_s = []
    for _ in range(repeats):
        start_s = clock()
        a @ b
        times_s.append(clock() - start_s)
    return 2 * side**3 / min(times_s) / 1e9


@torch.inference_mode()
def _profile(engine: Engine, size: int, repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds a chunk and GFLOP/s by kind."""

    def run() -> None:
        moments = [engine.moment] * size
        engine.maker.make(engine.bundle.model, moments, SpanRecorder())

    run()
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True, with_flops=True) as recorded:
        for _ in range(repeats):
            run()
    calls: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for event in recorded.events():
        calls[event.name, str(event.input_shapes)].append((event.self_cpu_time_total, event.flops or 0))
    seconds: dict[str, float] = defaultdict(float)
    flops: dict[str, float] = defaultdict(float)
    for (name, _), group in calls.items():
        kind = _kind(name)
        seconds[kind] += len(group) * min(time_us for time_us, _ in group) / 1e6
        if kind in ("products", "convolutions"):
            flops[kind] += sum(count for _, count in group)
    n_chunks = repeats * size
    return {
        kind: {"ms": 1000 * total_s / n_chunks, "gflops": flops[kind] / total_s / 1e9 if total_s else 0.0}
        for kind, total_s in sorted(seconds.items(), key=lambda item: -item[1])
    }


def _kind(name: str) -> str:
    bare = name.rpartition("::")[2]
    for kind, names in _KINDS.items():
        if bare in names or (kind == "attention" and "attention" in bare):
            return kind
    return "the rest"
