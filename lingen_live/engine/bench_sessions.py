"""How many streams one engine carries: in batches, one at a time, and against the deadlines of a playback.

Generation is measured; playback is not waited for: its clock runs by the seconds that generation took. Knows engines.
Does not know a network or viewers.
"""

from __future__ import annotations

import mmap
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from lingen_live.engine.batch import StreamBatch
from lingen_live.engine.bench import describe_hardware
from lingen_live.engine.engine import Engine
from lingen_live.engine.scheduler import Demand, RecurrentStateScheduler
from lingen_live.engine.stream import Stream

_PROMPTS = ("a meadow at dawn", "snowy hills", "night over the city", "a red balloon over the sea at dusk")

Clock = Callable[[], float]


def run_bench_sessions(
    engine: Engine, sizes: Sequence[int], n_chunks: int, clock: Clock = time.perf_counter
) -> dict[str, Any]:
    """Measure.

    Args:
        engine: warm, and settled on its path.
        sizes: numbers of streams.
        n_chunks: of every stream, in each of the three measurements.
        clock: seconds.

    Returns:
        JSON-able numbers; `as_sessions_table` says what they mean.
    """
    return {
        "hardware": describe_hardware(),
        "engine": engine.info.to_json(),
        "n_chunks": n_chunks,
        "sessions": [_measure(engine, size, n_chunks, clock) for size in sizes],
    }


def as_sessions_table(result: dict[str, Any]) -> str:
    """The numbers for a person."""
    engine = result["engine"]
    lines = [
        f"{result['hardware']}, {engine['compute_threads']} compute thread(s), {engine['dtype']}",
        f"one stream alone takes the {engine['path']} path, a batch of more the eager one",
        f"{'streams':>7} {'alone':>9} {'batched':>9} {'gain':>6} {'batch ms':>9} {'in time':>8} "
        f"{'state':>9} {'room':>9}",
    ]
    lines += [
        f"{row['n_streams']:>7} {row['alone_chunks_per_s']:>9.2f} {row['batched_chunks_per_s']:>9.2f} "
        f"{row['gain']:>6.2f} {row['batch_ms']:>9.1f} {100 * row['in_time']:>6.0f} % "
        f"{row['state_bytes'] / 2**20:>5.2f} MiB {row['pool_bytes'] / 2**20:>5.0f} MiB"
        for row in result["sessions"]
    ]
    lines.append(
        "alone, batched: chunks/s of all streams together, one at a time and in one pass; in time: chunks that were "
        "there before they had to play; state: a stream; room: for a stream and all moments that it keeps"
    )
    return "\n".join(lines)


def _measure(engine: Engine, n_streams: int, n_chunks: int, clock: Clock) -> dict[str, Any]:
    batch = StreamBatch(engine, n_streams)
    batch.attach(mmap.mmap(-1, batch.pool_bytes(n_streams)))
    streams = [batch.open(seed=k, prompt=_PROMPTS[k % len(_PROMPTS)]) for k in range(n_streams)]
    batch.tick(streams)  # allocations and kernel choices of this size are not measured
    alone_s = [_timed(clock, batch, [stream]) for _ in range(n_chunks) for stream in streams]
    batched_s = [_timed(clock, batch, streams) for _ in range(n_chunks)]
    alone, batched = 1 / statistics.median(alone_s), n_streams / statistics.median(batched_s)
    return {
        "n_streams": n_streams,
        "alone_chunks_per_s": alone,
        "batched_chunks_per_s": batched,
        "gain": batched / alone,
        "batch_ms": 1000 * statistics.median(batched_s),
        "in_time": _play(engine, batch, streams, n_chunks, clock, (statistics.median(alone_s),)),
        "state_bytes": streams[0].state.n_bytes,
        "pool_bytes": batch.pool_bytes(1),
        "slots_taken": batch.pool.n_taken,
    }


def _timed(clock: Clock, batch: StreamBatch, streams: Sequence[Stream]) -> float:
    start_s = clock()
    batch.tick(streams)
    took_s = clock() - start_s
    batch.settle()
    return took_s


def _play(
    engine: Engine,
    batch: StreamBatch,
    streams: Sequence[Stream],
    n_chunks: int,
    clock: Clock,
    costs_s: Sequence[float],
) -> float:
    """The share of chunks that are there in time when the scheduler chooses and all streams play.

    A stream wants a chunk when it has no more than one left to play, as the live server's playout does at most.
    """
    chunk_s = engine.info.frames_per_chunk / engine.info.fps
    scheduler = RecurrentStateScheduler(len(streams), costs_s)
    # They begin one after the other, evenly over a chunk: people do not come all at once.
    dry_at_s = {k: chunk_s * (1 + k / len(streams)) for k in range(len(streams))}
    now_s, n_in_time, n_made = 0.0, 0, 0
    while n_made < n_chunks * len(streams):
        now_s = max(now_s, min(dry_at_s.values()) - chunk_s)
        demands = [Demand(k, dry) for k, dry in dry_at_s.items() if dry - now_s <= chunk_s + 1e-9]
        chosen = scheduler.next_batch(demands, now_s)
        took_s = _timed(clock, batch, [streams[k] for k in chosen])
        scheduler.observe(len(chosen), took_s)
        now_s += took_s
        for k in chosen:
            n_in_time += now_s <= dry_at_s[k]
            dry_at_s[k] = max(now_s, dry_at_s[k]) + chunk_s
        n_made += len(chosen)
    return n_in_time / n_made
