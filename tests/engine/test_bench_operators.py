"""Time by kinds of operators."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch

from lingen_live.engine.bench_operators import as_operator_table, measure_peak, profile_batches
from lingen_live.engine.engine import Engine

MakeEngine = Callable[..., Engine]


def test_every_kind_has_its_time_and_products_have_a_speed(make_engine: MakeEngine) -> None:
    result = profile_batches(make_engine(), (1, 2))
    one, two = (row["kinds"] for row in result["batches"])
    for kinds in (one, two):
        assert {"products", "convolutions", "attention", "copies", "the rest"} <= set(kinds)
        assert all(kind["ms"] > 0 for kind in kinds.values())
        assert kinds["products"]["gflops"] > 0
        assert kinds["copies"]["gflops"] == 0
    assert json.loads(json.dumps(result)) == result
    table = as_operator_table(result)
    assert "batch of 2" in table
    assert "products" in table


def test_the_peak_is_the_fastest_product() -> None:
    ticks = iter([0.0, 1.0, 1.0, 1.5, 2.0, 4.0])
    peak = measure_peak(torch.float32, side=100, repeats=3, clock=lambda: next(ticks))
    assert peak == pytest.approx(2 * 100**3 / 0.5 / 1e9)
