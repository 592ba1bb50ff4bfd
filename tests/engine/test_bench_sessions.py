"""Streams at once, measured by an invented clock."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

import pytest

from lingen_live.engine.bench_sessions import as_sessions_table, run_bench_sessions
from lingen_live.engine.engine import Engine

MakeEngine = Callable[..., Engine]


@pytest.mark.parametrize(("step_s", "in_time"), [(0.05, 1.0), (0.6, 0.0)])
def test_rates_and_deadlines_follow_from_the_time_that_passes(
    make_engine: MakeEngine, step_s: float, in_time: float
) -> None:
    """Every pass takes as long, whatever its size; a chunk plays for half a second."""
    ticks = itertools.count()
    result = run_bench_sessions(make_engine(), (1, 2), 3, lambda: step_s * next(ticks))
    one, two = result["sessions"]
    assert (one["n_streams"], two["n_streams"]) == (1, 2)
    assert one["alone_chunks_per_s"] == pytest.approx(1 / step_s)
    assert two["batched_chunks_per_s"] == pytest.approx(2 / step_s)
    assert (one["gain"], two["gain"]) == pytest.approx((1.0, 2.0))
    assert one["in_time"] == in_time
    assert two["in_time"] == pytest.approx(in_time, abs=0.34)
    assert two["state_bytes"] == make_engine().info.state_bytes
    assert json.loads(json.dumps(result)) == result
    assert "in time" in as_sessions_table(result)
