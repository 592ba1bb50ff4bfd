"""Seconds of a function, as it is or as a CUDA graph, and what a machine reaches when nothing else is asked of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from lingen_kernels.benchmark.setting import Setting

_WARM_UP_RUNS = 2


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The best of a plain matrix product and a plain copy."""

    gflop_per_s: float
    gbyte_per_s: float


@dataclass(frozen=True, slots=True)
class Times:
    """Of one function, seconds."""

    median_s: float
    best_s: float


def times_of(
    function: Callable[[], object],
    repeats: int,
    *,
    is_cuda: bool,
    budget_s: float = 5.0,
    n_free: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> Times:
    """Time runs after a few to warm up; device work included.

    Args:
        function: to be run.
        repeats: runs that are timed.
        is_cuda: whether there is a GPU to wait for.
        budget_s: no further run begins after this time, if there was one.
        n_free: first runs that count neither as times nor against the budget: what has to be compiled is then.
        clock: seconds.
    """
    times_s: list[float] = []
    for _ in range(n_free):
        function()
    if is_cuda:
        torch.cuda.synchronize()
    begun = clock()
    for run in range(repeats + _WARM_UP_RUNS):
        if is_cuda:
            torch.cuda.synchronize()
        start = clock()
        function()
        if is_cuda:
            torch.cuda.synchronize()
        now = clock()
        is_late = now - begun > budget_s
        if run >= _WARM_UP_RUNS or is_late:
            times_s.append(now - start)
        if is_late:
            break
    return Times(statistics.median(times_s), min(times_s))


def graphed(function: Callable[[], object]) -> Callable[[], object]:
    """The work of `function` as a CUDA graph, replayed without its launches."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UP_RUNS):
            function()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        function()
    return graph.replay


def measure_ceilings(setting: Setting) -> Ceilings:
    """A square matrix product and a copy, large enough to be limited by nothing else."""
    side = 8192 if setting.is_cuda else (128 if setting.is_quick else 1024)
    left, right = setting.draw(side, side), setting.draw(side, side)
    product_s = times_of(lambda: left @ right, setting.repeats, is_cuda=setting.is_cuda).best_s
    n_bytes = 2**30 if setting.is_cuda else (2**20 if setting.is_quick else 2**27)
    source = torch.zeros(n_bytes, dtype=torch.uint8, device=setting.device)
    target = torch.empty_like(source)
    copy_s = times_of(lambda: target.copy_(source), setting.repeats, is_cuda=setting.is_cuda).best_s
    return Ceilings(2 * side**3 / product_s / 1e9, 2 * n_bytes / copy_s / 1e9)
