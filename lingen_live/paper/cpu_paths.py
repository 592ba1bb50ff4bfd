"""`bench paths`: every path that a CPU could take for a bundle, by stages, against what the processor can multiply.

A path is a dtype, compiled or not. Operations are counted on the networks themselves (matrix products, convolutions,
attention); the peak is a plain matrix product of the same dtype, timed just before. One compute thread is timed by
its own processor time, which other work on the core does not change; more are timed by the clock. Knows engines and
seconds.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

import lingen_kernels
from lingen_kernels.benchmark.timing import times_of
from lingen_live.checkpoint import Bundle
from lingen_live.engine.bench import settle
from lingen_live.engine.build import build_engine
from lingen_live.engine.engine import Engine
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.sampler import chunk_noise
from lingen_live.model.embed import TextContext
from lingen_live.model.state import StreamState
from lingen_live.paper.hardware import device_name
from lingen_live.profile.spans import SpanRecorder

DTYPES = ("float32", "bfloat16")
_PEAK_SIDE = 1024
_PEAK_REPEATS = 20

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Operations:
    """Of one chunk, by stage; a multiply and an add are two."""

    denoise: int
    commit: int
    decode: int


def run_paths(options: EngineOptions, n_chunks: int, say: Callable[[str], object]) -> dict[str, Any]:
    """Measure every path.

    Args:
        options: bundle and threads; dtype and compilation are tried.
        n_chunks: of each path, 2 or more.
        say: told what is at hand.

    Returns:
        JSON-able numbers.
    """
    paths = []
    for dtype in DTYPES:
        for is_compiled in (False, True) if options.compile else (False,):
            engine = build_engine(replace(options, dtype=dtype, compile=is_compiled), lambda stage, fraction: None)
            settle(engine)
            clock = time.thread_time if options.n_threads == 1 else time.perf_counter
            peak = peak_gflop_per_s(getattr(torch, dtype), clock)
            paths.append(_path(engine, stage_medians_ms(engine, n_chunks, clock), peak))
            say(f"{dtype}, {engine.info.path}: {paths[-1]['chunk_ms']:.1f} ms a chunk, peak {peak:.0f} GFLOP/s")
    return {
        "device": device_name("cpu"),
        "torch": torch.__version__,
        "kernels": lingen_kernels.implementation(),
        "name": engine.info.name,
        "n_chunks": n_chunks,
        "clock": "processor time" if options.n_threads == 1 else "clock",
        "paths": paths,
    }


def stage_medians_ms(engine: Engine, n_chunks: int, clock: Clock) -> dict[str, float]:
    """Median milliseconds of a chunk ("chunk") and its stages; the engine is left as it is.

    Args:
        engine: warm.
        n_chunks: how often.
        clock: seconds.
    """
    recorder, profiles = SpanRecorder(clock), []
    with torch.inference_mode():
        for index in range(n_chunks):
            engine.maker.make(engine.denoiser, [engine.moment], recorder)
            profiles.append(recorder.finish(index))
    spans = [profile.to_json()["spans_ms"] for profile in profiles]
    medians = {name: statistics.median(one[name] for one in spans) for name in spans[0]}
    return medians | {"chunk": statistics.median(1e3 * profile.total_s for profile in profiles)}


def peak_gflop_per_s(dtype: torch.dtype, clock: Clock) -> float:
    """The best of a few square matrix products, with as many threads as torch has."""
    left, right = torch.randn(2, _PEAK_SIDE, _PEAK_SIDE).to(dtype)
    best_s = times_of(lambda: left @ right, _PEAK_REPEATS, is_cuda=False, clock=clock).best_s
    return 2 * _PEAK_SIDE**3 / best_s / 1e9


@torch.no_grad()
def count_operations(bundle: Bundle, text: TextContext, n_steps: int) -> Operations:
    """Count one chunk on the networks themselves.

    Args:
        bundle: on a CPU.
        text: a prompt of batch 1.
        n_steps: denoising steps a chunk.
    """
    config, dtype = bundle.config.model, bundle.model.latent_in.weight.dtype
    state = StreamState.allocate(config, 1, dtype=dtype)
    latents = chunk_noise(config, 0, 0)
    step = _counted(lambda: bundle.model.denoise(latents, torch.full((1,), 0.5), text, state))
    commit = _counted(lambda: bundle.model.commit(latents, text, state))
    decode = _counted(lambda: bundle.codec.decode_pictures(latents.to(dtype), state.latents[0][:, -1]))
    return Operations(n_steps * step, commit, decode)


def as_markdown(result: dict[str, Any]) -> str:
    """A table for people."""
    lines = [
        f"# Paths of a CPU: {result['name']}",
        "",
        f"{result['device']}, torch {result['torch']}, kernels {result['kernels']}, {result['n_chunks']} chunks a "
        f"path, {result['clock']}. Medians; the share is of the chunk; the peak is a plain "
        "1,024-cubed matrix product of the same dtype.",
        "",
        "| path | stage | ms | share | GFLOP | GFLOP/s | of the peak |",
        "|---|---|---|---|---|---|---|",
    ]
    for path in result["paths"]:
        name = f"{path['dtype']}, {path['path']}"
        lines.append(f"| {name} | chunk | {path['chunk_ms']:.1f} | | | | {path['peak_gflop_per_s']:.0f} GFLOP/s |")
        for stage in path["stages"]:
            cells = [name, stage["name"], f"{stage['ms']:.1f}", f"{stage['share']:.0%}"]
            counted = stage["gflop"] is not None
            cells += (
                [f"{stage['gflop']:.2f}", f"{stage['gflop_per_s']:.0f}", f"{stage['of_peak']:.0%}"]
                if counted
                else [""] * 3
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _path(engine: Engine, medians_ms: dict[str, float], peak: float) -> dict[str, Any]:
    words = engine.words.context(engine.moment.transition.prompt())
    operations = count_operations(engine.bundle, words, engine.info.n_steps)
    chunk_ms = medians_ms["chunk"]
    stages = []
    for name, ms in medians_ms.items():
        if name == "chunk":
            continue
        counted = getattr(operations, name, None)
        speed = None if counted is None else counted / 1e6 / ms
        stages.append(
            {
                "name": name,
                "ms": ms,
                "share": ms / chunk_ms,
                "gflop": None if counted is None else counted / 1e9,
                "gflop_per_s": speed,
                "of_peak": None if speed is None else speed / peak,
            }
        )
    return {
        "dtype": engine.info.dtype,
        "path": engine.info.path,
        "chunk_ms": chunk_ms,
        "frames_per_s": 1e3 * engine.info.frames_per_chunk / chunk_ms,
        "peak_gflop_per_s": peak,
        "stages": stages,
    }


def _counted(run: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()
