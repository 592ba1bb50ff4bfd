"""Percentiles of measured values, and of the stages of chunks. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lingen_live.profile.lives import ChunkLife, stage_names


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of all do not exceed.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("There are 0 values; a percentile takes 1 or more.")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def summarise(values_s: Sequence[float]) -> dict[str, float]:
    """Milliseconds for people and clients; `values_s` must not be empty."""
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(1000 * percentile(values_s, share), 3) for name, share in shares.items()}


def stages_ms(lives: Sequence[ChunkLife]) -> dict[str, dict[str, float]]:
    """Percentiles of every stage, over the chunks in which it occurs."""
    durations = [life.durations_s() for life in lives]
    return {name: summarise([each[name] for each in durations if name in each]) for name in stage_names(lives)}


def steers_ms(lives: Sequence[ChunkLife]) -> dict[str, Any]:
    """How long controls took from the socket to the first frame made under them, before network and browser."""
    waits_s = [wait_s for life in lives if (wait_s := life.steered_s) is not None]
    return {"n": len(waits_s), **(summarise(waits_s) if waits_s else {})}


def life_to_json(life: ChunkLife) -> dict[str, Any]:
    """One chunk as JSON: spans as [name, start, duration], milliseconds from when it was asked for.

    `device` is there if a cluster made it, `memory_bytes` if the engine's memory is known, `photon_ms` if a browser
    said when it showed what somebody had asked for.
    """
    return {
        "chunk_index": life.chunk_index,
        "pts": life.pts,
        "steered_ms": None if life.steered_s is None else round(1000 * life.steered_s, 3),
        "spans": [[span.name, round(1000 * span.start_s, 3), round(1000 * span.duration_s, 3)] for span in life.spans],
        **told_of(life),
    }


def told_of(life: ChunkLife) -> dict[str, Any]:
    """Who made a chunk, in how much memory, and how soon words were seen in it, as far as it is known."""
    photon_ms = None if life.photon_s is None else round(1000 * life.photon_s, 1)
    known = {"device": life.device, "memory_bytes": life.memory_bytes, "photon_ms": photon_ms}
    return {name: value for name, value in known.items() if value is not None}
