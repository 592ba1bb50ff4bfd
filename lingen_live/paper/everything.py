"""`bench all`: every table on one machine, one after the other, within ten minutes on a GPU.

A part that fails is named with its reason, and the next begins. Every part writes its report when it is done, so
that what was measured is kept whatever comes after.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from lingen_kernels.benchmark import run as kernels
from lingen_kernels.benchmark.operators import OPERATORS
from lingen_kernels.benchmark.setting import Setting, preset
from lingen_live.engine.bench import as_table, run_bench, settle
from lingen_live.engine.bench_sessions import as_sessions_table, run_bench_sessions
from lingen_live.engine.build import build_engine
from lingen_live.engine.options import EngineOptions
from lingen_live.paper import latency_report, plots, report, stream_bench
from lingen_live.paper.configs import TOY
from lingen_live.paper.latency import Machine
from lingen_live.paper.stream_build import StreamOptions, build_stream

Say = Callable[[str], object]

PARTS = (
    "kernels",
    "stream-4b-512",
    "stream-4b-512-float8",
    "stream-4b-1024",
    "stream-1b-512",
    "latency",
    "flops",
    "vista-stages",
    "vista-sessions",
)
KERNEL_LENGTHS = (2048, 8192, 35_000, 139_264)
_STREAM_BUDGET_S = 20.0
_ROW_BUDGET_S = 5.0
_SESSIONS = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Part:
    """One report: its file's name and what makes its numbers and its table."""

    name: str
    run: Callable[[], tuple[dict[str, Any], str]]


def run_everything(device: str, out: Path, say: Say, *, is_quick: bool, only: Collection[str] = PARTS) -> bool:
    """Make every report.

    Args:
        device: a torch device name.
        out: folder of the reports.
        say: told every line as it is known.
        is_quick: toy sizes.
        only: which of `PARTS`.

    Returns:
        Whether all of them ran.
    """
    parts = [part for part in _parts(device, say, is_quick=is_quick) if part.name in only]
    results: dict[str, dict[str, Any]] = {}
    for part in parts:
        begun_s = time.perf_counter()
        try:
            result, table = part.run()
        except (Exception, SystemExit) as error:  # a table that cannot be made must not cost the others
            say(f"{part.name}: FAILED: {type(error).__name__}: {error}")
        else:
            results[part.name] = result
            write(out, part.name, result, table)
            say(f"{part.name}: {time.perf_counter() - begun_s:.0f} s, {out / part.name}.md")
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    _plot(results, out, say)
    return len(results) == len(parts)


def write(out: Path, name: str, result: dict[str, Any], table: str) -> None:
    """A report as JSON for programs and Markdown for people."""
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    (out / f"{name}.md").write_text(table, encoding="utf-8")


def kernel_part(setting: Setting, say: Say) -> tuple[dict[str, Any], str]:
    """Every kernel against its rivals."""
    result = kernels.run_benchmark(setting, OPERATORS, say)
    return result, "# Kernels\n\n" + kernels.as_markdown(result)


def latency_part(device: str, say: Say, *, is_quick: bool) -> tuple[dict[str, Any], str]:
    """LinGen and DiT, clip by clip."""
    is_cuda = torch.device(device).type == "cuda"
    machine = Machine(device, torch.bfloat16 if is_cuda else torch.float32, 0.2 if is_quick else _ROW_BUDGET_S)
    plan = latency_report.toy_plan() if is_quick else latency_report.paper_plan()
    result = latency_report.run_latency(plan, machine, say)
    return result, latency_report.as_markdown(result)


def stream_part(options: StreamOptions, n_chunks: int, budget_s: float) -> tuple[dict[str, Any], str]:
    """One stream by its stages."""
    built = build_stream(options)
    result = stream_bench.run_stream(built.run, built.tick, built.config, built.speak, n_chunks, built.facts, budget_s)
    return result, "# One stream\n\n" + stream_bench.as_markdown(result)


def _parts(device: str, say: Say, *, is_quick: bool) -> list[Part]:
    is_cuda = torch.device(device).type == "cuda"
    setting = preset("vista" if is_quick else "lingen-4b", device, KERNEL_LENGTHS, is_quick=is_quick)
    options = StreamOptions(device=device, dtype="bfloat16" if is_cuda else "float32")
    if is_quick:
        options = replace(options, name=TOY)
    n_chunks = 4 if is_quick else 10_000

    def stream(**changes: Any) -> Callable[[], tuple[dict[str, Any], str]]:
        return lambda: stream_part(replace(options, **changes), n_chunks, _STREAM_BUDGET_S)

    def flops() -> tuple[dict[str, Any], str]:
        rows = report.flops_rows((256,), (17,)) if is_quick else report.flops_rows()
        return report.as_json(rows), report.as_markdown(rows)

    def latency() -> tuple[dict[str, Any], str]:
        return latency_part(device, say, is_quick=is_quick)

    parts = [
        Part("kernels", lambda: kernel_part(setting, say)),
        Part("stream-4b-512", stream()),
        Part("stream-4b-512-float8", stream(is_float8=True)),
    ]
    if not is_quick:
        parts.append(Part("stream-4b-1024", stream(side_px=1024)))
        parts.append(Part("stream-1b-512", stream(name="lingen-1b")))
    parts += [Part("latency", latency), Part("flops", flops)]
    sizes = (1, 2) if is_quick else _SESSIONS
    return [*parts, *_vista_parts(device, sizes, 2 if is_quick else 60)]


def _vista_parts(device: str, sizes: tuple[int, ...], n_chunks: int) -> list[Part]:
    """The bundled model: one stream by its stages, and many at once."""

    def fenced(title: str, table: str) -> str:
        return f"# {title}\n\n```\n{table}\n```\n"

    def stages() -> tuple[dict[str, Any], str]:
        engine = build_engine(EngineOptions(device=device, compile=False), lambda stage, fraction: None)
        settle(engine)
        result = run_bench(engine, n_chunks, lambda: None)
        return result, fenced("vista by its stages", as_table(result))

    def sessions() -> tuple[dict[str, Any], str]:
        engine = build_engine(EngineOptions(device=device, compile=False), lambda stage, fraction: None)
        result = run_bench_sessions(engine, sizes, max(n_chunks // 20, 2))
        return result, fenced("vista, many streams", as_sessions_table(result))

    return [Part("vista-stages", stages), Part("vista-sessions", sessions)]


def _plot(results: dict[str, dict[str, Any]], out: Path, say: Say) -> None:
    if (reason := plots.why_no_plots()) is not None:
        say(f"no plots: {reason}")
        return
    if "latency" in results:
        plots.plot_latency(results["latency"], out / "latency.svg")
    if streams := [result for name, result in results.items() if name.startswith("stream")]:
        plots.plot_streams(streams, out / "streams.svg")
