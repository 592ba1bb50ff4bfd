"""A run, or two, as tables: facts, percentiles by stage, and a CSV of every chunk. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import groupby

from lingen_live.profile.summary import percentile
from lingen_live.studio.runs import Run

LETTERS = ("A", "B")
"""What runs are called in tables and plots."""

_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
_MAX_STRETCHES = 8


def facts(runs: Sequence[Run]) -> list[list[str]]:
    """What there is to know of runs but their stages: a row a fact, its name first, then a cell a run."""
    has_devices = any(life.device is not None for run in runs for life in run.lives)
    rows = {
        "from": [run.source for run in runs],
        "chunks": [_chunks(run) for run in runs],
        **({"made by": [_devices(run) for run in runs]} if has_devices else {}),
        "weights": [run.weights or "not told" for run in runs],
        "a chunk plays for": ["not told" if run.chunk_s is None else f"{1000 * run.chunk_s:.0f} ms" for run in runs],
        "took longer to make than it plays": [_missed(run) for run in runs],
        "late frames since it began": [_count(run.n_late_frames) for run in runs],
        "words to their first frame, in the server": [_steers(run) for run in runs],
        "words to the screen, by the browser that sent them": [_photons(run) for run in runs],
        "memory of the engine's process": [_memory(run) for run in runs],
        "the stream remembers": [_size(run) for run in runs],
    }
    return [[name, *cells] for name, cells in rows.items()]


def percentile_header(runs: Sequence[Run]) -> list[str]:
    """Of `percentile_rows`."""
    return ["stage, ms a chunk", *(f"{letter} {name}" for letter in LETTERS[: len(runs)] for name in _SHARES)]


def percentile_rows(runs: Sequence[Run]) -> list[list[str]]:
    """Percentiles of every stage over the chunks in which it occurs, and of making a chunk as a whole."""
    stages = list(dict.fromkeys(stage for run in runs for stage in (*run.work_stages, *run.waits)))
    return [
        ["made, in all", *(cell for run in runs for cell in _cells(run.making_ms()))],
        *([stage, *(cell for run in runs for cell in _cells(_occurring(run, stage)))] for stage in stages),
    ]


def to_csv(runs: Sequence[Run]) -> str:
    """Every chunk of every run, a line each, milliseconds by stage; empty where a stage does not occur."""
    stages = list(dict.fromkeys(stage for run in runs for stage in run.stages))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    header = ["run", "chunk_index", "device", "pts_90khz", "steered_ms", "photon_ms", "memory_bytes", "made_ms"]
    writer.writerow([*header, *(f"{name} ms" for name in stages)])
    for letter, run in zip(LETTERS, runs, strict=False):
        for life, made_ms in zip(run.lives, run.making_ms(), strict=True):
            durations = life.durations_s()
            writer.writerow(
                [
                    letter,
                    life.chunk_index,
                    life.device or "",
                    "" if life.pts is None else life.pts,
                    "" if life.steered_s is None else f"{1000 * life.steered_s:.3f}",
                    "" if life.photon_s is None else f"{1000 * life.photon_s:.1f}",
                    "" if life.memory_bytes is None else life.memory_bytes,
                    f"{made_ms:.3f}",
                    *(f"{1000 * durations[name]:.3f}" if name in durations else "" for name in stages),
                ]
            )
    return file.getvalue()


def _occurring(run: Run, stage: str) -> list[float]:
    durations = [life.durations_s() for life in run.lives]
    return [1000 * each[stage] for each in durations if stage in each]


def _cells(values_ms: Sequence[float]) -> list[str]:
    return [f"{percentile(values_ms, share):.1f}" if values_ms else "" for share in _SHARES.values()]


def _chunks(run: Run) -> str:
    return f"{len(run.lives)}, from {run.lives[0].chunk_index} to {run.lives[-1].chunk_index}"


def _devices(run: Run) -> str:
    """Which device made which chunks, in the order of playing; one that a session came back to is told again."""
    stretches = [(device or "not told", len(list(lives))) for device, lives in groupby(run.lives, lambda it: it.device)]
    told = [f"{device}: {n} chunks" if n > 1 else f"{device}: 1 chunk" for device, n in stretches[-_MAX_STRETCHES:]]
    return ", then ".join([*(["..."] if len(stretches) > _MAX_STRETCHES else []), *told])


def _missed(run: Run) -> str:
    n_missed = run.n_missed()
    return "not told" if n_missed is None else f"{n_missed} of {len(run.lives)}"


def _count(n: int | None) -> str:
    return "not recorded" if n is None else str(n)


def _steers(run: Run) -> str:
    return _spread(run.steers_ms(), "nothing was said")


def _photons(run: Run) -> str:
    return _spread(run.photons_ms(), "none was measured")


def _spread(told: Sequence[tuple[int, float]], nothing: str) -> str:
    waits_ms = [wait_ms for _, wait_ms in told]
    if not waits_ms:
        return nothing
    return f"{len(waits_ms)}: p50 {percentile(waits_ms, 0.5):.0f}, p95 {percentile(waits_ms, 0.95):.0f} ms"


def _memory(run: Run) -> str:
    known = [value for _, value in run.memory_mib()]
    return f"{min(known):.0f} to {max(known):.0f} MiB" if known else "not recorded"


def _size(run: Run) -> str:
    return "not recorded" if run.state_bytes is None else f"{run.state_bytes / 2**20:.1f} MiB, always"
