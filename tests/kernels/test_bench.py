"""The kernel benchmark runs at toy size, ends in one line of JSON, and times nothing that is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

import bench
import lingen_kernels


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    before = lingen_kernels.implementation()
    yield
    lingen_kernels.use(before)


def test_quick_ends_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    bench.main(["--quick", "--operators", "ssd", "conv"])
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(result["relative_errors"]) == {"ssd", "conv"}
    assert set(result["relative_errors"]["ssd"]) == set(lingen_kernels.implementations())
    assert all(error < 1e-4 for errors in result["relative_errors"].values() for error in errors.values())
    timed = {(row["operator"], row["implementation"], row["mode"]) for row in result["rows"]}
    assert {("ssd", "torch", "forward"), ("ssd", "torch", "forward+backward")} <= timed
    assert ("conv", "grouped conv1d", "forward") in timed
    assert all(row["median_ms"] >= row["best_ms"] > 0 for row in result["rows"])
    for row in result["rows"]:
        allowed_s = row["roofline"] * row["median_ms"] / 1e3
        by_flops = row["gflop_per_s"] * row["median_ms"] / 1e3 / result["ceilings"]["gflop_per_s"]
        assert allowed_s >= by_flops * (1 - 1e-9)


@pytest.mark.parametrize("broken", [lambda y: 1.01 * y, lambda y: torch.full_like(y, torch.nan)])
def test_a_wrong_kernel_is_not_timed(broken: Any) -> None:
    operator = next(operator for operator in bench.OPERATORS if operator.name == "modulate")

    def call(**inputs: Any) -> Any:
        tokens, normed = lingen_kernels.modulate(**inputs)
        return (tokens, broken(normed)) if lingen_kernels.implementation() == "torch" else (tokens, normed)

    args = bench.parse_arguments(["--quick"])
    with pytest.raises(SystemExit, match=r"modulate of torch is wrong: error .*Nothing was timed"):
        bench.check(replace(operator, call=call), args)


def test_costs_are_those_of_the_roofline_study() -> None:
    """25.5 KB and 9.5 MFLOP a token at 96 heads of 64, d_state 128, bfloat16, blocks of 256."""
    args = bench.parse_arguments(["--preset", "lingen-4b", "--block-len", "256"])
    length = 100_000
    assert bench.ssd_flops(args, length) / length == pytest.approx(9.5e6, rel=0.01)
    assert bench.ssd_bytes(args, length) / length == pytest.approx(25.5e3, rel=0.02)
