"""`bench stream`: one endless stream of the paper's scale, chunk after chunk, on the path a GPU would serve it by.

Every chunk is timed by stages; the next chunk's noise is drawn on the CPU while the GPU works. Random weights run as
fast as trained ones, and every record says that they are random. Knows models and seconds. Does not know viewers.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from lingen_live.config import BundleConfig, Weights
from lingen_live.engine.sampler import chunk_noise
from lingen_live.model.embed import TextContext
from lingen_live.paper.clock import Mark, Stopwatch, seconds_between
from lingen_live.paper.static_tick import STAGES, StaticTick

SPANS = ("noise", *STAGES, "copy")
_SEED = 0


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """One chunk: what made it, and milliseconds by stage.

    Attributes:
        chunk_index: from 0.
        weights: "random" or "trained": frames of random weights are no pictures.
        spans_ms: by name of `SPANS`.
        chunk_ms: from its noise in memory to its frames on the CPU and its state committed, waiting included.
        memory_bytes: taken from the device, graphs included; 0 on a CPU.
    """

    chunk_index: int
    weights: Weights
    spans_ms: dict[str, float]
    chunk_ms: float
    memory_bytes: int


class StreamRun:
    """Makes and times chunks.

    Args:
        tick: the static buffers and stages.
        config: of the bundle.
        device: where it runs.
        weights: "random" or "trained".
    """

    def __init__(self, tick: StaticTick, config: BundleConfig, device: str, weights: Weights) -> None:
        self._tick, self._config, self._device, self._weights = tick, config, torch.device(device), weights
        self._watch = Stopwatch(device)
        is_cuda = self._device.type == "cuda"
        self._next_noise = torch.empty(tick.noise.shape, pin_memory=is_cuda)
        self.host_frames = torch.empty(tick.frames.shape, dtype=torch.uint8, pin_memory=is_cuda)
        self._index = 0
        self._draw()

    def restart(self) -> None:
        """Begin the stream anew."""
        self._tick.forget()
        self._index = 0
        self._draw()

    def chunk(self) -> ChunkRecord:
        """Make the next chunk."""
        start_s = time.perf_counter()
        marks = [self._watch.mark()]
        self._tick.noise.copy_(self._next_noise, non_blocking=True)
        marks.append(self._watch.mark())
        for stage in STAGES:
            self._tick.run(stage)
            marks.append(self._watch.mark())
        self.host_frames.copy_(self._tick.frames, non_blocking=True)
        marks.append(self._watch.mark())
        self._copied(marks[1])
        index, self._index = self._index, self._index + 1
        self._draw()
        self._watch.wait()
        chunk_ms = 1e3 * (time.perf_counter() - start_s)
        spans = {name: 1e3 * seconds_between(*pair) for name, pair in zip(SPANS, _pairs(marks), strict=True)}
        memory = torch.cuda.memory_reserved(self._device) if self._device.type == "cuda" else 0
        return ChunkRecord(index, self._weights, spans, chunk_ms, memory)

    def _draw(self) -> None:
        self._next_noise.copy_(chunk_noise(self._config.model, _SEED, self._index))

    def _copied(self, mark: Mark) -> None:
        """Wait until the noise left its buffer, which the next noise is written to."""
        if mark.event is not None:
            mark.event.synchronize()


def summarise(
    records: Sequence[ChunkRecord], config: BundleConfig, tick: StaticTick, first_chunk_s: float, facts: dict[str, Any]
) -> dict[str, Any]:
    """JSON-able numbers of a run.

    Args:
        records: of consecutive chunks, 4 or more.
        config: of the bundle.
        tick: what made them.
        first_chunk_s: from the prompt to the frames of the first chunk, warm.
        facts: what else is to be said: device, dtype, kernels and so on.
    """
    chunk_ms = [record.chunk_ms for record in records]
    median_ms = statistics.median(chunk_ms)
    tenth = max(len(records) // 10, 1)
    by_stage = {name: [record.spans_ms[name] for record in records] for name in SPANS} | {"chunk": chunk_ms}
    return {
        **facts,
        "weights": records[0].weights,
        "name": config.name,
        "n_chunks": len(records),
        "media_s": len(records) * config.frames_per_chunk / config.video.fps,
        "frames_per_chunk": config.frames_per_chunk,
        "frames_per_s": 1e3 * config.frames_per_chunk / median_ms,
        "first_chunk_ms": 1e3 * first_chunk_s,
        "state_bytes": tick.n_state_bytes,
        "stages_ms": {name: _quantiles(values) for name, values in by_stage.items()},
        "first_tenth_ms": statistics.median(chunk_ms[:tenth]),
        "last_tenth_ms": statistics.median(chunk_ms[-tenth:]),
        "memory_first_bytes": records[0].memory_bytes,
        "memory_last_bytes": records[-1].memory_bytes,
        "last_chunk": asdict(records[-1]),
    }


def run_stream(
    run: StreamRun,
    tick: StaticTick,
    config: BundleConfig,
    speak: Callable[[], TextContext],
    n_chunks: int,
    facts: dict[str, Any],
    budget_s: float = float("inf"),
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """Warm up, forget, and measure chunks from the first on; see `summarise`.

    Args:
        run: makes chunks.
        tick: what it runs.
        config: of the bundle.
        speak: reads the prompt; part of the first chunk's time.
        n_chunks: at most so many, 4 or more.
        facts: as in `summarise`.
        budget_s: no chunk begins after this time, if there are 4.
        clock: seconds.
    """
    for _ in range(2):
        run.chunk()
    run.restart()
    begun_s = clock()
    tick.say(speak())
    records = [run.chunk()]
    first_chunk_s = clock() - begun_s
    while len(records) < n_chunks and (len(records) < 4 or clock() - begun_s < budget_s):
        records.append(run.chunk())
    return summarise(records, config, tick, first_chunk_s, facts)


def as_markdown(result: dict[str, Any]) -> str:
    """The numbers for people; the first line says what the weights are."""
    said = "**random weights: the frames are noise, the speed is real**" if result["weights"] == "random" else "trained"
    lines = [
        f"{result['name']}, {said}. {result['device']}, {result['dtype']}, kernels {result['kernels']}, "
        f"{result['path']}, decoder: {result['decoder']}.",
        "",
        f"{result['frames_per_s']:.1f} frames/s; first chunk after {result['first_chunk_ms']:.1f} ms; state "
        f"{result['state_bytes'] / 2**20:.2f} MiB; memory {result['memory_first_bytes'] / 2**30:.2f} GiB at the first "
        f"chunk, {result['memory_last_bytes'] / 2**30:.2f} GiB at the last; {result['n_chunks']:,} chunks ("
        f"{result['media_s'] / 60:.1f} minutes of video): {result['first_tenth_ms']:.1f} ms a chunk in the first "
        f"tenth, {result['last_tenth_ms']:.1f} ms in the last.",
        "",
        f"| stage, ms a chunk of {result['frames_per_chunk']} frames | p50 | p95 | p99 | max |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {numbers['p50']:.2f} | {numbers['p95']:.2f} | {numbers['p99']:.2f} | {numbers['max']:.2f} |"
        for name, numbers in result["stages_ms"].items()
    ]
    if result.get("float8_error") is not None:
        lines += ["", f"8-bit linear layers: velocity differs from {result['dtype']} by {result['float8_error']:.2%}."]
    return "\n".join(lines) + "\n"


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": statistics.median(values), "p95": cuts[94], "p99": cuts[98], "max": max(values)}


def _pairs(marks: Sequence[Mark]) -> list[tuple[Mark, Mark]]:
    return list(itertools.pairwise(marks))
